from __future__ import annotations

import io
import sys
import time

import pytest

from resift.errors import BackendTimeoutError
from resift_local import Deadline, metered

BATCHES = ["abc", "de", "f"]


class Late(Deadline):
    who = "acme"
    remedy = "Read fewer."


class Terminal(io.StringIO):
    """A standard error that says whether it is a terminal."""

    def __init__(self, attached: bool) -> None:
        super().__init__()
        self.attached = attached

    def isatty(self) -> bool:
        return self.attached


def watched(deadline: Deadline, show: bool | None = None):
    """Return the batches, watched."""
    return metered(
        "acme", BATCHES, deadline, unit="text", done="texts were read", show=show
    )


@pytest.mark.parametrize(
    ("show", "attached", "shown"),
    [
        (True, False, True),
        (True, True, True),
        (False, True, False),
        (None, False, False),
        (None, True, False),  # over in less than two seconds
    ],
)
def test_progress_bar(monkeypatch, show, attached, shown):
    """A bar shows when asked for; unasked, only for a long call on a terminal."""
    monkeypatch.setattr(sys, "stderr", Terminal(attached))

    assert list(watched(Late(), show)) == BATCHES
    assert ("acme" in sys.stderr.getvalue()) is shown


def test_bar_of_a_long_call(monkeypatch):
    """Unasked, a call that takes longer than the patience shows its bar."""
    monkeypatch.setattr("resift_local.meter._PATIENCE", 1e-9)
    monkeypatch.setattr(sys, "stderr", Terminal(True))

    for _ in watched(Late()):
        time.sleep(0.15)  # the bar is drawn ten times a second

    assert "acme" in sys.stderr.getvalue()


def test_no_batch_is_handed_out_when_the_time_is_up():
    """The first two batches are done in time; the third is refused."""
    deadline = Late(60)
    handed = watched(deadline)
    assert [next(handed), next(handed)] == ["abc", "de"]
    deadline._end = 0

    with pytest.raises(BackendTimeoutError) as caught:
        next(handed)
    assert str(caught.value) == (
        "acme: 5 of 6 texts were read when the timeout of 60 s ran out. Read fewer."
    )
