"""`chunk`: one call for all passages, the aggregates, and the evidence."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import resift
from resift.authors import SPANS
from resift.errors import OptionsError

NUMBERS = ["1 9 2", "5", "4 4 4 4 7"]


class Numbers:
    """A reranker that scores a text by the sum of the numbers in it."""

    pointwise = True
    score_kind = "probability"

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    @resift.hookimpl
    def score(self, documents: Sequence[str]) -> list[float]:
        self.asked.append(list(documents))
        return [float(sum(map(int, document.split()))) for document in documents]


def chunk(reranker: object, **options: object) -> resift.Reranker:
    settings: dict[str, object] = {"size": 1, "overlap": 0, **options}
    return resift.load("chunk", config=None, reranker=reranker, **settings)


def column(scores: resift.Scores, name: str) -> list[object]:
    return list(scores.columns[name].to_pylist())  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"aggregate": "max"}, [9.0, 5.0, 7.0]),
        ({"aggregate": "mean"}, [4.0, 5.0, 4.6]),
        ({"aggregate": "first"}, [1.0, 5.0, 4.0]),
        ({"aggregate": "top-k-mean", "k": 2}, [5.5, 5.0, 5.5]),
        ({"aggregate": "top-k-mean", "k": 9}, [4.0, 5.0, 4.6]),
    ],
)
def test_aggregates_worked_by_hand(
    options: dict[str, object], expected: list[float]
) -> None:
    """Of the passages 1, 9, 2; 5; and 4, 4, 4, 4, 7."""
    scores = chunk(Numbers(), **options).score("q", NUMBERS)

    assert scores.values.tolist() == pytest.approx(expected)


def test_all_passages_are_scored_in_one_call() -> None:
    """Of all documents at once, each distinct text one time."""
    inner = Numbers()

    chunk(inner).score("q", NUMBERS)

    assert inner.asked == [["1", "9", "2", "5", "4", "7"]]


def test_the_passages_of_many_queries_are_scored_in_one_call() -> None:
    """Each query has what it has alone; one that fails costs no other."""

    class Packs(Numbers):
        @resift.hookimpl
        def score_many(
            self, queries: Sequence[str], documents: Sequence[Sequence[str]]
        ) -> list[object]:
            self.asked.append(list(queries))
            return [
                resift.ServerError("no") if query == "bad" else plain.score(texts)
                for query, texts in zip(queries, documents, strict=True)
            ]

    plain = Packs()
    reranker = chunk(plain)

    one, bad, other = reranker.score_many(["q", "bad", "r"], [NUMBERS, ["1"], ["5 6"]])

    assert plain.asked[0] == ["q", "bad", "r"]
    assert isinstance(bad, resift.ServerError)
    assert isinstance(one, resift.Scores)
    assert isinstance(other, resift.Scores)
    alone = chunk(Numbers()).score("q", NUMBERS)
    assert one.values.tolist() == alone.values.tolist()
    assert column(one, "_spans") == column(alone, "_spans")
    assert column(other, "passage") == ["6"]


def test_first_asks_for_the_first_passages_only() -> None:
    """What does not count is not scored."""
    inner = Numbers()

    chunk(inner, aggregate="first").score("q", NUMBERS)

    assert inner.asked == [["1", "5", "4"]]


def test_the_winning_passage_is_shown() -> None:
    """Its text, and where it stands in the document."""
    scores = chunk(Numbers()).score("q", NUMBERS)

    assert column(scores, "passage") == ["9", "5", "7"]
    assert column(scores, "passage_start") == [2, 0, 8]
    assert column(scores, "passage_end") == [3, 1, 9]


def test_the_winning_passage_is_a_span() -> None:
    """In the column that `highlight` has: its place and its score."""
    scores = chunk(Numbers()).score("q", NUMBERS)

    assert column(scores, "_spans") == [
        [{"start": 2, "end": 3, "score": 9.0}],
        [{"start": 0, "end": 1, "score": 5.0}],
        [{"start": 8, "end": 9, "score": 7.0}],
    ]


def test_spans_of_the_reranker_are_spans_of_the_text() -> None:
    """What counts in a passage is shown where it stands in the document."""

    class Lit(Numbers):
        @resift.hookimpl
        def score(self, documents: Sequence[str]) -> resift.Scores:
            values = np.array(super().score(documents))
            lit = [[{"start": 0, "end": len(text), "score": 0.5}] for text in documents]
            return resift.Scores(values, {"_spans": pa.array(lit, SPANS)})

    scores = chunk(Lit()).score("q", NUMBERS)

    assert column(scores, "_spans") == [
        [{"start": 2, "end": 3, "score": 0.5}],
        [{"start": 0, "end": 1, "score": 0.5}],
        [{"start": 8, "end": 9, "score": 0.5}],
    ]


def test_of_equal_passages_the_first_wins() -> None:
    """Ties are not left to chance."""
    scores = chunk(Numbers()).score("q", ["3 8 8 1"])

    assert column(scores, "passage_start") == [2]


def test_a_short_document_scores_as_without_it() -> None:
    """Its one passage is the text as it is."""
    documents = ["the quick red fox", "  a red car\n", "a whale"]

    alone = resift.load("bm25", config=None).score("red fox", documents)
    scores = chunk("bm25", size=50).score("red fox", documents)

    assert scores.values.tolist() == alone.values.tolist()
    assert column(scores, "passage") == documents


def test_what_stands_far_down_is_found() -> None:
    """The answer is in the last sentence of a long document."""
    long = "Whales live in the sea. " * 200 + "The red fox hunts mice."

    best = chunk("bm25", size=40, overlap=10).rank("fox mice", ["A fox.", long])[0]

    assert best.index == 1
    assert str(best.columns["passage"]).endswith("The red fox hunts mice.")
    passage = slice(best.columns["passage_start"], best.columns["passage_end"])
    assert long[passage] == best.columns["passage"]


def test_the_tokenizer_of_the_model_is_used_where_there_is_one() -> None:
    """A plugin that offers its tokens decides what a passage's length is."""

    class Letters(Numbers):
        def token_spans(self, text: str) -> list[tuple[int, int]]:
            return [(i, i + 1) for i in range(len(text))]

    inner = Letters()

    chunk(inner, size=2).score("q", ["1234", "56"])

    assert inner.asked == [["12", "34", "56"]]


def test_what_the_reranker_says_of_the_winner_is_kept() -> None:
    """Columns are those of the best passage; notes come along."""

    class Saying(Numbers):
        @resift.hookimpl
        def score(self, documents: Sequence[str]) -> resift.Scores:
            values = np.array(super().score(documents))
            return resift.Scores(values, {"twice": 2 * values}, ["said"])

    scores = chunk(Saying()).score("q", NUMBERS)

    assert column(scores, "twice") == [18.0, 10.0, 14.0]
    assert scores.notes == ("said",)


def test_passages_that_are_not_scored_do_not_count() -> None:
    """A document without any scored passage is not scored, and shows none."""

    class Small(Numbers):
        @resift.hookimpl
        def score(self, documents: Sequence[str]) -> dict[int, float]:
            values = super().score(documents)
            return {i: value for i, value in enumerate(values) if value < 5}

    scores = chunk(Small(), aggregate="mean").score("q", NUMBERS)

    assert scores.values.tolist() == pytest.approx([1.5, np.nan, 4.0], nan_ok=True)
    assert column(scores, "passage") == ["2", None, "4"]


def test_an_order_is_carried_over() -> None:
    """Around a cascade unscored documents follow as far as their passages came."""
    inner = resift.load("cascade", config=None, stages=[Numbers(), Numbers()], keep=[2])

    scores = chunk(inner).score("q", ["1 3", "9 8", "2 6", "4"])

    assert scores.values.tolist() == pytest.approx(
        [np.nan, 9.0, np.nan, np.nan], nan_ok=True
    )
    assert scores.order is not None
    assert scores.order.tolist() == [1, 2, 3, 0]


def test_candidates_follow_their_passages() -> None:
    """A reranker that reads columns gets the row of the document for each passage."""

    class Boost:
        columns = ("boost",)

        @resift.hookimpl
        def score(self, documents: Sequence[str], candidates: pa.Table) -> list[float]:
            boosts = candidates["boost"].to_pylist()
            return [
                b * int(text or 0) for b, text in zip(boosts, documents, strict=True)
            ]

    reranker = chunk(Boost())
    table = pa.table({"text": [*NUMBERS, None], "boost": [1.0, 10.0, 1.0, 1.0]})

    ranked = reranker.rerank("q", table, id=None)

    assert reranker.columns == ("boost",)
    assert ranked["boost"].to_pylist() == [10.0, 1.0, 1.0, 1.0]
    assert ranked["passage"].to_pylist() == ["5", "9", "7", ""]


def test_passages_left_out_are_noted() -> None:
    """A limit keeps the cost in bounds, and nobody is left in the dark."""
    inner = Numbers()

    scores = chunk(inner, max_passages=2).score("q", NUMBERS)

    assert scores.values.tolist() == [9.0, 5.0, 4.0]
    assert scores.notes == (
        "chunk: of 2 documents only the first 2 passages were read",
    )


def test_a_hint_is_not_passed_on_and_the_timeout_is() -> None:
    """The best passages are not the best documents' passages."""
    seen = []

    class Hinted:
        @resift.hookimpl
        def score(
            self, documents: Sequence[str], top_k: int | None, timeout: float | None
        ) -> list[float]:
            seen.append((top_k, timeout))
            return [1.0] * len(documents)

    chunk(Hinted()).score("q", NUMBERS, top_k=1, timeout=3.0)

    assert seen == [(None, 3.0)]


def test_it_means_what_its_reranker_means() -> None:
    """Kind of score and `pointwise` are the reranker's."""
    assert chunk(Numbers()).score_kind == "probability"
    assert chunk(Numbers()).pointwise
    assert not chunk("bm25").pointwise


def test_text_that_is_no_valid_unicode() -> None:
    """A lone surrogate does not crash the evidence."""
    scores = chunk("bm25").score("fox", ["fox \ud800", "b"])

    assert column(scores, "passage")[0] == "fox"


def test_it_is_configured_in_toml(tmp_path: Path) -> None:
    """Options as in code."""
    file = tmp_path / "resift.toml"
    file.write_text(
        "[rerankers.long]\n"
        'use = "chunk"\n'
        'options = { reranker = "bm25", size = 2, overlap = 1, k = 2, '
        'aggregate = "top-k-mean", sentences = false }\n'
    )

    best = resift.load("long", config=file).rank("fox", ["a b c fox", "d"])[0]

    assert best.columns["passage"] == "c fox"


def test_it_pickles() -> None:
    """By name, and as a plain instance."""
    by_name = chunk("bm25", size=3)
    plain = resift.Reranker(by_name.plugin)

    for reranker in (by_name, plain):
        copy = pickle.loads(pickle.dumps(reranker))
        best = copy.rank("fox", ["a b c d fox", "e"])[0]
        assert best.columns["passage"] == "d fox"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, "size must be at least 1, got 0."),
        ({"k": 0}, "k must be at least 1, got 0."),
        ({"max_passages": 0}, "max_passages must be at least 1, got 0."),
        ({"overlap": 1}, "overlap must be at least 0 and less than size, got 1."),
        (
            {"reranker": "rrf"},
            "its rerankers must score, but 'rrf' only merges.",
        ),
    ],
)
def test_a_wrong_option_is_refused(options: dict[str, object], message: str) -> None:
    """The message names the option, the rule and the value."""
    with pytest.raises(OptionsError) as caught:
        chunk(**{"reranker": "bm25", **options})

    assert str(caught.value) == f"Reranker 'chunk' (resift-chunk 0.1.0): {message}"


def test_a_reranker_that_reads_no_text_is_refused() -> None:
    """Its passages would all score the same."""

    class Blind:
        needs_text = False

        @resift.hookimpl
        def score(self, documents: Sequence[str]) -> list[float]:
            return [1.0] * len(documents)

    with pytest.raises(OptionsError) as caught:
        chunk(Blind())

    assert str(caught.value) == (
        "Reranker 'chunk' (resift-chunk 0.1.0): reranker must be one that reads text, "
        "but 'Blind' does not, so that passages would all score the same."
    )
