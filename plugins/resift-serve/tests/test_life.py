"""From start to end: loading, queues, deadlines, a new config, signals."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from resift.testing.distributions import install
from resift.testing.fixtures import fake_distribution as fake_distribution

QUESTION = {"query": "red fox", "documents": ["tax law", "the red fox"]}
QUEUED = b'queued_requests{reranker="one"} '
SLOW = """
    import os, time
    from pathlib import Path
    import resift

    class Slow:
        '''Takes its time, and writes down what it does in a folder.

        While the folder has a file 'hold', no call of it ends.
        '''

        def __init__(self, *, folder: str, seconds: float = 0.0, shift: float = 0.0):
            self.folder, self.seconds, self.shift = Path(folder), seconds, shift

        @resift.hookimpl
        def score(self, query, documents):
            with (self.folder / "asked").open("a") as asked:
                asked.write(query + "\\n")
            time.sleep(self.seconds)
            while (self.folder / "hold").exists():
                time.sleep(0.005)
            return [self.shift + len(document) for document in documents]

        @resift.hookimpl
        def close(self):
            with (self.folder / "closed").open("a") as closed:
                closed.write(f"{self.shift}\\n")
"""


@pytest.fixture(name="slow")
def _slow(fake_distribution):
    """An installed reranker that takes its time."""
    fake_distribution(
        "resift-slow",
        modules={"resift_slow": SLOW},
        entry_points={"resift.rerankers": {"slow": "resift_slow:Slow"}},
    )


def named(query):
    """Return a question that can be told from others."""
    return QUESTION | {"query": query}


def entry(folder, **options):
    return {"use": "slow", "options": {"folder": str(folder), **options}}


@contextmanager
def held(folder):
    """Let no call of the reranker of a folder end."""
    (folder / "hold").touch()
    try:
        yield
    finally:
        (folder / "hold").unlink()


def asked(folder):
    path = folder / "asked"
    return path.read_text().split() if path.exists() else []


def written(folder: Path, **options) -> Path:
    """Write a config of one slow reranker."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in options.items()]
    path = folder / "resift.toml"
    text = '[rerankers.slow-one]\nuse = "slow"\n[rerankers.slow-one.options]\n'
    other = folder / "new.toml"
    other.write_text(text + "\n".join([f"folder = {json.dumps(str(folder))}", *lines]))
    other.replace(path)
    return path


def test_a_full_queue_is_said_at_once(slow, running, limits, tmp_path, until):
    """Whoever finds it full is told when to come again, and costs nothing."""
    config = {"rerankers": {"one": entry(tmp_path)}}
    with (
        running(config, limits=limits(concurrency=1, queue=1)) as client,
        ThreadPoolExecutor(2) as pool,
    ):
        with held(tmp_path):
            running_call = pool.submit(client.post, "/v1/rerank", named("first"))
            until(lambda: asked(tmp_path) == ["first"])
            waiting = pool.submit(client.post, "/v1/rerank", named("second"))
            until(lambda: QUEUED + b"1" in client.get("/metrics").body)
            full = client.post("/v1/rerank", named("third"))
        statuses = [running_call.result().status, waiting.result().status]

    assert (full.status, statuses) == (429, [200, 200])
    assert int(full.headers["retry-after"]) == 1
    assert full.json["message"] == (
        "Too many requests wait for 'one'. Ask again later, or send fewer at a time."
    )
    assert asked(tmp_path) == ["first", "second"]


def test_documents_that_wait_are_counted_too(slow, running, limits, tmp_path, until):
    """A queue of a few long requests is a long queue."""
    config = {"rerankers": {"one": entry(tmp_path)}}
    few = limits(concurrency=1, queued_documents=3)
    with running(config, limits=few) as client, ThreadPoolExecutor(2) as pool:
        with held(tmp_path):
            first = pool.submit(client.post, "/v1/rerank", named("first"))
            until(lambda: asked(tmp_path) == ["first"])
            long = client.post("/v1/rerank", QUESTION | {"documents": ["a"] * 4})
            short = pool.submit(client.post, "/v1/rerank", QUESTION)
            until(lambda: QUEUED + b"1" in client.get("/metrics").body)
        statuses = [first.result().status, long.status, short.result().status]

    assert statuses == [200, 429, 200]


def test_a_client_that_left_while_it_waited_is_not_computed(
    slow, running, limits, tmp_path, until
):
    """Its turn goes to the next."""
    config = {"rerankers": {"one": entry(tmp_path)}}
    body = json.dumps(named("gone")).encode()
    head = (
        "POST /v1/rerank HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    with (
        running(config, limits=limits(concurrency=1)) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        with held(tmp_path):
            first = pool.submit(client.post, "/v1/rerank", named("first"))
            until(lambda: asked(tmp_path) == ["first"])
            connection = client.connect()
            connection.sendall(head + body)
            until(lambda: QUEUED + b"1" in client.get("/metrics").body)
            connection.close()
            until(lambda: QUEUED + b"0" in client.get("/metrics").body)
        last = client.post("/v1/rerank", named("last"))
        metrics = client.get("/metrics").body

    assert (first.result().status, last.status) == (200, 200)
    assert asked(tmp_path) == ["first", "last"]
    assert b'reranker="one",status="499"} 1.0' in metrics


def test_a_reranker_that_hangs_is_not_waited_for(slow, running, limits, tmp_path):
    """The answer says so, and asks clients not to double the load."""
    config = {"rerankers": {"one": entry(tmp_path)}}
    with running(config, limits=limits(timeout=0.3)) as client, held(tmp_path):
        late = client.post("/v1/rerank", QUESTION)
        own = client.post("/v1/rerank", QUESTION | {"timeout": 0.1})

    assert (late.status, own.status) == (504, 504)
    assert late.json["message"] == "The reranker 'one' did not answer within 0.3 s."
    assert own.json["message"] == "The reranker 'one' did not answer within 0.1 s."
    assert late.headers["x-should-retry"] == "false"


def test_a_fallback_answers_before_the_deadline(slow, running, limits, tmp_path):
    """The reranker is given a little less time than the client has."""
    config = {
        "default": "safe",
        "rerankers": {
            "hangs": entry(tmp_path),
            "safe": {
                "use": "fallback",
                "options": {"rerankers": ["hangs"], "deadline": 60.0},
            },
        },
    }
    with running(config, limits=limits(timeout=0.5)) as client, held(tmp_path):
        answers = [client.post("/v1/rerank", QUESTION) for _ in range(2)]

    assert [answer.status for answer in answers] == [200] * 2
    assert all(r["scored"] is False for r in answers[0].json["results"])


@pytest.mark.slow
def test_sigterm_answers_what_is_there_and_closes_everything(tmp_path, command, until):
    """Twenty in flight get their answers, the process ends with 0."""
    install(
        tmp_path,
        "resift-slow",
        modules={"resift_slow": SLOW},
        entry_points={"resift.rerankers": {"slow": "resift_slow:Slow"}},
    )
    written(tmp_path, seconds=0.5)
    options = ("--concurrency", "5", "--drain-delay", "0.3")
    with (
        command(tmp_path, *options) as (process, client),
        ThreadPoolExecutor(20) as pool,
    ):
        calls = [
            pool.submit(client.post, "/v1/rerank", QUESTION | {"query": f"q{i}"})
            for i in range(20)
        ]
        until(lambda: len(asked(tmp_path)) >= 5)
        time.sleep(0.2)  # those that wait are in by now
        process.send_signal(signal.SIGTERM)
        until(lambda: client.get("/ready").status == 503)
        statuses = [call.result().status for call in calls]
        code = process.wait(30)

    assert statuses == [200] * 20
    assert code == 0
    assert (tmp_path / "closed").read_text().splitlines() == ["0.0"]


@pytest.mark.slow
def test_a_new_config_costs_no_request(tmp_path, command, until):
    """Ten times SIGHUP under load, half of the files broken: all are answered."""
    install(
        tmp_path,
        "resift-slow",
        modules={"resift_slow": SLOW},
        entry_points={"resift.rerankers": {"slow": "resift_slow:Slow"}},
    )
    path = written(tmp_path)
    with command(tmp_path) as (process, client):
        ends, replies = threading.Event(), []

        def load():
            while not ends.is_set():
                replies.append(
                    client.post("/v1/rerank", QUESTION | {"raw_scores": True})
                )

        with ThreadPoolExecutor(3) as pool:
            for _ in range(3):
                pool.submit(load)
            for turn in range(1, 11):
                if turn % 2:
                    path.write_text("[rerankers.slow-one\nuse =")
                else:
                    written(tmp_path, shift=float(turn))
                process.send_signal(signal.SIGHUP)
                if turn % 2 == 0:
                    until(lambda turn=turn: _top(client) == turn + len("the red fox"))
                else:
                    time.sleep(0.05)
            ends.set()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        log = process.stderr.read().decode()

    assert len(replies) > 20
    assert {reply.status for reply in replies} == {200}
    assert log.count("the config is kept as it was") >= 1
    closed = (tmp_path / "closed").read_text().split()
    assert closed == ["0.0", "2.0", "4.0", "6.0", "8.0", "10.0"]


def _top(client):
    reply = client.post("/v1/rerank", QUESTION | {"raw_scores": True})
    return reply.json["results"][0]["score"]


def test_one_reranker_that_cannot_load_costs_itself_alone(running, tmp_path):
    """The others are ready, and the list says which is not."""
    config = {
        "default": "words",
        "rerankers": {
            "words": {"use": "bm25"},
            "broken": {"use": "bm25", "options": {"k1": "x"}},
            "absent": {"use": "not-there"},
        },
    }
    with running(config) as client:
        models = {m["id"]: m["status"] for m in client.get("/v1/models").json["data"]}
        ready = client.get("/ready")
        good = client.post("/v1/rerank", QUESTION)
        broken = client.post("/v1/rerank", QUESTION | {"model": "broken"})

    assert models == {"words": "ready", "broken": "failed", "absent": "failed"}
    assert (ready.status, good.status, broken.status) == (200, 200, 503)
    assert "retry-after" in broken.headers


def test_three_entries_over_one_model_load_it_once(slow, running, tmp_path):
    """They share what is equal, and it is closed once."""
    config = {
        "default": "a",
        "rerankers": {
            "a": entry(tmp_path),
            "b": {"use": "cascade", "options": {"stages": ["bm25", "a"], "keep": [5]}},
            "c": {"use": "fallback", "options": {"rerankers": ["a", "bm25"]}},
        },
    }
    with running(config) as client:
        statuses = {
            client.post("/v1/rerank", QUESTION | {"model": name}).status
            for name in "abc"
        }

    assert statuses == {200}
    assert (tmp_path / "closed").read_text().split() == ["0.0"]


@pytest.mark.slow
def test_the_log_of_a_process_has_one_line_for_each_request(tmp_path, command):
    """Address, method, path, status, time, reranker, documents and number."""
    (tmp_path / "resift.toml").write_text('[rerankers.words]\nuse = "bm25"\n')
    with command(tmp_path) as (process, client):
        client.post("/v1/rerank", QUESTION, X_Request_Id="number-one")
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        log = process.stderr.read().decode()

    (line,) = [line for line in log.splitlines() if "number-one" in line]
    assert "127.0.0.1 POST /v1/rerank 200 " in line
    assert line.endswith(" words 2 number-one")
    assert os.fspath(tmp_path) not in line
