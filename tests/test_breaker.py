"""The circuit breaker: when it opens, whom it lets through, how it closes."""

from __future__ import annotations

import threading

from resift.rerankers.breaker import CircuitBreaker


class Clock:
    """Seconds that pass when they are told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def open_breaker(clock: Clock) -> CircuitBreaker:
    breaker = CircuitBreaker(failures=2, pause=10, clock=clock)
    breaker.failed()
    breaker.failed()
    return breaker


def test_it_opens_after_failures_in_a_row() -> None:
    """A success in between starts the count again."""
    breaker = CircuitBreaker(failures=2, pause=10, clock=Clock())

    breaker.failed()
    breaker.succeeded()
    breaker.failed()
    assert breaker.admit()

    breaker.failed()
    assert not breaker.admit()


def test_one_probe_goes_through_in_each_pause() -> None:
    """While it is open, one call per pause is let through, however many ask."""
    clock = Clock()
    breaker = open_breaker(clock)

    clock.now += 10
    assert [breaker.admit() for _ in range(3)] == [True, False, False]

    clock.now += 10
    assert [breaker.admit() for _ in range(3)] == [True, False, False]


def test_a_probe_that_succeeds_closes_it() -> None:
    """After one success every call goes through again."""
    clock = Clock()
    breaker = open_breaker(clock)
    clock.now += 10

    assert breaker.admit()
    breaker.succeeded()

    assert [breaker.admit() for _ in range(3)] == [True, True, True]
    assert breaker.failures == 0


def test_a_probe_that_fails_starts_a_new_pause() -> None:
    """The pause counts from the failure, not from when the probe was sent."""
    clock = Clock()
    breaker = open_breaker(clock)
    clock.now += 10
    breaker.admit()
    clock.now += 5

    breaker.failed()

    clock.now += 9
    assert not breaker.admit()
    clock.now += 1
    assert breaker.admit()


def test_threads_that_ask_at_once_get_one_probe_between_them() -> None:
    """Of sixteen threads one is let through."""
    clock = Clock()
    breaker = open_breaker(clock)
    clock.now += 10
    start = threading.Barrier(16)
    admitted = []

    def ask() -> None:
        start.wait()
        admitted.append(breaker.admit())

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(admitted) == 1
