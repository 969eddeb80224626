"""`cache`: who is asked for what, what comes back, and what never goes wrong."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import resift
from resift.errors import OptionsError, ServerError

DOCUMENTS = ["a blue whale", "the quick red fox", "a red car"]


class Length:
    """A reranker that scores by length, and remembers what it was asked."""

    pointwise = True
    score_kind = "similarity"

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    @resift.hookimpl
    def score(self, documents: Sequence[str]) -> list[float]:
        self.asked.append(list(documents))
        return [float(len(document)) for document in documents]


class Saying(Length):
    """The same, with columns and a note."""

    @resift.hookimpl
    def score(self, documents: Sequence[str]) -> resift.Scores:
        values = np.array(super().score(documents))
        return resift.Scores(
            values,
            {
                "letters": pa.array([len(d) for d in documents], pa.uint16()),
                "first": pa.array([d[:1] for d in documents]),
            },
            [f"saying: {len(documents)} were read"],
        )


class Share(Length):
    """A reranker whose scores depend on the other documents, with an order."""

    pointwise = False

    @resift.hookimpl
    def score(self, documents: Sequence[str]) -> resift.Scores:
        lengths = np.array(super().score(documents))
        order = np.argsort(-lengths, kind="stable")
        return resift.Scores(lengths / lengths.sum(), {}, ["share: read"], order)


@pytest.fixture
def cached(tmp_path: Path) -> Callable[..., resift.Reranker]:
    """Build a cache in a directory of its own."""

    def build(reranker: object, **options: object) -> resift.Reranker:
        if not isinstance(reranker, str | dict | resift.Reranker):
            options.setdefault("version", "1")
        options.setdefault("directory", tmp_path / "cache")
        return resift.load("cache", config=None, reranker=reranker, **options)

    return build


def hits(scores: resift.Scores) -> list[bool]:
    return list(scores.columns["_cache_hit"].to_pylist())  # type: ignore[attr-defined]


def test_what_is_known_is_not_asked_again(
    cached: Callable[..., resift.Reranker],
) -> None:
    """Only new texts reach the reranker; the scores are the same."""
    inner = Length()
    reranker = cached(inner)

    first = reranker.score("fox", DOCUMENTS[:2])
    second = reranker.score("fox", DOCUMENTS[::-1])

    assert inner.asked == [DOCUMENTS[:2], ["a red car"]]
    assert first.values.tolist() == [12.0, 17.0]
    assert second.values.tolist() == [9.0, 17.0, 12.0]
    assert hits(first) == [False, False]
    assert hits(second) == [False, True, True]


class Packs(Length):
    """The same, with all queries in one call; "bad" fails."""

    @resift.hookimpl
    def score_many(
        self, queries: Sequence[str], documents: Sequence[Sequence[str]]
    ) -> list[object]:
        self.asked += [
            [query, *texts] for query, texts in zip(queries, documents, strict=True)
        ]
        return [
            ServerError("no") if query == "bad" else [float(len(t)) for t in texts]
            for query, texts in zip(queries, documents, strict=True)
        ]


def test_many_queries_are_asked_for_together_and_nothing_twice(
    cached: Callable[..., resift.Reranker],
) -> None:
    """What is kept is not sent, an equal query waits; an error is one query's."""
    plain = Packs()
    reranker = cached(plain)
    reranker.score("q", DOCUMENTS[:1])
    plain.asked.clear()

    queries = ["q", "bad", "other", "q"]
    found = reranker.score_many(queries, [DOCUMENTS] * 4)

    assert plain.asked[0] == ["q", *DOCUMENTS[1:]]
    assert sorted(asked[0] for asked in plain.asked) == ["bad", "other", "q"]
    assert isinstance(found[1], ServerError)
    good = [scores for scores in found if isinstance(scores, resift.Scores)]
    lengths = [float(len(text)) for text in DOCUMENTS]
    assert [scores.values.tolist() for scores in good] == [lengths] * 3
    assert list(map(hits, good)) == [
        [True, False, False],
        [False, False, False],
        [True, True, True],
    ]


def test_scores_of_two_models_are_not_mixed_among_many_queries(
    cached: Callable[..., resift.Reranker],
) -> None:
    """Where the answer is another model's, the query is asked for as a whole."""

    class Falls(Length):
        @resift.hookimpl
        def score_many(
            self, queries: Sequence[str], documents: Sequence[Sequence[str]]
        ) -> list[resift.Scores]:
            note = resift.Note("falls: the second one answered", "degraded")
            return [
                resift.Scores(np.zeros(len(texts)), notes=(note,))
                for texts in documents
            ]

    plain = Falls()
    reranker = cached(plain)
    reranker.score("q", DOCUMENTS[:1])

    (found,) = reranker.score_many(["q"], [DOCUMENTS])

    assert plain.asked[-1] == DOCUMENTS
    assert isinstance(found, resift.Scores)
    assert found.values.tolist() == [float(len(text)) for text in DOCUMENTS]


def test_another_query_is_another_score(cached: Callable[..., resift.Reranker]) -> None:
    """Nothing is known about it."""
    inner = Length()
    reranker = cached(inner)

    reranker.score("fox", DOCUMENTS)
    reranker.score("whale", DOCUMENTS)

    assert inner.asked == [DOCUMENTS, DOCUMENTS]


def test_another_process_finds_it(cached: Callable[..., resift.Reranker]) -> None:
    """What one instance kept another one finds, after both were closed."""
    with cached(Length()) as first:
        first.score("fox", DOCUMENTS)
    inner = Length()

    with cached(inner) as second:
        second.score("fox", DOCUMENTS)

    assert inner.asked == []


def test_options_and_version_are_part_of_the_key(
    cached: Callable[..., resift.Reranker],
) -> None:
    """The same reranker with another option, or another `version`, shares nothing."""
    reranker = {"use": "bm25", "options": {"k1": 1.0}}
    cached(reranker).score("fox", DOCUMENTS)

    assert hits(cached(reranker).score("fox", DOCUMENTS)) == [True] * 3
    other = {"use": "bm25", "options": {"k1": 2.0}}
    assert hits(cached(other).score("fox", DOCUMENTS)) == [False] * 3
    new = cached(reranker, version="2").score("fox", DOCUMENTS)
    assert hits(new) == [False] * 3


def test_a_list_is_found_whole_or_not_at_all(
    cached: Callable[..., resift.Reranker],
) -> None:
    """Scores that depend on the other documents are kept with their list."""
    inner = Share()
    reranker = cached(inner)
    first = reranker.score("fox", DOCUMENTS)

    again = reranker.score("fox", DOCUMENTS)
    fewer = reranker.score("fox", DOCUMENTS[:2])

    assert inner.asked == [DOCUMENTS, DOCUMENTS[:2]]
    assert hits(again) == [True] * 3
    assert hits(fewer) == [False] * 2
    assert np.array_equal(again.values, first.values)
    assert again.order is not None
    assert again.order.tolist() == [1, 0, 2]
    assert fewer.values.sum() == pytest.approx(1)


def test_columns_come_back_in_their_types(
    cached: Callable[..., resift.Reranker],
) -> None:
    """Numbers beside the score are kept; rows that were asked now fit in."""
    reranker = cached(Saying(), keep_text=True)
    reranker.score("fox", DOCUMENTS[1:])

    scores = reranker.score("fox", DOCUMENTS)

    assert scores.columns["letters"].type == pa.uint16()  # type: ignore[attr-defined]
    assert scores.columns["letters"].to_pylist() == [12, 17, 9]  # type: ignore[attr-defined]
    assert scores.columns["first"].to_pylist() == ["a", "t", "a"]  # type: ignore[attr-defined]
    assert scores.notes == (
        "saying: 2 were read (from the cache)",
        "saying: 1 were read",
    )


def test_text_is_not_written_down_unless_asked(
    cached: Callable[..., resift.Reranker], tmp_path: Path
) -> None:
    """Neither query nor document nor text column is anywhere in the files."""

    class Quoting(Length):
        @resift.hookimpl
        def score(self, documents: Sequence[str]) -> resift.Scores:
            values = np.array(super().score(documents))
            return resift.Scores(values, {"quote": list(documents)})

    texts = ["an unmistakable sentence", "unmistakably another"]
    with cached(Quoting()) as reranker:
        reranker.score("an unmistakable query", texts)
        again = reranker.score("an unmistakable query", texts)

    written = b"".join(file.read_bytes() for file in (tmp_path / "cache").iterdir())
    assert b"unmistakabl" not in written
    assert hits(again) == [True, True]
    assert "quote" not in again.columns
    assert again.notes == ("cache: 'quote' is text, kept only with keep_text",)


class Telling(Length):
    """The same, with all else that an answer may say."""

    @resift.hookimpl
    def score(self, documents: Sequence[str]) -> resift.Scores:
        values = np.array(super().score(documents)) / 20
        return resift.Scores(
            values,
            notes=[resift.Note("telling: an old model", "old", "telling")],
            kind="probability",
            score_range=(0.0, 1.0),
        )


class Partly(Telling):
    """The same about a whole list, of which it leaves the last text out."""

    pointwise = False

    @resift.hookimpl
    def score(self, documents: Sequence[str]) -> resift.Scores:
        scores = super().score(documents)
        values = np.append(scores.values[:-1], np.nan)
        return replace(scores, values=values, unscored="it was too long")


@pytest.mark.parametrize(
    ("plugin", "why"), [(Telling, ""), (Partly, "it was too long")]
)
def test_what_an_answer_says_of_itself_comes_back(
    cached: Callable[..., resift.Reranker], plugin: type[Length], why: str
) -> None:
    """Kind, range, the reason for NaN and a note's code: found as they were asked."""
    reranker = cached(plugin())

    asked = reranker.score("fox", DOCUMENTS)
    found = reranker.score("fox", DOCUMENTS)

    assert hits(found) == [True, True, True]
    np.testing.assert_array_equal(found.values, asked.values)
    for answer in (asked, found):
        assert answer.kind == "probability"
        assert answer.score_range == (0.0, 1.0)
        assert answer.unscored == why
        (note,) = answer.notes
        assert isinstance(note, resift.Note)
        assert (note.code, note.reranker) == ("old", "telling")


def test_a_document_that_was_not_scored_is_asked_again(
    cached: Callable[..., resift.Reranker],
) -> None:
    """A truncated answer is no answer about the rest."""

    class Best(Length):
        @resift.hookimpl
        def score(self, documents: Sequence[str]) -> dict[int, float]:
            values = super().score(documents)
            best = int(np.argmax(values))
            return {best: values[best]}

    inner = Best()
    reranker = cached(inner)
    reranker.score("fox", DOCUMENTS)

    second = reranker.score("fox", DOCUMENTS)

    assert inner.asked == [DOCUMENTS, ["a blue whale", "a red car"]]
    assert second.values[:2].tolist() == [12.0, 17.0]
    assert np.isnan(second.values[2])


def test_top_k_is_not_passed_on(cached: Callable[..., resift.Reranker]) -> None:
    """The reranker scores everything it is asked for, so that it can be kept."""
    seen = []

    class Hinted(Length):
        @resift.hookimpl
        def score(self, documents: Sequence[str], top_k: int | None) -> list[float]:
            seen.append(top_k)
            return [1.0] * len(documents)

    cached(Hinted()).score("fox", DOCUMENTS, top_k=1)

    assert seen == [None]


def test_the_timeout_is_passed_on(cached: Callable[..., resift.Reranker]) -> None:
    """A reranker that can keep to it gets to know it."""
    seen = []

    class Timed(Length):
        @resift.hookimpl
        def score(self, documents: Sequence[str], timeout: float | None) -> list[float]:
            seen.append(timeout)
            return [1.0] * len(documents)

    cached(Timed()).score("fox", DOCUMENTS, timeout=2.5)

    assert seen == [2.5]


def test_an_answer_of_second_choice_is_not_kept(
    cached: Callable[..., resift.Reranker],
) -> None:
    """What a `fallback` gives in an emergency is gone when the emergency is."""
    broken = True

    class Shaky(Length):
        @resift.hookimpl
        def score(self, documents: Sequence[str]) -> list[float]:
            if broken:
                msg = "Down."
                raise ServerError(msg)
            return [7.0] * len(documents)

    shaky = resift.Reranker(Shaky(), name="shaky")
    inner = resift.load("fallback", config=None, rerankers=[shaky, "bm25"])
    reranker = cached(inner, version="1")

    emergency = reranker.score("red fox", DOCUMENTS)
    broken = False
    after = reranker.score("red fox", DOCUMENTS)

    assert emergency.notes[-1] == "fallback: bm25 answered instead"
    assert hits(after) == [False] * 3
    assert after.values.tolist() == [7.0] * 3
    assert hits(reranker.score("red fox", DOCUMENTS)) == [True] * 3


def test_scores_of_second_choice_are_not_mixed_with_those_that_are_kept(
    cached: Callable[..., resift.Reranker],
) -> None:
    """In an outage the whole list is scored by one model, kept scores or not."""
    broken = False

    class First(Length):
        pointwise = True

        @resift.hookimpl
        def score(self, documents: Sequence[str]) -> list[float]:
            if broken:
                msg = "Down."
                raise ServerError(msg)
            return [7.0] * len(documents)

    first = resift.Reranker(First(), name="first")
    second = resift.Reranker(Length(), name="second")
    inner = resift.load("fallback", config=None, rerankers=[first, second])
    reranker = cached(inner, version="1")
    reranker.score("red fox", DOCUMENTS[:1])

    broken = True
    emergency = reranker.score("red fox", DOCUMENTS)
    broken = False
    after = reranker.score("red fox", DOCUMENTS)

    assert emergency.values.tolist() == [float(len(d)) for d in DOCUMENTS]
    assert hits(emergency) == [False] * 3
    assert emergency.notes[-1] == "fallback: second answered instead"
    assert after.values.tolist() == [7.0] * 3
    assert hits(after) == [True, False, False]


def test_the_row_is_part_of_the_key_where_it_is_read(
    cached: Callable[..., resift.Reranker],
) -> None:
    """The same text with another vector is another document."""

    class First:
        columns = ("vector",)
        needs_text = False
        pointwise = True

        @resift.hookimpl
        def score(self, candidates: pa.Table) -> list[float]:
            return [vector[0] for vector in candidates["vector"].to_pylist()]

    reranker = cached(First())
    vectors = pa.array([[1.0, 0.0], [2.0, 0.0]], pa.list_(pa.float32(), 2))
    reranker.score("q", ["", ""], pa.table({"vector": vectors}))

    other = pa.table({"vector": vectors.take([1, 0]), "more": [1, 2]})
    scores = reranker.score("q", ["", ""], other)

    assert reranker.columns == ("vector",)
    assert not reranker.needs_text
    assert hits(scores) == [True, True]
    assert scores.values.tolist() == [2.0, 1.0]


def test_it_means_what_its_reranker_means(
    cached: Callable[..., resift.Reranker],
) -> None:
    """Kind of score and `pointwise` are the reranker's."""
    assert cached(Length()).score_kind == "similarity"
    assert cached(Length()).pointwise
    assert not cached(Share()).pointwise


def test_it_offers_the_tokens_of_its_reranker(
    cached: Callable[..., resift.Reranker],
) -> None:
    """So that `chunk` around it counts as it would around the reranker."""

    class Letters(Length):
        def token_spans(self, text: str) -> list[tuple[int, int]]:
            return [(i, i + 1) for i in range(len(text))]

    assert cached(Letters()).plugin.token_spans("ab") == [(0, 1), (1, 2)]
    assert not hasattr(cached(Length()).plugin, "token_spans")


def test_it_stands_in_a_cascade_and_on_tables(
    cached: Callable[..., resift.Reranker],
) -> None:
    """Reranking the same table twice asks once."""
    inner = Length()
    reranker = resift.load(
        "cascade", config=None, stages=["bm25", cached(inner)], keep=[2]
    )
    table = pa.table({"_rowid": [1, 2, 3], "text": DOCUMENTS})

    first = reranker.rerank("red fox", table)
    second = reranker.rerank("red fox", table, explain=True)

    assert first["_rowid"].to_pylist() == second["_rowid"].to_pylist() == [2, 3, 1]
    assert second["_cache_hit"].to_pylist() == [True, True, None]
    assert len(inner.asked) == 1


def test_it_is_configured_in_toml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A directory is a path, the reranker a name or a table."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "resift.toml").write_text(
        "[rerankers.kept]\n"
        'use = "cache"\n'
        'options = { reranker = { use = "bm25" }, directory = "scores", ttl = 60 }\n'
    )

    resift.load("kept").rank("fox", DOCUMENTS)

    assert (tmp_path / "scores" / "scores.sqlite3").exists()


def test_it_pickles(cached: Callable[..., resift.Reranker]) -> None:
    """The copy finds what the original kept, and tells options apart."""
    reranker = cached({"use": "bm25", "options": {"k1": 2.0}})
    reranker.score("fox", DOCUMENTS)

    copy = pickle.loads(pickle.dumps(reranker))
    other = pickle.loads(pickle.dumps(cached("bm25")))

    assert hits(copy.score("fox", DOCUMENTS)) == [True] * 3
    assert hits(other.score("fox", DOCUMENTS)) == [False] * 3


def test_scores_that_change_are_not_kept_for_ever(
    cached: Callable[..., resift.Reranker],
) -> None:
    """Somebody says how long a score holds that is another one tomorrow."""

    class Fresh(Length):
        deterministic = False

    with pytest.raises(OptionsError) as error:
        cached(Fresh())

    assert str(error.value).endswith(
        "ttl must be given, as the scores of 'Fresh' are not the same every time. Say "
        "for how many seconds they may be used again."
    )
    assert cached(Fresh(), ttl=60).can_score


def test_an_instance_needs_a_version(cached: Callable[..., resift.Reranker]) -> None:
    """Nobody can tell the options of an object that was not built by name."""
    with pytest.raises(OptionsError) as caught:
        cached(Length(), version="")

    assert str(caught.value) == (
        "Reranker 'cache' (resift-cache 0.1.0): version must be given, as 'Length' was "
        "not built by name and its options are not known. Change it whenever they "
        "change."
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ttl": 0}, "ttl must be positive, got 0.0."),
        ({"max_megabytes": -1}, "max_megabytes must be positive, got -1.0."),
    ],
)
def test_a_wrong_option_is_refused(
    cached: Callable[..., resift.Reranker], options: dict[str, object], message: str
) -> None:
    """The message names the option, the rule and the value."""
    with pytest.raises(OptionsError) as caught:
        cached("bm25", **options)

    assert str(caught.value) == f"Reranker 'cache' (resift-cache 0.1.0): {message}"


@pytest.mark.slow
@given(
    st.lists(
        st.lists(st.text("abc ", min_size=1, max_size=3), min_size=1, max_size=8),
        min_size=1,
        max_size=6,
    )
)
@settings(
    derandomize=True,
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@pytest.mark.parametrize("plugin", [Length, Saying, Share])
def test_a_cache_never_changes_a_score(
    tmp_path_factory: pytest.TempPathFactory,
    plugin: type[Length],
    lists: list[list[str]],
) -> None:
    """Whatever is asked in whatever order: the scores are those of the reranker."""
    directory = tmp_path_factory.mktemp("cache")
    reranker = resift.load(
        "cache", config=None, reranker=plugin(), directory=directory, version="1"
    )
    for documents in lists:
        wanted = resift.Reranker(plugin()).score("q", documents)
        scores = reranker.score("q", documents)

        assert np.array_equal(scores.values, wanted.values, equal_nan=True)
        assert scores.ranking().tolist() == wanted.ranking().tolist()
    reranker.close()


def test_a_cache_around_a_fallback_answers_in_an_outage(tmp_path):
    """What is kept is found though the reranker is down; the other way says why not."""
    broken = []

    def score(query, documents):
        if broken:
            msg = "The server answers 503."
            raise resift.ServerError(msg)
        return [float(len(text)) for text in documents]

    def cached(inner):
        return resift.load(
            "cache", reranker=inner, directory=tmp_path, version="1", config=None
        )

    outside = cached(resift.load("fallback", rerankers=[score], config=None))
    inside = resift.load(
        "fallback", rerankers=[cached(score)], failures=1, pause=60, config=None
    )
    for reranker in (outside, inside):
        reranker.rank("q", ["a", "bb"])
    broken.append(True)
    inside.rank("q", ["ccc"])

    kept = outside.rank("q", ["a", "bb"])
    alone = inside.rank("q", ["a", "bb"])

    assert [d.index for d in kept] == [1, 0]
    assert kept.notes == ()
    assert alone.notes[0] == (
        "fallback: cache is left alone after 1 failures in a row, what it keeps "
        "included: put it around the fallback"
    )
