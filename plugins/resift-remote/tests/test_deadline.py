from __future__ import annotations

import threading
import time

import pytest

from resift.errors import BackendTimeoutError
from resift_remote import Deadline


def test_a_cancelled_deadline_wakes_whoever_waits():
    """`cancel` ends the time and every pause."""
    deadline = Deadline(60)
    timer = threading.Timer(0.05, deadline.cancel)
    timer.start()
    start = time.monotonic()
    deadline.pause(30)

    assert time.monotonic() - start < 5
    assert deadline.left == 0.0


def test_a_lock_is_waited_for_no_longer_than_the_deadline():
    """Another thread that asks a server must not hold up this one's deadline."""
    lock = threading.Lock()
    with (
        lock,
        pytest.raises(BackendTimeoutError) as caught,
        Deadline(0.05).holding(lock, "tei"),
    ):
        pass

    assert str(caught.value) == (
        "tei: no answer in time (another thread is still asking). Raise 'timeout'."
    )
