"""`anytime`: what is read, when it stops, and what is said of it."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

import resift
from resift.errors import BackendTimeoutError, OptionsError, ServerError
from resift_anytime import reranker as module


class Numbers:
    """Score by the number that a text is, and remember what was asked."""

    score_kind = "probability"
    pointwise = True

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    @resift.hookimpl
    def score(self, documents: Sequence[str]) -> list[float]:
        self.asked.append(list(documents))
        return [float(text) for text in documents]


def texts(*numbers: int) -> list[str]:
    return [f"0.{number:03}" for number in numbers]


def anytime(reranker: object, **options: object) -> resift.Reranker:
    return resift.load("anytime", config=None, reranker=reranker, **options)


def test_documents_are_scored_in_blocks() -> None:
    """In the order they came, with the scores of the reranker alone."""
    inner = Numbers()
    given = texts(3, 1, 4, 15, 9)

    scores = anytime(inner, block=2, patience=0).score("q", given)

    assert [len(block) for block in inner.asked] == [2, 2, 1]
    assert scores.values.tolist() == [float(text) for text in given]
    assert scores.notes == ()


def test_reading_ends_where_blocks_change_nothing_among_the_best() -> None:
    """Of blocks of 2 and the best 2, the third and the fourth change nothing."""
    inner = Numbers()
    given = texts(50, 60, 70, 1, 2, 3, 4, 5, 99, 98)

    ranked = anytime(inner, block=2).rank("q", given, top_k=2)
    scores = anytime(inner, block=2).score("q", given, top_k=2)

    assert [item.document for item in ranked] == texts(70, 60)
    assert np.isnan(scores.values).tolist() == [False] * 8 + [True] * 2
    assert scores.ranking().tolist() == [2, 1, 0, 7, 6, 5, 4, 3, 8, 9]
    assert scores.notes == (
        "anytime: 8 of 10 documents were read, as 2 blocks changed nothing among the "
        "best; the others keep their order",
    )
    assert scores.notes[0].code == "nothing-changed"
    assert "_degraded" not in scores.columns


def test_a_block_that_changes_something_starts_the_count_again() -> None:
    """Only blocks in a row count; a new order among the best is a change."""
    inner = Numbers()

    anytime(inner, block=1).score("q", texts(5, 4, 6, 3, 7, 2, 1, 9), top_k=1)

    assert [block[0] for block in inner.asked] == texts(5, 4, 6, 3, 7, 2, 1)


def test_the_best_ten_are_watched_by_default() -> None:
    """Ten blocks of one fill them; the two after it change nothing."""
    inner = Numbers()

    anytime(inner, block=1).score("q", texts(*range(100, 50, -1)))

    assert len(inner.asked) == 12


def test_a_block_that_times_out_ends_the_reading() -> None:
    """What was scored before it is the answer, and is not to be kept."""

    class Slow(Numbers):
        @resift.hookimpl
        def score(self, documents: Sequence[str], timeout: float) -> list[float]:
            assert timeout <= 60
            if len(self.asked) == 2:
                msg = "no answer in time"
                raise BackendTimeoutError(msg)
            return super().score(documents)

    reranker = anytime(Slow(), block=2, deadline=60.0)

    ranked = reranker.rank("q", texts(1, 2, 3, 4, 9, 8))

    assert [item.document for item in ranked] == texts(4, 3, 2, 1, 9, 8)
    assert [item.score for item in ranked][4:] == [None, None]
    assert ranked.notes == (
        "anytime: 4 of 6 documents were read, when the time was up; the others keep "
        "their order",
    )
    assert ranked[0].columns["_degraded"]


@pytest.mark.parametrize("who", ["deadline", "timeout"])
def test_a_reranker_that_hangs_holds_nobody(who: str) -> None:
    """Nothing is scored, and nothing is lost; the thread is left behind."""
    healed = threading.Event()

    class Hanging(Numbers):
        @resift.hookimpl
        def score(self, documents: Sequence[str]) -> list[float]:
            healed.wait(timeout=60)
            return super().score(documents)

    options = {"deadline": 0.05} if who == "deadline" else {}
    with anytime(Hanging(), **options) as reranker:
        timeout = None if options else 0.05
        ranked = reranker.rank("q", texts(1, 2), timeout=timeout)
        healed.set()

    assert [item.document for item in ranked] == texts(1, 2)
    assert ranked.notes == (
        "anytime: 0 of 2 documents were read, when the time was up; the others keep "
        "their order",
    )


def test_a_block_that_cannot_be_done_in_time_is_not_begun(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After 10 seconds for the fastest block, 9 that are left are too few."""
    clock = [0.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock[0]))

    class Clocked(Numbers):
        @resift.hookimpl
        def score(self, documents: Sequence[str]) -> list[float]:
            clock[0] += 10 if self.asked else 41  # the first one loads the model
            return super().score(documents)

    inner = Clocked()

    anytime(inner, block=1, deadline=80.0, patience=0).score("q", texts(1, 2, 3, 4, 5))

    assert len(inner.asked) == 4


def test_an_error_of_the_reranker_is_raised() -> None:
    """It is `fallback` that makes something of it; so is a timeout of its own."""

    class Broken:
        def __init__(self, error: Exception) -> None:
            self.error = error

        @resift.hookimpl
        def score(self, documents: Sequence[str]) -> list[float]:
            raise self.error

    with pytest.raises(ServerError, match="503"):
        anytime(Broken(ServerError("503")), deadline=60.0).rank("q", ["a"])
    with pytest.raises(BackendTimeoutError, match="slow"):
        anytime(Broken(BackendTimeoutError("slow"))).rank("q", ["a"])


def test_scores_that_depend_on_their_block_are_said() -> None:
    """Where there is more than one block."""
    reranker = anytime("bm25", block=2)

    assert reranker.score("fox", ["a", "fox"]).notes == ()
    assert reranker.score("fox", ["a", "fox", "b"]).notes == (
        "anytime: the scores of bm25 may depend on the other documents of their block "
        "of 2",
    )


def test_what_blocks_say_is_put_together() -> None:
    """Columns end to end, null where a block has none; notes once; usage added up."""

    class Saying(Numbers):
        @resift.hookimpl
        def score(self, documents: Sequence[str]) -> resift.Scores:
            values = np.array(super().score(documents))
            columns = {"place": list(range(len(values)))} if len(values) > 1 else {}
            return resift.Scores(values, columns, ["said"], usage={"calls": 1})

    scores = anytime(Saying(), block=2).score("q", texts(1, 2, 3))

    assert scores.columns["place"].to_pylist() == [0, 1, None]
    assert scores.columns["_Saying_score"].to_pylist() == [0.001, 0.002, 0.003]
    assert scores.notes == ("said",)
    assert scores.usage == {"calls": 2}


class Changing:
    """Score by the number that a text is, as a probability or, from 1 on, a logit."""

    score_kind = "ordinal"
    pointwise = True

    @resift.hookimpl
    def score(self, documents: Sequence[str]) -> resift.Scores:
        values = [float(text) for text in documents]
        is_logit = max(values) >= 1
        return resift.Scores(
            values,
            kind="logit" if is_logit else "similarity",
            score_range=None if is_logit else (0.0, max(values)),
        )


def test_scores_of_another_kind_are_not_compared() -> None:
    """Those count that most documents have, wherever their blocks stand."""
    given = ["9", "8", "0.1", "0.3", "0.4", "0.2", "7", "6", "0.5"]

    scores = anytime(Changing(), block=2, patience=0).score("q", given)

    assert [given[i] for i in scores.ranking()] == [
        *("0.5", "0.4", "0.3", "0.2", "0.1"),
        *("9", "8", "7", "6"),
    ]
    assert np.flatnonzero(np.isnan(scores.values)).tolist() == [0, 1, 6, 7]
    assert (scores.kind, scores.score_range) == ("similarity", (0.0, 0.5))
    assert scores.columns["_Changing_score"].to_pylist() == [float(t) for t in given]
    assert scores.notes == (
        "anytime: 4 documents follow the others, as Changing scored them in another "
        "way than as a similarity",
    )


def test_blocks_of_another_kind_change_nothing_among_the_best() -> None:
    """A fallback's second choice is no reason to read on."""
    given = ["0.1", "0.2", "0.3", "0.4", "9", "8", "7", "6", "0.9"]

    scores = anytime(Changing(), block=2).score("q", given, top_k=1)

    assert scores.notes[1] == (
        "anytime: 8 of 9 documents were read, as 2 blocks changed nothing among the "
        "best; the others keep their order"
    )


def test_candidates_are_cut_into_blocks() -> None:
    """Each document keeps its row."""

    class Reading:
        columns = ("stars",)
        pointwise = True

        @resift.hookimpl
        def score(self, documents: Sequence[str], candidates: pa.Table) -> list[float]:
            return candidates["stars"].to_pylist()

    table = pa.table({"text": texts(1, 2, 3), "stars": [5.0, 7.0, 6.0]})

    ranked = anytime(Reading(), block=2).rerank("q", table, id=None)

    assert ranked["stars"].to_pylist() == [7.0, 6.0, 5.0]


def test_it_means_what_its_reranker_means() -> None:
    """What it scores does not depend on the block; what it reads does."""
    reranker = anytime(Numbers())

    assert reranker.score_kind == "probability"
    assert reranker.reads_order
    assert not reranker.pointwise
    assert reranker.traits.deterministic
    assert not anytime(Numbers(), deadline=1.0).traits.deterministic


def test_a_hundred_thousand_rows() -> None:
    """Nothing is lost, and most is not read."""
    n = 100_000
    table = pa.table({"text": [str(1 / (i + 1)) for i in range(n)]})
    inner = Numbers()

    ranked = anytime(inner).rerank("q", table, id=None)

    assert len(ranked) == n
    assert len(inner.asked) == 3


def test_it_is_configured_in_toml(tmp_path: Path) -> None:
    """Options as in code."""
    file = tmp_path / "resift.toml"
    file.write_text(
        "[rerankers.prompt]\n"
        'use = "anytime"\n'
        'options = { reranker = "bm25", block = 8, patience = 1, deadline = 60 }\n'
    )

    ranked = resift.load("prompt", config=file).rank("fox", ["a", "fox"])

    assert ranked[0].document == "fox"


def test_it_pickles() -> None:
    """By name, and as a plain instance."""
    by_name = anytime("bm25", deadline=60.0)
    plain = resift.Reranker(by_name.plugin)

    for reranker in (by_name, plain):
        copy = pickle.loads(pickle.dumps(reranker))
        assert copy.rank("fox", ["a", "fox"])[0].document == "fox"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"block": 0}, "block must be at least 1, got 0."),
        ({"patience": -1}, "patience must be at least 0, got -1."),
        ({"deadline": 0}, "deadline must be seconds above 0, got 0.0. Leave it out."),
        (
            {"deadline": float("inf")},
            "deadline must be seconds above 0, got inf. Leave it out.",
        ),
        (
            {"reranker": "rrf"},
            "its rerankers must score, but 'rrf' only merges.",
        ),
    ],
)
def test_a_wrong_option_is_refused(options: dict[str, object], message: str) -> None:
    """The message names the option, the rule and the value."""
    with pytest.raises(OptionsError) as caught:
        anytime(**{"reranker": "bm25", **options})

    assert str(caught.value) == f"Reranker 'anytime' (resift-anytime 0.1.0): {message}"
