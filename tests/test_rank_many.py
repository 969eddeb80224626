"""`Reranker.rank_many`: the documents of many queries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import resift
from resift import Reranker, Scores, hookimpl
from resift.errors import BackendError
from samples import Lengths, loaded


class Together:
    """Scores the pairs of all queries in one call."""

    def __init__(self) -> None:
        self.calls: list[tuple[list[str], list[list[str]]]] = []

    @hookimpl
    def score_many(self, queries, documents):
        self.calls.append((list(queries), [list(texts) for texts in documents]))
        return [[float(len(text)) for text in texts] for texts in documents]


def test_all_pairs_are_scored_in_one_call():
    """A backend that packs the pairs of many queries is asked once."""
    plugin = Together()

    rankings = Reranker(plugin).rank_many(["p", "q"], [["a", "bb"], ["ccc"]])

    assert plugin.calls == [(["p", "q"], [["a", "bb"], ["ccc"]])]
    assert [[(d.document, d.score) for d in ranking] for ranking in rankings] == [
        [("bb", 2.0), ("a", 1.0)],
        [("ccc", 3.0)],
    ]


def test_what_cannot_be_scored_is_not_sent():
    """Blank and repeated texts are left out, and queries that have no others."""
    plugin = Together()

    rankings = Reranker(plugin).rank_many(
        ["p", "q", "r"], [["a", "a", None], [" "], []]
    )

    assert plugin.calls == [(["p"], [["a"]])]
    assert [[d.score for d in ranking] for ranking in rankings] == [
        [1.0, 1.0, None],
        [None],
        [],
    ]


def test_what_fails_all_fails_each():
    """An error of the one call stands in the place of every answer it was to give."""

    class Fails:
        @hookimpl
        def score_many(self, queries, documents):
            raise BackendError("down")

    answers = Reranker(Fails()).rank_many(
        ["p", "q", " "], [["a"], ["b"], []], on_error="return"
    )

    assert [str(answer) for answer in answers[:2]] == ["down", "down"]
    assert len(answers) == 3


def test_no_query_no_call():
    """Nothing in, nothing out."""
    plugin = Together()

    assert Reranker(plugin).rank_many([], []) == []
    assert len(Reranker(plugin).rank_many(["q"], [[]])[0]) == 0
    assert plugin.calls == []


def test_settings_apply_to_each_query():
    """`window` and `top_k` are those of every single ranking."""
    reranker = Reranker(Lengths(), window=2, top_k=2)

    (ranking,) = reranker.rank_many(["q"], [["a", "bb", "ccc"]])

    assert [(d.index, d.score) for d in ranking] == [(1, 2.0), (0, 1.0)]
    assert len(reranker.rank_many(["q"], [["a", "bb"]], top_k=1)[0]) == 1


def test_an_answer_may_be_anything_that_score_may_return():
    """Each item may be a list, a mapping or `Scores`."""

    class Mixed:
        @hookimpl
        def score_many(self, queries, documents):
            return [
                [1.0, 2.0],
                {1: 3.0},
                Scores([1.0, 2.0], {"why": ["x", "y"]}, ["n"]),
            ]

    rankings = Reranker(Mixed()).rank_many(["p", "q", "r"], [["a", "b"]] * 3)

    assert [[d.index for d in ranking] for ranking in rankings] == [[1, 0]] * 3
    assert [d.score for d in rankings[1]] == [3.0, None]
    assert [d.columns for d in rankings[2]] == [{"why": "y"}, {"why": "x"}]
    assert rankings[2].notes == ("n",)


def test_mappings_are_ranked_one_by_one():
    """Where candidates are read, each query is ranked alone."""
    documents = [[{"text": "a"}, {"text": "bb"}]]

    assert [d.index for d in Reranker(Lengths()).rank_many(["q"], documents)[0]] == [
        1,
        0,
    ]


@pytest.mark.parametrize(
    ("queries", "documents", "message"),
    [
        (
            ["p", "q"],
            [["a"]],
            "rank_many needs one list of documents per query, got 2 queries and "
            "1 lists.",
        ),
        (
            "q",
            [["a"]],
            "rank_many needs a list of queries and a list of documents for each, got "
            "str and list.",
        ),
        (
            ["q"],
            5,
            "rank_many needs a list of queries and a list of documents for each, got "
            "list and int.",
        ),
        (["q"], ["abc"], "documents must be a list of strings or mappings, got str."),
        ([" "], [["a"]], " needs a query that is not blank, got ' '."),
        ([5], [["a"]], " needs a query that is not blank, got int."),
    ],
)
def test_queries_and_documents_must_match(queries, documents, message):
    """There is one list of documents for each query, and no query is blank."""
    with pytest.raises(resift.InputError) as caught:
        Reranker(Together()).rank_many(queries, documents)

    assert str(caught.value) == (
        f"Reranker 'Together'{'' if message[0] == ' ' else ': '}{message}"
    )


def test_one_wrong_item_is_told():
    """Each query's answer is checked by itself."""

    class Short:
        @hookimpl
        def score_many(self, queries, documents):
            return [[1.0]] * len(queries)

    with pytest.raises(resift.ScoreError) as caught:
        Reranker(Short()).rank_many(["p", "q"], [["a"], ["a", "b"]])

    assert str(caught.value) == (
        "Reranker 'Short' must return one score per document (2), got 1."
    )


def test_a_coroutine_is_refused():
    """An async helper that was not awaited is told, and closed."""

    class Async:
        @hookimpl
        def score_many(self, queries, documents):
            async def later(): ...

            return later()

    with pytest.raises(resift.ScoreError) as caught:
        Reranker(Async()).rank_many(["q"], [["a"]])

    assert str(caught.value) == (
        "Reranker 'Async' must return a list of scores for each query (1), got "
        "coroutine."
    )


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["fox", "dog", "a b"]),
            st.lists(
                st.none() | st.sampled_from(["fox", "a", "a b fox", "", "dog dog"])
            ),
        ),
        max_size=5,
    )
)
def test_many_equals_one_after_another(pairs):
    """Ranking together and one by one give the same."""
    reranker = loaded("bm25")

    together = reranker.rank_many([q for q, _ in pairs], [texts for _, texts in pairs])

    assert together == [reranker.rank(query, texts) for query, texts in pairs]
