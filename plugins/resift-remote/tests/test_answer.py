from __future__ import annotations

import pytest

from resift_remote import WrongAnswerError, checked_scores


def test_results_are_matched_by_index():
    """Their order means nothing, and a whole number is a score, too."""
    assert checked_scores([(2, 0.5), (0, 1)], 3, 2) == {2: 0.5, 0: 1.0}


@pytest.mark.parametrize(
    ("results", "problem"),
    [
        ([(0, 0.5)], "it scores 1 of 2 documents"),
        ([(0, 0.5), (0, 0.5)], "it scores document 0 twice"),
        ([(0, 0.5), (2, 0.5)], "it scores document 2, but 2 were sent"),
        ([(-1, 0.5)], "it scores document -1, but 2 were sent"),
        ([(0, 0.5), (None, 0.5)], "result 1 has no whole number 'index'"),
        ([(True, 0.5)], "result 0 has no whole number 'index'"),
        ([(0, "0.5")], "the score of document 0 is no number but str"),
        ([(0, True)], "the score of document 0 is no number but bool"),
        ([(0, float("nan"))], "the score of document 0 is nan"),
        ([(0, 10**400)], "the score of document 0 is inf"),
    ],
)
def test_scores_that_cannot_be_are_refused(results, problem):
    """The error says what is wrong, whoever the server is."""
    with pytest.raises(WrongAnswerError) as caught:
        checked_scores(results, 2, 2)

    assert str(caught.value) == problem
