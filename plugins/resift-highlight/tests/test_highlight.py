"""`highlight`: which sentences, where they stand, and what is left alone."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest

import resift
from resift.authors import sentences
from resift.errors import BackendTimeoutError, OptionsError

FOX = "Whales sing. 🦊 A red fox ran, e.g. north! It rained. Red."
TEA = "Green tea."


def highlight(reranker: object = "bm25", **options: object) -> resift.Reranker:
    return resift.load("highlight", config=None, reranker=reranker, **options)


def test_the_best_sentences_are_shown_in_the_order_of_the_text() -> None:
    """Where they stand, in code points: an emoji is one."""
    best = highlight(spans=2, prune=True).rank("red fox", [TEA, FOX])[0]

    spans = best.columns["_spans"]
    assert [FOX[span["start"] : span["end"]] for span in spans] == [
        "🦊 A red fox ran, e.g. north!",
        "Red.",
    ]
    assert best.columns["pruned"] == "🦊 A red fox ran, e.g. north! Red."


def test_scores_and_order_are_those_of_the_reranker() -> None:
    """Nothing but columns is added."""
    plain = resift.load("bm25", config=None).score("red fox", [TEA, FOX])

    scores = highlight().score("red fox", [TEA, FOX])

    assert scores.values.tolist() == plain.values.tolist()
    assert set(scores.columns) == {"_bm25_score", "_spans"}


def test_only_the_best_are_highlighted() -> None:
    """As many as will be shown; the others have null."""
    scores = highlight(prune=True).score("red fox", [TEA, FOX], top_k=1)

    assert scores.columns["_spans"].is_valid().to_pylist() == [False, True]
    assert scores.columns["pruned"].is_valid().to_pylist() == [False, True]


def test_the_column_is_shown_when_explaining() -> None:
    """As a list of structs, in Arrow's types."""
    table = pa.table({"text": [FOX, TEA, None]})

    ranked = highlight().rerank("red fox", table, id=None, explain=True)

    assert str(ranked.schema.field("_spans").type) == (
        "list<item: struct<start: int64, end: int64, score: double>>"
    )
    assert ranked["_spans"].is_valid().to_pylist() == [True, True, False]


def test_no_time_for_sentences_is_said() -> None:
    """The documents are ranked all the same."""

    class Once:
        def __init__(self) -> None:
            self.calls = 0

        @resift.hookimpl
        def score(self, documents: Sequence[str]) -> list[float]:
            self.calls += 1
            if self.calls == 2:
                msg = "no time"
                raise BackendTimeoutError(msg)
            return [float(len(text)) for text in documents]

    ranked = highlight(Once(), prune=True).rank("q", [TEA, FOX])

    assert [item.document for item in ranked] == [FOX, TEA]
    assert ranked[0].columns["_spans"] is None
    assert ranked.notes == ("highlight: no time was left to score sentences",)


def test_candidates_follow_their_sentences() -> None:
    """A reranker that reads columns gets the row of the document for each."""

    class Starred:
        columns = ("stars",)

        @resift.hookimpl
        def score(self, documents: Sequence[str], candidates: pa.Table) -> list[float]:
            stars = candidates["stars"].to_pylist()
            return [s * len(t or "") for s, t in zip(stars, documents, strict=True)]

    table = pa.table({"text": ["Aa. B.", "Cccc. D."], "stars": [10.0, 1.0]})

    ranked = highlight(Starred(), spans=1).rerank("q", table, id=None, explain=True)

    assert ranked["_spans"].to_pylist() == [
        [{"start": 0, "end": 3, "score": 30.0}],
        [{"start": 0, "end": 5, "score": 5.0}],
    ]


def test_what_both_calls_cost_is_added_up() -> None:
    """Notes are said once."""

    class Paid:
        @resift.hookimpl
        def score(self, documents: Sequence[str]) -> resift.Scores:
            values = [float(len(text)) for text in documents]
            return resift.Scores(values, notes=["said"], usage={"calls": 1})

    scores = highlight(Paid()).score("q", [FOX])

    assert scores.usage == {"calls": 2}
    assert scores.notes == ("said",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  \n ", []),
        ("One", ["One"]),
        (' He said "no." Then left. ', ['He said "no."', "Then left."]),
        ("Title\n\nText. End", ["Title", "Text.", "End"]),
        ("狐が走る。犬も走る！終わり", ["狐が走る。", "犬も走る！", "終わり"]),
        ("यह एक है। वह दो है।", ["यह एक है।", "वह दो है।"]),
        ("See e.g. this. 3.14 is pi.", ["See e.g. this.", "3.14 is pi."]),
    ],
)
def test_where_sentences_end(text: str, expected: list[str]) -> None:
    """In several scripts; never with space around them."""
    assert [text[start:end] for start, end in sentences(text)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A fox ran, and a hen slept.", ["A fox ran,", "and a hen slept."]),
        ("1,000 foxes at 12:30: all red; some old.", 3),
        ("Tea \u2014 green tea - is hot.", ["Tea \u2014", "green tea -", "is hot."]),
        ("\u72d0\u304c\u8d70\u308b\u3001\u9d8f\u306f\u5bdd\u308b\u3002", 2),
        ("One clause.", ["One clause."]),
    ],
)
def test_where_clauses_end(text: str, expected: list[str] | int) -> None:
    """At commas, semicolons, colons and dashes; not inside a number."""
    found = [text[start:end] for start, end in sentences(text, clauses=True)]

    assert (found if isinstance(expected, list) else len(found)) == expected


def test_clauses_are_shown_on_request() -> None:
    """A span is as short as its clause."""
    text = "Whales sing, a red fox ran north, and it rained."

    scores = highlight(clauses=True, spans=1).score("red fox", [text])

    ((span,),) = scores.columns["_spans"].to_pylist()
    assert text[span["start"] : span["end"]] == "a red fox ran north,"


def test_it_is_configured_in_toml(tmp_path: Path) -> None:
    """Options as in code."""
    file = tmp_path / "resift.toml"
    file.write_text(
        "[rerankers.why]\n"
        'use = "highlight"\n'
        'options = { reranker = "bm25", spans = 1, prune = true }\n'
    )

    best = resift.load("why", config=file).rank("whales", [FOX])[0]

    assert best.columns["pruned"] == "Whales sing."


def test_it_pickles() -> None:
    """By name, and as a plain instance."""
    by_name = highlight()
    plain = resift.Reranker(by_name.plugin)

    for reranker in (by_name, plain):
        copy = pickle.loads(pickle.dumps(reranker))
        assert copy.rank("fox", [TEA, FOX])[0].columns["_spans"]


def test_a_wrong_option_is_refused() -> None:
    """The message names the option, the rule and the value."""

    class Blind:
        needs_text = False

        @resift.hookimpl
        def score(self, documents: Sequence[str]) -> list[float]:
            return [1.0] * len(documents)

    with pytest.raises(OptionsError) as few:
        highlight(spans=0)
    with pytest.raises(OptionsError) as blind:
        highlight(Blind())

    who = "Reranker 'highlight' (resift-highlight 0.1.0)"
    assert str(few.value) == f"{who}: spans must be at least 1, got 0."
    assert str(blind.value) == (
        f"{who}: reranker must be one that reads text, but 'Blind' does not, so that "
        "sentences would all score the same."
    )
