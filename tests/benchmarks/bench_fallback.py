"""Does `fallback` keep its promises under fault? Sixteen callers, four bad backends.

    python tests/benchmarks/bench_fallback.py

A real HTTP server on loopback, in a process of its own, plays three backends: one
that hangs, one that fails now and then, and one that is slow. `fallback` asks in turn:

1. a cascade of bm25 and the backend that hangs, with a client that has no timeout;
2. the one that fails, and 3. the one that is slow, through `resift-http`;
4. bm25, which is always there.

First without the breaker, so that every call meets the hang; then 10,000 calls with
it; then the backends are healed, and the first choice must come back by itself. Exits
with 1 if a promise is broken.
"""

from __future__ import annotations

import http.client
import json
import multiprocessing
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa

import resift
from resift.errors import ServerError

CALLERS = 16
DEADLINE = 0.4
SLACK = 0.05
PAUSE = 0.5
HANG = 2.0  # seconds after which the server gives up a request that it lets hang
DOCUMENTS = [
    f"Document {i} of the red fox that hunts mice in the snow of {i} winters."
    for i in range(20)
]
TABLE = pa.table({"_rowid": list(range(20)), "text": DOCUMENTS})


class Backend(BaseHTTPRequestHandler):
    """A rerank server: the first part of the path says how it behaves."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    healthy: ClassVar[bool] = False
    asked: ClassVar[Counter[str]] = Counter()
    chance: ClassVar[random.Random] = random.Random(7)  # noqa: S311  # not a secret

    def do_POST(self) -> None:
        mode = self.path.split("/")[1]
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or "{}")
        Backend.asked[mode] += 1
        status, answer = 200, {}
        if mode == "heal":
            Backend.healthy = True
        elif mode == "asked":
            answer = dict(Backend.asked)
        else:
            status = self.misbehave(mode)
            scores = [len(text) / 1000 for text in body["documents"]]
            results = [
                {"index": i, "relevance_score": score} for i, score in enumerate(scores)
            ]
            answer = {"results": results}
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def misbehave(self, mode: str) -> int:
        """Hang, fail or be slow; return the status."""
        if Backend.healthy:
            return 200
        if mode == "hang":
            time.sleep(HANG)
        if mode == "slow":
            time.sleep(0.05)
        return 503 if mode == "flaky" and Backend.chance.random() < 0.4 else 200

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            self.close_connection = True  # the client went away

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Quiet, and with room for all callers at once."""

    daemon_threads = True
    request_queue_size = 128


class Hanging:
    """A client without a timeout: what `fallback` must be safe against."""

    def __init__(self, port: int) -> None:
        self.port = port

    @resift.hookimpl
    def score(self, documents: Sequence[str]) -> list[float]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        try:
            body = json.dumps({"documents": list(documents)})
            connection.request("POST", "/hang/v1/rerank", body)
            answer = json.loads(connection.getresponse().read())
        except (OSError, http.client.HTTPException) as error:
            msg = "The connection broke."
            raise ServerError(msg) from error
        finally:
            connection.close()
        return [result["relevance_score"] for result in answer["results"]]


def serve(ready: Connection) -> None:
    """Run the server, in a process of its own."""
    server = Server(("127.0.0.1", 0), Backend)
    ready.send(server.server_port)
    server.serve_forever()


def ask(port: int, what: str) -> dict[str, int]:
    """Tell the server something, or ask it how often it was asked."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("POST", f"/{what}", "{}")
    answer: dict[str, int] = json.loads(connection.getresponse().read())
    connection.close()
    return answer


def build(port: int, **options: object) -> resift.Reranker:
    """Return the fallback under test."""

    def remote(mode: str) -> resift.Reranker:
        options = {"base_url": f"http://127.0.0.1:{port}/{mode}", "max_retries": 0}
        entry = {"use": "http", "options": options}
        return resift.load(mode, config={"rerankers": {mode: entry}})

    cascade = resift.load(
        "cascade", config=None, stages=["bm25", Hanging(port)], keep=[10]
    )
    return resift.load(
        "fallback",
        config=None,
        rerankers=[cascade, remote("flaky"), remote("slow"), "bm25"],
        deadline=DEADLINE,
        pause=PAUSE,
        **options,
    )


class Load:
    """What sixteen callers see."""

    def __init__(self, reranker: resift.Reranker) -> None:
        self.reranker = reranker
        self.seconds: list[float] = []
        self.wrong: list[str] = []
        self.answered: Counter[str] = Counter()
        self.threads = 0

    def run(self, calls: int) -> None:
        """Spread *calls* over the callers."""
        threads = [
            threading.Thread(target=self.call, args=(calls // CALLERS,))
            for _ in range(CALLERS)
        ]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            self.threads = max(self.threads, threading.active_count() - CALLERS)
            time.sleep(0.05)

    def call(self, calls: int) -> None:
        """Rerank a table, and look for anything that is missing."""
        for _ in range(calls):
            start = time.perf_counter()
            table = self.reranker.rerank("red fox winters", TABLE)
            self.seconds.append(time.perf_counter() - start)
            notes = json.loads(table.schema.metadata.get(b"resift.notes", b"[]"))
            if sorted(table["_rowid"].to_pylist()) != TABLE["_rowid"].to_pylist():
                self.wrong.append("a row is missing")
            if not any("answered instead" in note for note in notes):
                self.wrong.append(f"not marked: {notes}")
            self.answered[notes[-1] if notes else "cascade"] += 1

    def line(self, what: str) -> bool:
        """Print the latencies; return whether all is as promised."""
        p50, p99, most = np.percentile(self.seconds, [50, 99, 100])
        met = p99 <= DEADLINE + SLACK and not self.wrong
        print(
            f"{what}: {len(self.seconds)} calls, p50 {p50 * 1e3:.0f} ms, "
            f"p99 {p99 * 1e3:.0f} ms, max {most * 1e3:.0f} ms "
            f"(deadline {DEADLINE * 1e3:.0f} ms + {SLACK * 1e3:.0f} ms): {_met(met)}"
        )
        for wrong, times in Counter(self.wrong).most_common(3):
            print(f"  {times} times: {wrong}")
        for note, times in self.answered.most_common():
            print(f"  {times:6} x {note}")
        return met


def main() -> int:
    """Measure everything; return the exit code."""
    context = multiprocessing.get_context("spawn")
    ready, child = context.Pipe()
    server = context.Process(target=serve, args=(child,), daemon=True)
    server.start()
    port = ready.recv()
    try:
        met = [without_breaker(port), *ten_thousand_calls(port), exits_promptly()]
    finally:
        server.kill()
    return int(not all(met))


def without_breaker(port: int) -> bool:
    """Every call meets the hang, or finds every thread hanging."""
    with build(port, failures=10**9) as reranker:
        load = Load(reranker)
        load.run(640)
        return load.line("without the breaker")


def ten_thousand_calls(port: int) -> list[bool]:
    """Latency, leaks, how often a dead backend is asked, and recovery."""
    before = ask(port, "asked")["hang"]
    reranker = build(port)
    load = Load(reranker)
    load.run(2_000)
    early = _descriptors()
    load.run(8_000)
    late = _descriptors()
    met = [load.line("with the breaker")]

    asked = ask(port, "asked")["hang"] - before
    met.append(asked < 500)
    print(f"the backend that hangs was asked {asked} times: {_met(met[-1])}")
    bound = 4 * 16 + 8
    met.append(load.threads <= bound and late <= early + 8)
    print(
        f"threads at most {load.threads} (bound {bound}), open files {early} after "
        f"2,000 calls and {late} after 10,000: {_met(met[-1])}"
    )

    ask(port, "heal")
    start = time.perf_counter()
    while b"resift.notes" in (reranker.rerank("fox", TABLE).schema.metadata or {}):
        time.sleep(0.02)
        if time.perf_counter() - start > 10:
            break
    seconds = time.perf_counter() - start
    met.append(seconds < HANG + PAUSE + 0.5)
    print(f"the first choice is back {seconds:.2f} s after healing: {_met(met[-1])}")

    reranker.close()
    start = time.perf_counter()
    while threading.active_count() > 1 and time.perf_counter() - start < 10:
        time.sleep(0.02)
    met.append(threading.active_count() == 1)
    print(f"threads left after close: {threading.active_count() - 1}: {_met(met[-1])}")
    return met


def exits_promptly() -> bool:
    """A process whose call hangs for ever ends when its program ends."""
    stuck, free = (_exit_seconds(first) for first in ("stuck", "'bm25'"))
    met = stuck < free + 1.5  # such a call gets a second to end
    print(
        f"exit with a call that hangs {stuck * 1e3:.0f} ms, without one "
        f"{free * 1e3:.0f} ms: {_met(met)}"
    )
    return met


def _exit_seconds(first: str) -> float:
    program = (
        "import threading, time, resift\n"
        "stuck = lambda query, documents: threading.Event().wait()\n"
        "reranker = resift.load('fallback', config=None,\n"
        f"                       rerankers=[{first}, 'bm25'], deadline=0.2)\n"
        "print(reranker.rank('fox', ['a fox', 'a car'])[0].document, time.time())\n"
    )
    done = subprocess.run(  # our own program
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return time.time() - float(done.stdout.split()[-1])


def _descriptors() -> int:
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


def _met(met: object) -> str:
    return "met" if met else "MISSED"


if __name__ == "__main__":
    sys.exit(main())
