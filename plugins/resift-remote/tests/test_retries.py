from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from resift_remote import Deadline, Reply, backoff, retried, retry_after


def asked(*replies):
    """Return what hands out replies one by one, and the list of those it has."""
    left = list(replies)
    return (lambda seconds: left.pop(0)), left


def test_the_first_answer_is_the_last_attempt():
    """What may pass is asked again, and the attempts are counted."""
    ask, left = asked(
        Reply(lost="cut off"), Reply(status=503, retry_after=0), Reply(status=200), None
    )

    assert retried(ask, 2, Deadline(10)) == Reply(status=200, attempts=3)
    assert left == [None]


def test_what_cannot_pass_is_not_asked_again():
    """A request that is refused would be refused again."""
    ask, left = asked(Reply(status=422), None)

    assert retried(ask, 2, Deadline(10)) == Reply(status=422)
    assert left == [None]


def test_a_wait_beyond_the_deadline_is_not_begun():
    """A server that asks for a minute is not waited for where there is a second."""
    ask, left = asked(Reply(status=429, retry_after=60), None)

    assert retried(ask, 2, Deadline(1)) == Reply(status=429, retry_after=60)
    assert left == [None]


def test_no_time_left_asks_nobody():
    """A deadline that is over makes no attempt."""
    ask, left = asked(None)

    found = retried(ask, 2, Deadline(0))
    assert found == Reply(lost="no time left", timed_out=True)
    assert left == [None]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        ("2.5", 2.5),
        (" 3 ", 3.0),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_in_seconds(header, seconds):
    """Numbers are read, and nonsense is as good as nothing."""
    assert retry_after({"retry-after": header}) == seconds


def test_retry_after_in_milliseconds():
    """Azure's header is the finer one; without either nothing is asked."""
    both = {"retry-after-ms": "1500", "retry-after": "2"}

    assert retry_after(both) == 1.5
    assert retry_after({**both, "retry-after-ms": "soon"}) == 2.0
    assert retry_after({}) is None


def test_retry_after_as_a_date():
    """A date is read as the seconds until then, and a past one as now."""
    then = datetime.now(UTC) + timedelta(seconds=30)

    header = format_datetime(then, usegmt=True)

    assert retry_after({"retry-after": header}) == pytest.approx(30, abs=2)
    assert retry_after({"retry-after": "Thu, 01 Jan 2015 00:00:00 -0000"}) == 0.0


def test_the_backoff_doubles_and_is_jittered():
    """The waits lie in [half, all] of 0.5, 1, 2, 4, 8, 8 seconds, and differ."""
    for attempt, longest in enumerate((0.5, 1, 2, 4, 8, 8), start=1):
        waits = [backoff(attempt) for _ in range(50)]
        assert longest / 2 <= min(waits) < max(waits) <= longest
    assert all(2.0 <= backoff(1, asked=2.0) <= 2.2 for _ in range(50))


def test_transient_statuses():
    """408, 429 and 5xx may pass; nothing else does."""
    transient = [status for status in range(100, 600) if Reply(status=status).transient]

    assert Reply(lost="no way").transient
    assert not Reply(lost="no trust", hopeless=True).transient
    assert not Reply(status=500, hopeless=True).transient
    assert Reply(status=200, meant=429).transient
    assert not Reply(status=200, meant=401).transient
    assert transient == [408, 429, *range(500, 600)]
