from __future__ import annotations

import math

import pytest

from resift.errors import BackendTimeoutError
from resift_local import Deadline


class Late(Deadline):
    who = "acme"
    remedy = "Read fewer."


def test_a_call_that_is_late_says_how_far_it_has_come():
    """The message is the subclass's, with the progress and the timeout in it."""
    with pytest.raises(BackendTimeoutError) as caught:
        Late(1e-9).check("3 of {5} texts were read")

    assert str(caught.value) == (
        "acme: 3 of {5} texts were read when the timeout of 1e-09 s ran out. Read "
        "fewer."
    )


def test_time_that_is_left():
    """A deadline that is not over lets a call go on; one without an end always does."""
    Late(60).check("")
    Late().check("")

    assert 0 < Late(60).left <= 60
    assert Late(0).left == 0
    assert Late().left == math.inf
