"""`collapse`: who is kept, who follows, and what is said of it."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import resift
from resift.errors import InputError, OptionsError

IDS = ["a#1", "a#2", "b#1", "a#3", None, "c#1", None]


class Numbers:
    """Score by the number that a text is."""

    score_kind = "probability"
    pointwise = True

    @resift.hookimpl
    def score(self, documents: Sequence[str]) -> list[float]:
        return [float(text) for text in documents]


def collapse(**options: object) -> resift.Reranker:
    return resift.load("collapse", config=None, **options)


def table() -> pa.Table:
    return pa.table({"id": IDS, "text": [f"0.{n}" for n in range(1, 8)]})


def test_the_best_of_each_group_come_first() -> None:
    """The others follow, best first, unscored; nulls are groups of their own."""
    reranker = collapse(by="id", separator="#", reranker=Numbers())

    ranked = reranker.rerank("q", table(), id=None, explain=True)

    assert ranked["id"].to_pylist() == [None, "c#1", None, "a#3", "b#1", "a#2", "a#1"]
    scores = ranked["_relevance_score"].to_pylist()
    assert scores[:5] == pytest.approx([0.7, 0.6, 0.5, 0.4, 0.3])
    assert scores[5:] == [None, None]
    assert ranked["_Numbers_score"].to_pylist()[-2:] == [0.2, 0.1]
    assert resift.notes_of(ranked) == [
        "collapse: 2 of 7 documents follow after the others, as 1 of the same 'id' are "
        "better"
    ]


def test_n_of_each_group_are_kept() -> None:
    """Two of three, say."""
    reranker = collapse(by="id", separator="#", n=2, reranker=Numbers())

    ranked = reranker.rerank("q", table(), id=None)

    assert ranked["id"].to_pylist()[-3:] == ["b#1", "a#2", "a#1"]
    assert ranked["_relevance_score"].null_count == 1


def test_the_results_own_scores_are_collapsed_without_a_reranker() -> None:
    """In their order; no text is read."""
    results = pa.table({"id": IDS})

    ranked = collapse(by="id", separator="#").rerank("q", results, id=None)

    assert ranked["id"].to_pylist() == ["a#1", "b#1", None, "c#1", None, "a#2", "a#3"]


def test_nothing_is_said_where_nothing_moves() -> None:
    """A note is for what must be known."""
    ranked = collapse(by="id").rerank("q", table(), id=None)

    assert resift.notes_of(ranked) == []


def test_a_page_is_filled_up() -> None:
    """What fills it may stand far down, so that the reranker is asked for all."""
    seen = []

    class Hinted(Numbers):
        @resift.hookimpl
        def score(self, documents: Sequence[str], top_k: int | None) -> list[float]:
            seen.append(top_k)
            return super().score(documents)

    reranker = collapse(by="id", separator="#", reranker=Hinted())

    assert len(reranker.rerank("q", table(), id=None, top_k=6)) == 6
    assert seen == [None]


def test_what_the_reranker_left_unscored_stays_before_those_that_moved() -> None:
    """Extra rows follow after all others."""
    inner = resift.load("cascade", config=None, stages=[Numbers(), Numbers()], keep=[3])

    ranked = collapse(by="id", reranker=inner).rerank(
        "q",
        pa.table({"id": [1, 1, 1, 2, 3], "text": [".9", ".8", ".7", ".2", ".1"]}),
        id=None,
    )

    assert ranked["text"].to_pylist() == [".9", ".2", ".1", ".8", ".7"]


def test_it_means_what_its_reranker_means() -> None:
    """Scores of those that are kept are not touched."""
    assert collapse(by="id", reranker=Numbers()).score_kind == "probability"
    assert not collapse(by="id", reranker=Numbers()).pointwise
    assert collapse(by="id").score_kind == "ordinal"
    assert collapse(by=["site", "id"], reranker="bm25").columns == ("site", "id")


def test_rows_of_equal_text_are_told_apart() -> None:
    """Two sites may say the same."""
    results = pa.table({"site": ["x", "y", "x"], "text": ["1", "1", "1"]})

    ranked = collapse(by="site", reranker=Numbers()).rerank("q", results, id=None)

    assert ranked["site"].to_pylist() == ["x", "y", "x"]
    assert ranked["_relevance_score"].to_pylist() == [1.0, 1.0, None]


def test_pages_of_a_search_tile(tmp_path: Path) -> None:
    """Page after page, each row once, one of each document first."""
    lancedb = pytest.importorskip("lancedb")
    from lancedb.index import FTS

    import resift.lancedb

    chunks = [f"fox {'red ' * (n % 7)}{n}" for n in range(40)]
    data = pa.table({"id": [f"{n % 12}#{n}" for n in range(40)], "text": chunks})
    searched = lancedb.connect(tmp_path).create_table("t", data)
    searched.create_index("text", config=FTS())
    reranker = collapse(by="id", separator="#", reranker="bm25")

    pages = [
        resift.lancedb.search(
            searched, "red fox", reranker=reranker, limit=10, offset=offset, window=40
        )["id"].to_pylist()
        for offset in (0, 10, 20, 30)
    ]

    rows = [row for page in pages for row in page]
    assert sorted(rows) == sorted(data["id"].to_pylist())
    assert len({row.partition("#")[0] for row in rows[:12]}) == 12


def test_a_hundred_thousand_rows() -> None:
    """Nothing is lost."""
    n = 100_000
    results = pa.table({"id": np.arange(n) % 997, "row": np.arange(n)})

    ranked = collapse(by="id").rerank("q", results, id=None)

    assert ranked["id"][:997].to_pylist() == list(range(997))
    assert len(set(ranked["row"].to_pylist())) == n


def test_no_results() -> None:
    """Zero rows in, zero rows out."""
    empty = table().slice(0, 0)

    assert len(collapse(by="id").rerank("q", empty, id=None)) == 0


def test_a_missing_column_is_an_error() -> None:
    """Also around a reranker that reads every column."""

    class Reading:
        @resift.hookimpl
        def score(self, documents: Sequence[str], candidates: pa.Table) -> list[float]:
            return [1.0] * len(documents)

    with pytest.raises(InputError) as caught:
        collapse(by="site", reranker=Reading()).score("q", ["a"], pa.table({"x": [1]}))

    assert str(caught.value) == (
        "collapse: the results have no column 'site'. Select it in the search."
    )


def test_it_is_configured_in_toml(tmp_path: Path) -> None:
    """One column, or several."""
    file = tmp_path / "resift.toml"
    file.write_text(
        "[rerankers.mixed]\n"
        'use = "collapse"\n'
        'options = { by = ["id"], separator = "#", n = 3, reranker = "bm25" }\n'
    )

    ranked = resift.load("mixed", config=file).rerank("0.1", table(), id=None)

    assert ranked["_relevance_score"].null_count == 0


def test_it_pickles() -> None:
    """By name, and as a plain instance."""
    by_name = collapse(by="id", reranker="bm25")
    plain = resift.Reranker(by_name.plugin)

    for reranker in (by_name, plain):
        copy = pickle.loads(pickle.dumps(reranker))
        assert len(copy.rerank("0.1", table(), id=None)) == 7


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "id", "n": 0}, "n must be at least 1, got 0."),
        ({"by": ""}, "by must name a column, or several, got ''."),
        ({"by": []}, "by must name a column, or several, got []."),
        (
            {"by": "id", "reranker": "rrf"},
            "its rerankers must score, but 'rrf' only merges.",
        ),
    ],
)
def test_a_wrong_option_is_refused(options: dict[str, object], message: str) -> None:
    """The message names the option, the rule and the value."""
    with pytest.raises(OptionsError) as caught:
        collapse(**options)

    assert (
        str(caught.value) == f"Reranker 'collapse' (resift-collapse 0.1.0): {message}"
    )
