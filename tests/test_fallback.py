"""`fallback`: who is asked, what is said, and what is never lost."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import resift
from resift.errors import OptionsError, ServerError
from resift.rerankers.fallback import Fallback

DOCUMENTS = ["a blue whale", "the quick red fox", "a red car"]
NOTHING = "fallback: nothing is scored, the documents keep their order"


class Backend:
    """A reranker that scores by length, and does as it is told.

    Args:
        behave: Called before each answer: it may raise, or take its time.
        score_kind: What its scores mean.
    """

    def __init__(
        self, behave: Callable[[], object] = int, score_kind: str = "logit"
    ) -> None:
        self.behave = behave
        self.score_kind = score_kind
        self.calls = 0
        self.timeouts: list[float | None] = []

    @resift.hookimpl
    def score(
        self, query: str, documents: Sequence[str], timeout: float | None
    ) -> list[float]:
        self.calls += 1
        self.timeouts.append(timeout)
        self.behave()
        return [float(len(document)) for document in documents]


def named(plugin: object, name: str) -> resift.Reranker:
    return resift.Reranker(plugin, name=name)


def failing(error: Exception) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def fallback(*rerankers: object, **options: object) -> resift.Reranker:
    return resift.load("fallback", config=None, rerankers=list(rerankers), **options)


def test_the_first_answers_alone_where_it_can() -> None:
    """The second is not asked, and there is nothing to note."""
    second = Backend()
    reranker = fallback(named(Backend(), "first"), named(second, "second"))

    ranked = reranker.rank("fox", DOCUMENTS)

    assert [document.index for document in ranked] == [1, 0, 2]
    assert ranked.notes == ()
    assert ranked[0].columns == {"_first_score": 17.0}
    assert second.calls == 0


def test_the_next_answers_where_one_fails() -> None:
    """The answer is complete, marked, and says who failed, why, and who answered."""
    broken = Backend(failing(ServerError("Server answered 503.")))

    ranked = fallback(named(broken, "broken"), "bm25").rank("fox", DOCUMENTS)

    assert [document.index for document in ranked] == [1, 0, 2]
    assert ranked.notes == (
        "fallback: broken failed: Server answered 503.",
        "fallback: bm25 answered instead",
    )
    assert ranked[0].columns["_degraded"] is True


def test_nothing_is_lost_when_all_fail() -> None:
    """The documents keep the order they came in, unscored."""
    broken = Backend(failing(ServerError("Down.")))

    ranked = fallback(named(broken, "broken")).rank("fox", DOCUMENTS)

    assert [document.document for document in ranked] == DOCUMENTS
    assert [document.score for document in ranked] == [None, None, None]
    assert ranked.notes == ("fallback: broken failed: Down.", NOTHING)


def test_notes_travel_in_the_arrow_schema() -> None:
    """A table says what its rows do not: that they are second choice."""
    broken = Backend(failing(ServerError("Down.")))
    table = pa.table({"text": DOCUMENTS})

    ranked = fallback(named(broken, "broken"), "bm25").rerank("fox", table, id=None)

    assert len(ranked) == 3
    assert json.loads(ranked.schema.metadata[b"resift.notes"]) == [
        "fallback: broken failed: Down.",
        "fallback: bm25 answered instead",
    ]


def test_the_message_of_a_foreign_error_is_not_repeated() -> None:
    """It may hold a key or a document, so only its type is named."""
    broken = Backend(failing(RuntimeError("key sk-123 is wrong")))

    notes = fallback(named(broken, "broken")).rank("fox", DOCUMENTS).notes

    assert notes[0] == "fallback: broken failed (RuntimeError)"


def test_a_long_message_is_cut_and_put_on_one_line() -> None:
    """A note stays a sentence."""
    broken = Backend(failing(ServerError("No.\n" + "x" * 500)))

    notes = fallback(named(broken, "broken")).rank("fox", DOCUMENTS).notes

    assert notes[0] == f"fallback: broken failed: No. {'x' * 196}..."


def test_an_answer_without_a_score_is_no_answer() -> None:
    """The next is asked, and the notes of the first are kept."""

    class Silent:
        @resift.hookimpl
        def score(self, documents: Sequence[str]) -> resift.Scores:
            return resift.Scores(np.full(len(documents), np.nan), notes=["I pass."])

    ranked = fallback(named(Silent(), "silent"), "bm25").rank("fox", DOCUMENTS)

    assert ranked[0].index == 1
    assert ranked.notes == (
        "I pass.",
        "fallback: silent scored nothing",
        "fallback: bm25 answered instead",
    )


def test_the_same_reranker_twice_keeps_two_names() -> None:
    """Notes tell them apart."""
    broken = Backend(failing(ServerError("Down.")))

    notes = fallback(named(broken, "x"), named(broken, "x")).rank("q", ["d"]).notes

    assert notes[:2] == ("fallback: x failed: Down.", "fallback: x_2 failed: Down.")


def test_what_an_answer_says_passes_through() -> None:
    """Columns, notes and order of a cascade inside come out whole."""
    inner = resift.load(
        "cascade", config=None, stages=["bm25", named(Backend(), "length")], keep=[2]
    )
    alone = inner.score("red fox", DOCUMENTS)

    scores = fallback(inner, "bm25").score("red fox", DOCUMENTS)

    assert np.array_equal(scores.values, alone.values, equal_nan=True)
    assert scores.order is not None
    assert scores.order.tolist() == [1, 2, 0]
    assert set(scores.columns) == {"_bm25_score", "_length_score", "_cascade_score"}


def test_a_fallback_inside_a_fallback_is_passed_over() -> None:
    """Where the inner one scores nothing the outer one goes on; all is noted."""
    broken = named(Backend(failing(ServerError("Down."))), "broken")

    notes = fallback(fallback(broken), "bm25").rank("fox", DOCUMENTS).notes

    assert notes == (
        "fallback: broken failed: Down.",
        NOTHING,
        "fallback: fallback scored nothing",
        "fallback: bm25 answered instead",
    )


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (("logit", "logit"), "logit"),
        (("probability", "probability"), "probability"),
        (("probability", "logit"), "ordinal"),
    ],
)
def test_its_scores_mean_what_all_of_them_mean(
    kinds: tuple[str, ...], expected: str
) -> None:
    """Different kinds leave only the order."""
    children = [named(Backend(score_kind=kind), kind) for kind in kinds]

    assert fallback(*children).score_kind == expected


def test_it_needs_what_its_rerankers_need() -> None:
    """Columns are the union of the children's."""

    class Reader:
        columns = ("vector",)
        needs_text = False

        @resift.hookimpl
        def score(self, documents: Sequence[str]) -> list[float]:
            return [0.0] * len(documents)

    assert fallback(Reader(), "bm25").columns == ("vector",)
    assert fallback(Reader(), "bm25").needs_text
    assert not fallback(Reader()).needs_text


def test_it_is_configured_in_toml(tmp_path: Path) -> None:
    """Names, tables and options work as in code."""
    file = tmp_path / "resift.toml"
    file.write_text(
        "[rerankers.safe]\n"
        'use = "fallback"\n'
        "[rerankers.safe.options]\n"
        'rerankers = [{ use = "bm25", options = { k1 = 2.0 } }, "bm25"]\n'
        "deadline = 0.5\n"
        'timeouts = [0.3, "share"]\n'
    )

    reranker = resift.load("safe", config=file)

    assert reranker.rank("red fox", DOCUMENTS)[0].index == 1
    assert reranker.plugin.deadline == 0.5


def test_it_pickles() -> None:
    """By name, and as a plain instance."""
    by_name = fallback("bm25", {"use": "bm25", "options": {"k1": 2.0}}, deadline=3)
    plain = resift.Reranker(Fallback([resift.load("bm25", config=None)], deadline=3))

    copies = [pickle.loads(pickle.dumps(r)) for r in (by_name, plain)]

    assert [copy.plugin.deadline for copy in copies] == [3, 3]
    assert copies[0].describe() == by_name.describe()
    assert copies[1].rank("red fox", DOCUMENTS)[0].index == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"deadline": 0}, "deadline must be positive and finite, got 0.0."),
        ({"timeouts": [-1]}, "timeouts must be positive and finite, got -1.0."),
        ({"pause": float("inf")}, "pause must be positive and finite, got inf."),
        ({"failures": 0}, "failures must be positive and finite, got 0."),
        ({"concurrency": 0}, "concurrency must be positive and finite, got 0."),
        (
            {"timeouts": [1, 2]},
            "timeouts must have one item for each of the 1 rerankers, got 2. "
            "'share' stands for an equal share.",
        ),
    ],
)
def test_a_wrong_option_is_refused(options: dict[str, object], message: str) -> None:
    """The message names the option, the rule and the value."""
    with pytest.raises(OptionsError) as caught:
        fallback("bm25", **options)

    assert str(caught.value).endswith(f": {message}")


def test_a_reranker_that_only_merges_is_refused() -> None:
    """It could never answer."""
    with pytest.raises(OptionsError) as caught:
        fallback("bm25", "rrf")

    assert str(caught.value).endswith(
        ": its rerankers must score, but 'rrf' only merges."
    )


def test_what_cannot_be_loaded_is_passed_over(install, caplog):
    """A key that is not set is no reason to be without an answer; it is logged."""
    install(
        "from pydantic import SecretStr\n"
        "class Plugin:\n"
        "    def __init__(self, *, api_key: SecretStr) -> None: ...\n"
        "    @resift.hookimpl\n"
        "    def score(self, documents): ...\n"
    )
    keyed = {"use": "fake", "options": {"api_key": {"env": "RESIFT_NO_SUCH_KEY"}}}

    reranker = resift.load("fallback", rerankers=[keyed, "bm25"], config=None)
    ranked = reranker.rank("red fox", ["a hen", "a red fox"])

    why = (
        "Reranker 'fake' (resift-fake 1.0): option 'api_key' reads the environment "
        "variable 'RESIFT_NO_SUCH_KEY', which is not set. Set it."
    )
    assert ranked[0].index == 1
    assert ranked.notes[0] == f"fallback: fake failed: {why}"
    assert caplog.messages == [f"fallback works without 'fake': {why}"]


def test_a_mistake_is_not_passed_over(install):
    """A name that is not installed, and an option that there is not, are refused."""
    for wrong in ("no-such-reranker", {"use": "bm25", "options": {"k9": 1}}):
        with pytest.raises(resift.ResiftError):
            resift.load("fallback", rerankers=[wrong, "bm25"], config=None)
