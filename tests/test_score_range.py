"""`score_range`: between which numbers a similarity lies."""

from __future__ import annotations

import pytest

import resift
from resift import RankedDocuments, Reranker, Scores, hookimpl

TEXTS = ["aaa", "bb"]


class Alike:
    """Scores a similarity.

    Args:
        score_range: What it declares.
        score_kind: What it declares.
        fails: Whether it always fails.
    """

    def __init__(self, score_range=None, score_kind="similarity", *, fails=False):
        self.score_range, self.score_kind = score_range, score_kind
        self._fails = fails

    @hookimpl
    def score(self, documents):
        if self._fails:
            raise OSError("down")
        return [0.1 * len(text) for text in documents]


def around(use, children, **options):
    name = "stages" if use == "cascade" else "rerankers"
    return resift.load(use, **{name: children}, **options, config=None)


def test_a_ranking_says_between_which_numbers_its_scores_lie():
    """As two floats, whatever numbers were declared."""
    reranker = Reranker(Alike([-1, 1]))

    assert reranker.score_range == (-1.0, 1.0)
    assert reranker.rank("q", TEXTS).score_range == (-1.0, 1.0)


def test_where_nothing_is_declared_nothing_is_known():
    """Nobody guesses it from the scores."""
    assert Reranker(Alike()).rank("q", TEXTS).score_range is None


@pytest.mark.parametrize("kind", ["probability", "logit", "ordinal"])
def test_other_kinds_have_no_range(kind):
    """A probability has its own, and the others none."""
    assert Reranker(Alike((-1.0, 1.0), kind)).score_range is None


@pytest.mark.parametrize(
    ("declared", "shown"),
    [
        ((1.0, -1.0), "(1.0, -1.0)"),
        ((0.0, 0.0), "(0.0, 0.0)"),
        ((0.0, float("inf")), "(0.0, inf)"),
        ((0.0, 1.0, 2.0), "(0.0, 1.0, 2.0)"),
        (1.0, "1.0"),
        ("ab", "'ab'"),
    ],
)
def test_a_range_that_is_none_is_refused(declared, shown):
    """The plugin is wrong, not the call."""
    reranker = Reranker(Alike(declared), name="alike")

    with pytest.raises(resift.InvalidRerankerError) as caught:
        reranker.rank("q", TEXTS)

    assert str(caught.value) == (
        "Reranker 'alike': score_range must be two finite numbers, the lower first, "
        f"got {shown}."
    )


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        ([(0.0, 1.0), (0.0, 1.0)], (0.0, 1.0)),
        ([(0.0, 1.0), (-1.0, 1.0)], None),
        ([(0.0, 1.0), None], None),
    ],
)
def test_a_composite_has_the_range_that_its_children_share(ranges, expected):
    """A fallback may have any child's answer."""
    children = [Reranker(Alike(one)) for one in ranges]

    assert around("fallback", children).score_range == expected


def test_a_cascade_has_the_range_of_its_last_stage():
    """Its scores are those."""
    stages = [Reranker(Alike((0.0, 1.0))), Reranker(Alike((-1.0, 1.0)))]
    cascade = around("cascade", stages, keep=[2])

    assert cascade.rank("q", TEXTS).score_range == (-1.0, 1.0)


def test_a_fallback_says_the_range_of_the_one_that_answered():
    """As it says the kind."""
    children = [
        Reranker(Alike((0.0, 1.0), fails=True), name="first"),
        Reranker(Alike((-1.0, 1.0)), name="second"),
    ]
    ranked = around("fallback", children).rank("q", TEXTS)

    assert (ranked.kind, ranked.score_range) == ("similarity", (-1.0, 1.0))


def test_scores_may_say_it_themselves():
    """With their kind: the range goes with it, also where it is not known."""
    known = Scores([0.5], kind="similarity", score_range=(0.0, 2.0))
    unknown = Scores([0.5], kind="similarity")

    ranked = [
        RankedDocuments.of(["a"], scores, kind="similarity", score_range=(0.0, 1.0))
        for scores in (known, unknown, Scores([0.5]))
    ]

    assert [each.score_range for each in ranked] == [(0.0, 2.0), None, (0.0, 1.0)]
