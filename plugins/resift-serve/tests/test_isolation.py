"""A reranker behind the server and `resift` of resift-http, as if it were here."""

from __future__ import annotations

import numpy as np
import pytest

import resift
from resift.testing import RerankerSuite
from resift.testing.fixtures import fake_distribution as fake_distribution

QUERY = "where do red foxes sleep"
DOCUMENTS = [
    "Tax law changed in May.",
    "A red fox sleeps in a den.",
    None,
    "Foxes hunt at night.",
    "The red fox is a fox that is red.",
]
CONFIG = {
    "default": "words",
    "rerankers": {
        "words": {"use": "bm25"},
        "stages": {
            "use": "cascade",
            "options": {"stages": ["bm25", "bm25"], "keep": [2]},
        },
        "safe": {
            "use": "fallback",
            "options": {
                "rerankers": [
                    {
                        "use": "http",
                        "options": {"base_url": "http://127.0.0.1:9", "max_retries": 0},
                    },
                    "bm25",
                ]
            },
        },
    },
}


@pytest.fixture(name="both", scope="module")
def _both(running):
    """A client, and the registry of the same config in this process."""
    with running(CONFIG) as client, resift.Registry(CONFIG) as registry:
        yield client, registry


@pytest.mark.parametrize("name", ["words", "stages", "safe"])
def test_the_answer_is_the_one_of_in_process(both, name):
    """Numbers, order, kind, notes with their codes, columns: all of it."""
    client, registry = both
    expected = registry.get(name).rank(QUERY, DOCUMENTS)
    with resift.load("resift", base_url=client.base, model=name) as reranker:
        ranked = reranker.rank(QUERY, DOCUMENTS)

    assert [(d.index, d.score, dict(d.columns)) for d in ranked] == [
        (d.index, d.score, dict(d.columns)) for d in expected
    ]
    assert ranked.kind == expected.kind
    assert _notes(ranked) >= _notes(expected) - {("", "", "")}
    assert ranked.usage == expected.usage


def _notes(ranked):
    """Return notes; addresses and times in them differ from call to call."""
    return {(getattr(n, "code", ""), getattr(n, "reranker", "")) for n in ranked.notes}


def test_many_queries_are_answered_like_one(both):
    """Each with its own ranking."""
    client, registry = both
    queries, lists = ["fox", "law"], [DOCUMENTS, DOCUMENTS[::-1]]
    expected = registry.get("words").rank_many(queries, lists)
    with resift.load("resift", base_url=client.base) as reranker:
        ranked = reranker.rank_many(queries, lists)

    assert [[d.score for d in r] for r in ranked] == [
        [d.score for d in r] for r in expected
    ]


ALIKE = """
    import resift

    class Alike:
        score_kind = "similarity"
        score_range = (-1.0, 1.0)

        @resift.hookimpl
        def score(self, query, documents):
            return [0.1 * len(d) for d in documents]
"""


def test_a_similarity_keeps_its_range(running, fake_distribution):
    """Plain clients get it between 0 and 1, another resift as it is."""
    fake_distribution(
        "resift-alike",
        modules={"resift_alike": ALIKE},
        rerankers={"alike": "resift_alike:Alike"},
    )
    with (
        running({"rerankers": {"a": {"use": "alike"}}}) as client,
        resift.load("resift", base_url=client.base) as reranker,
    ):
        ranked = reranker.rank("q", ["aaaaa", "a"])
        plain = client.post("/rerank", {"query": "q", "documents": ["aaaaa", "a"]}).json

    assert (ranked.kind, ranked.score_range) == ("similarity", (-1.0, 1.0))
    assert [d.score for d in ranked] == [0.5, pytest.approx(0.1)]
    assert [r["score"] for r in plain["results"]] == [0.75, pytest.approx(0.55)]


PROBABLE = """
    import resift

    class Probable:
        score_kind = "probability"

        @resift.hookimpl
        def score(self, query, documents, instruction):
            factor = 0.5 if instruction else 1.0
            return resift.Scores(
                [factor / (1 + len(d)) for d in documents],
                {"length": [len(d) for d in documents]},
                usage={"calls": 1.0},
            )
"""


def test_kinds_columns_usage_and_instructions_cross_over(running, fake_distribution):
    """A reranker that says more than scores loses nothing on the way."""
    fake_distribution(
        "resift-probable",
        modules={"resift_probable": PROBABLE},
        entry_points={"resift.rerankers": {"probable": "resift_probable:Probable"}},
    )
    with (
        running({"rerankers": {"p": {"use": "probable"}}}) as client,
        resift.load("resift", base_url=client.base) as reranker,
    ):
        ranked = reranker.rank("q", ["aaa", "a"], instruction="short ones")
        cut = reranker.rank("q", ["aaa", "a"], top_k=1)

    assert ranked.kind == "probability"
    assert [(d.index, d.score, dict(d.columns)) for d in ranked] == [
        (1, 0.25, {"length": 1}),
        (0, 0.125, {"length": 3}),
    ]
    assert ranked.usage == {"calls": 1.0}
    assert [(d.index, d.score) for d in cut] == [(1, 0.5)]


@pytest.mark.parametrize(
    "answer",
    [
        b"[]",
        b"{}",
        b'{"results": [{"index": 9, "score": 1}]}',
        b'{"results": [{"index": 0, "score": "x"}]}',
        b'{"results": [{"index": 0, "score": 1}, {"index": 0, "score": 1}]}',
        b'{"results": [{"index": 0, "score": 1}], "score_kind": "logit", "notes": []}',
    ],
)
def test_an_answer_of_another_server_is_refused(http_answering, answer):
    """What is no answer of `resift serve` is a failure of the server."""
    with (
        http_answering(answer) as base,
        resift.load("resift", base_url=base, max_retries=0) as reranker,
        pytest.raises(resift.ServerError, match="the answer cannot be used"),
    ):
        reranker.rank("q", ["a", "b"])


class TestServed(RerankerSuite):
    """The contract of every reranker, for bm25 behind a server."""

    name = "resift"
    network = True
    failing_options = {"base_url": "http://127.0.0.1:9", "max_retries": 0}

    @pytest.fixture(scope="class")
    @classmethod
    def reranker_options(cls, running):
        """Give it the server's address."""
        with running(CONFIG) as client:
            yield {"base_url": client.base}


def test_scores_are_compared_as_they_came(both):
    """The dialect reads numbers; nothing is rounded on the way."""
    client, registry = both
    expected = registry.get("words").score(QUERY, DOCUMENTS[:2])
    with resift.load("resift", base_url=client.base) as reranker:
        scores = reranker.score(QUERY, DOCUMENTS[:2])

    assert np.array_equal(scores.values, expected.values.astype(np.float32))
