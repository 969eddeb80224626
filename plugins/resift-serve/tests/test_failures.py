"""Wrong requests, failing rerankers, and what is never repeated of a text."""

from __future__ import annotations

import json
import logging
import random

import pytest

from resift.testing.fixtures import fake_distribution as fake_distribution

CANARY = "canary-7f3a91"
NO_JSON = "The body must be JSON in UTF-8."
SHAPE = {"message", "detail", "error", "error_type", "id"}
FAILING = """
    import resift
    from resift.errors import RateLimitError, ServerError

    class Failing:
        def __init__(self, *, how: str) -> None:
            self.how = how

        @resift.hookimpl
        def score(self, query, documents):
            if self.how == "limit":
                error = RateLimitError("too many")
                error.retry_after = 7.0
                raise error
            if self.how == "server":
                raise ServerError("it broke")
            if self.how == "nan":
                return [float("nan")] * len(documents)
            raise RuntimeError(f"cannot score {documents[0]!r} for {query!r}")
"""


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"", 400, NO_JSON),
        (b"{", 400, NO_JSON),
        (b'{"query": "\xff", "documents": []}', 400, NO_JSON),
        (
            b'{"query": "\\ud800", "documents": []}',
            400,
            NO_JSON,
        ),
        (b'{"query": "q", "documents": [], "top_n": NaN}', 400, None),
        (b"[" * 100_000, 400, NO_JSON),
        ([], 422, "The body must be a JSON object, got a list."),
        ("text", 422, "The body must be a JSON object, got a string."),
        ({"query": "q"}, 422, "The body must have a list 'documents'."),
        (
            {"query": "q", "documents": "d"},
            422,
            "documents must be a list, got a string.",
        ),
        (
            {"query": "q", "documents": ["a", 3]},
            422,
            "documents[1] must be a string, an object or null, got a number.",
        ),
        ({"documents": ["a"]}, 422, "query must be a string, got null."),
        ({"query": " ", "documents": ["a"]}, 422, "query must not be blank."),
        (
            {"queries": ["a", "b"], "documents": ["a", "b"]},
            422,
            "queries must all be the same: a request has one query.",
        ),
        (
            {"query": "q", "documents": ["a"], "top_n": -1},
            422,
            "top_n must be a whole number of at least 0, or null, got a number.",
        ),
        (
            {"query": "q", "documents": ["a"], "top_k": "3"},
            422,
            "top_k must be a whole number of at least 0, or null, got a string.",
        ),
        (
            {"query": "q", "documents": ["a"], "timeout": 0},
            422,
            "timeout must be seconds, a number above 0, or null, got one out of range.",
        ),
        (
            {"query": "q", "documents": [{"body": "a"}]},
            422,
            "documents[0] must be a string, or an object with its text under 'text'. "
            "Name others in 'rank_fields'.",
        ),
        (
            {"query": "q", "documents": [{"text": "a"}], "rank_fields": ["a title"]},
            422,
            "documents[0] must be a string, or an object with its text under the "
            "'rank_fields'.",
        ),
        (
            {"query": "q", "documents": [{"text": 3}]},
            422,
            "The text of documents[0] must be a string, got a number.",
        ),
        (
            {"query": "q", "documents": ["a"], "model": 3},
            422,
            "model must be a string or null, got a number.",
        ),
        (
            {"query": "q", "documents": ["a"] * 2049},
            413,
            "documents must have at most 2048 documents, got 2049. Send fewer at a "
            "time.",
        ),
        (
            {"query": "q", "documents": ["a"], "instruction": "only recent ones"},
            422,
            None,
        ),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(client, body, status, message):
    """In one shape, and without a word of what was sent."""
    answer = client.post("/v1/rerank", body)

    assert answer.status == status
    assert set(answer.json) == SHAPE
    assert set(answer.json["error"]) == {"message", "type", "code", "param"}
    assert answer.json["error"]["code"] == status
    if message is not None:
        assert answer.json["message"] == answer.json["detail"] == message


def test_what_clients_send_for_nothing_means_nothing(client):
    """Null and 0 are what an SDK sends for a parameter that was not given."""
    body = {"query": "fox", "documents": ["fox", None, {"text": "a fox"}], "top_n": 0}
    body |= {"model": None, "return_documents": None, "rank_fields": None}
    answer = client.post("/v1/rerank", body | {"max_tokens_per_doc": None})

    assert answer.status == 200
    assert sorted(r["index"] for r in answer.json["results"]) == [0, 1, 2]
    assert answer.json["notes"] == []


def test_the_fields_of_a_document_can_be_named(client):
    """Pinecone's and Cohere's clients send objects, and say what to read."""
    documents = [{"a": "tax", "b": "law"}, {"a": "x", "b": "fox"}]
    body = {"query": "fox", "documents": documents, "rank_fields": ["b"]}
    answer = client.post("/rerank", body | {"return_documents": True})

    assert [r["document"] for r in answer.json["results"]] == documents[::-1]


def test_no_documents_are_no_results(client):
    """An empty list is a request like any other."""
    answer = client.post("/v1/rerank", {"query": "q", "documents": []})

    assert (answer.status, answer.json["results"]) == (200, [])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/v1/rerank", 405),
        ("DELETE", "/v1/rerank", 405),
        ("GET", "/v1/rerank/", 404),
        ("GET", "/%00", 404),
        ("GET", "/..%2f..%2fetc/passwd", 404),
    ],
)
def test_other_paths_and_methods_have_the_same_shape(client, method, path, status):
    """An error is an error wherever it comes from."""
    answer = client.send(method, path)

    assert answer.status == status
    assert set(answer.json) == SHAPE


@pytest.fixture(name="failing")
def _failing(fake_distribution, running):
    fake_distribution(
        "resift-failing",
        modules={"resift_failing": FAILING},
        entry_points={"resift.rerankers": {"failing": "resift_failing:Failing"}},
    )
    names = ("limit", "server", "nan", "other")
    rerankers = {n: {"use": "failing", "options": {"how": n}} for n in names}
    with running({"default": "limit", "rerankers": rerankers}) as client:
        yield client


@pytest.mark.parametrize(
    ("name", "status", "kind", "message"),
    [
        ("limit", 429, "rate_limited", "too many"),
        ("server", 502, "backend_failed", "it broke"),
        ("nan", 502, "backend_failed", None),
        (
            "other",
            500,
            "internal_error",
            "The reranker 'other' failed (RuntimeError).",
        ),
    ],
)
def test_a_failing_reranker_is_told_by_its_status(failing, name, status, kind, message):
    """Callers on this machine read the plugin's own words, where those are checked."""
    body = {"query": "q", "documents": [CANARY], "model": name}
    answer = failing.post("/v1/rerank", body)

    assert (answer.status, answer.json["error_type"]) == (status, kind)
    assert set(answer.json) == SHAPE
    if message is not None:
        assert answer.json["message"].endswith(message)
    assert ("retry-after" in answer.headers) == (status == 429)
    assert answer.headers.get("retry-after", "7") == "7"


def test_no_text_is_repeated_by_a_failure(failing, caplog, capfd):
    """Not in the answer, the log, the metrics or the standard error."""
    with caplog.at_level(logging.DEBUG):
        for name in ("limit", "server", "nan", "other"):
            body = {"query": f"q {CANARY}", "documents": [CANARY], "model": name}
            answer = failing.post("/v1/rerank", body)
            assert CANARY.encode() not in answer.body
        metrics = failing.get("/metrics").body

    assert CANARY.encode() not in metrics
    assert CANARY not in caplog.text
    assert CANARY not in "".join(capfd.readouterr())


NAMES = [
    *("query", "documents", "texts", "inputs", "queries", "model", "top_n", "top_k"),
    *("rank_fields", "text", "timeout", "explain", "raw_scores", "instruction"),
    *("return_documents", "parameters", "return_options", "use_activation"),
    *("passages", "input"),
]


def fuzzed(seed):
    """Return the bytes of a body: JSON, nearly JSON, or neither."""
    chance = random.Random(seed)  # noqa: S311  # no secret

    def value(depth=0):
        kinds = [
            lambda: chance.choice([None, True, False, 0, -1, 3, 1e308, -0.0, 2**70]),
            lambda: chance.choice(
                ["", " ", CANARY, "fox " + CANARY, "\u0000", "é" * 50, "😀", "\u2028"]
            ),
            lambda: [value(depth + 1) for _ in range(chance.randrange(4))],
            lambda: {key(): value(depth + 1) for _ in range(chance.randrange(4))},
        ]
        return chance.choice(kinds[: 2 if depth > 3 else 4])()

    def key():
        return chance.choice([*NAMES, CANARY, ""])

    body = {key(): value() for _ in range(chance.randrange(8))}
    if chance.random() < 0.7:
        good = ["fox", CANARY, {"text": CANARY}, None]
        documents = chance.choice([good, value(1)])
        body |= {"query": chance.choice(["fox", CANARY]), "documents": documents}
    text = json.dumps(body, ensure_ascii=chance.random() < 0.5)
    data = text.encode("utf-8", "surrogatepass")
    way = chance.randrange(6)
    if way == 0:
        data = data[: chance.randrange(len(data) + 1)]
    elif way == 1:
        place = chance.randrange(len(data) + 1)
        data = data[:place] + chance.randbytes(3) + data[place:]
    elif way == 2:
        data = data.replace(b"null", b"NaN").replace(b"fox", b"\\ud83d")
    elif way == 3 and chance.random() < 0.1:
        data = b'{"query": ' + b"[" * 5000 + data
    return data


@pytest.mark.parametrize(
    "n",
    [150, pytest.param(10_000, marks=pytest.mark.slow)],
)
def test_no_body_is_too_odd(client, caplog, capfd, n):
    """Whatever is sent is answered, in one shape, and never with a 500."""
    paths = ["/v1/rerank", "/rerank", "/v1/ranking", "/infinity/rerank"]
    paths += ["/v1/inference/words", "/ml/v1/text/rerank", "/tei/rerank"]
    statuses: dict[int, int] = {}
    with caplog.at_level(logging.DEBUG), client.staying() as post:
        for seed in range(n):
            answer = post(paths[seed % len(paths)], fuzzed(seed))
            statuses[answer.status] = statuses.get(answer.status, 0) + 1
            if answer.status != 200:
                assert set(answer.json) == SHAPE, (seed, answer.body)
                assert CANARY.encode() not in answer.body, (seed, answer.body)
        metrics = client.get("/metrics").body

    assert set(statuses) <= {200, 400, 404, 413, 422, 504}
    assert min(statuses[200], statuses[400], statuses[422]) > n / 100
    assert CANARY.encode() not in metrics
    assert CANARY not in caplog.text
    assert CANARY not in "".join(capfd.readouterr())
