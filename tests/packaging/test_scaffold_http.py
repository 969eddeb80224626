"""The client of a server that `resift new --http` writes does not hang, or leak."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import count
from typing import get_args

import pytest

import resift
from resift.testing.fixtures import InstallFake
from resift_cli.scaffold import Package
from resift_remote.testing import Corruption, RerankServer

DOCUMENTS = ["a blue whale", "the quick red fox"]


@pytest.fixture
def load(fake_distribution: InstallFake) -> Callable[..., resift.Reranker]:
    """Install a client as it is written, and return a function that builds one."""
    package = Package("my-server", "http")
    fake_distribution(
        package.distribution,
        modules={package.module: package.files[f"{package.module}.py"]},
        rerankers={package.name: f"{package.module}:{package.cls}"},
    )

    def load(server: RerankServer | str, **options: object) -> resift.Reranker:
        url = server if isinstance(server, str) else server.url
        return resift.load("my-server", config=None, base_url=url, **options)

    return load


@pytest.fixture
def server() -> Iterator[RerankServer]:
    """Return a server that answers."""
    with RerankServer("jina") as server:
        yield server


@pytest.fixture
def slow_headers() -> Iterator[str]:
    """Return the address of a server that sends headers, and never an end of them."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        over = threading.Event()

        def serve() -> None:
            with suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    connection.sendall(b"HTTP/1.1 200 OK\r\n")
                    for n in count():
                        if over.wait(0.05):
                            return
                        connection.sendall(b"X-Header: %d\r\n" % n)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        over.set()
        thread.join()


def failure(reranker: resift.Reranker, **options: object) -> tuple[Exception, float]:
    """Return what a reranker raises, and after how many seconds."""
    started = time.monotonic()
    with reranker, pytest.raises(resift.BackendError) as caught:
        reranker.score("red fox", DOCUMENTS, **options)
    return caught.value, time.monotonic() - started


@pytest.mark.parametrize("pause", [0.05, 0.9])
def test_answer_byte_by_byte_has_one_deadline(load, server, pause: float) -> None:
    """However slowly an answer comes, the call ends when its time is up."""
    server.drip(pause)
    error, seconds = failure(load(server, timeout=1.0))

    assert type(error) is resift.BackendTimeoutError
    assert str(error) == f"my-server: {server.url}/v1/rerank did not answer within 1 s."
    assert 0.99 < seconds < 1.6


def test_headers_without_end_have_one_deadline(load, slow_headers: str) -> None:
    """A server that never comes to the point is left when the time is up."""
    error, seconds = failure(load(slow_headers, timeout=1.0))

    assert type(error) is resift.BackendTimeoutError
    assert 0.99 < seconds < 1.6


def test_retries_have_the_same_deadline(load, server) -> None:
    """Attempts and the pauses between them do not add up to more than the timeout."""
    server.fail(503, times=100)
    error, seconds = failure(load(server, timeout=1.0, max_retries=100))

    assert type(error) is resift.ServerError
    assert str(error) == f"my-server: {server.url}/v1/rerank answered HTTP 503."
    assert len(server.requests) > 1
    assert seconds < 1.6


def test_thread_that_asks_ends(load, server) -> None:
    """What is left behind of a slow call ends with its next read."""
    before = threading.active_count()
    server.drip(0.1)
    failure(load(server, timeout=0.2))
    server.close()
    until = time.monotonic() + 5
    while threading.active_count() >= before and time.monotonic() < until:
        time.sleep(0.01)

    assert threading.active_count() < before  # the server's own thread is gone, too


def in_seconds(seconds: float) -> str:
    """Return a date as a header spells it."""
    then = datetime.now(UTC) + timedelta(seconds=seconds)
    return format_datetime(then, usegmt=True)


LATER = pytest.param(in_seconds(3600), id="in an hour")


@pytest.mark.parametrize(
    "header",
    [
        *("0", "-1", "nan", "-inf", "soon", ""),
        "Mon, 01 Jan 99999999999 00:00:00 GMT",
        pytest.param(in_seconds(-60), id="past"),
    ],
)
def test_odd_retry_after_is_no_reason_to_fail(load, server, header: str) -> None:
    """What cannot be waited for is not: it asks again after a pause of its own."""
    server.fail(429, retry_after=header)
    with load(server) as reranker:
        reranker.score("red fox", DOCUMENTS)

    assert [request.status for request in server.requests] == [429, 200]


@pytest.mark.parametrize("header", ["31", "1e999", "inf", LATER])
def test_retry_after_beyond_the_timeout_is_not_waited_for(
    load, server, header: str
) -> None:
    """Where the server asks for more time than there is, the call fails at once."""
    server.fail(429, retry_after=header)
    error, seconds = failure(load(server, timeout=30.0))

    assert type(error) is resift.RateLimitError
    assert str(error) == (
        f"my-server: {server.url}/v1/rerank answered HTTP 429: too many requests. "
        "Send fewer."
    )
    assert seconds < 5


def test_date_is_waited_for(load, server) -> None:
    """Retry-After may be a date."""
    server.fail(429, retry_after=in_seconds(2))
    started = time.monotonic()
    with load(server) as reranker:
        reranker.score("red fox", DOCUMENTS)

    assert 0.9 < time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ({"max_retries": -1}, "max_retries must be at least 0, got -1. Use 2."),
        ({"timeout": 0.0}, "timeout must be above 0 and finite, got 0.0. Use 30."),
        ({"timeout": -1.0}, "timeout must be above 0 and finite, got -1.0. Use 30."),
        *(
            (
                {"timeout": float(value)},
                f"timeout must be above 0 and finite, got {value}. Use 30.",
            )
            for value in ("nan", "inf", "1e+300")
        ),
    ],
)
def test_impossible_option_is_refused(load, option, problem: str) -> None:
    """An option with which no call could work is an error where it is built."""
    with pytest.raises(resift.OptionsError) as caught:
        load("http://localhost:8080", **option)

    assert str(caught.value).endswith(problem)


@pytest.mark.parametrize(
    "url",
    ["localhost:8080", "ftp://host", "http://", "http://u:secret@host", "http://h?k=v"],
)
def test_address_is_an_address_without_secrets(load, url: str) -> None:
    """The address may stand in every message, so it holds nothing to be hidden."""
    with pytest.raises(resift.OptionsError) as caught:
        load(url)

    assert str(caught.value).endswith(
        "base_url must be http:// or https://, a host and perhaps a path, and hold no "
        "password. Use 'http://localhost:8080'."
    )
    assert "secret" not in str(caught.value)


def test_dead_server_is_named(load) -> None:
    """Where nothing listens, the message says where that is, and why."""
    error, _ = failure(load("http://127.0.0.1:9/", max_retries=0))

    assert type(error) is resift.ServerError
    assert str(error) == (
        "my-server: http://127.0.0.1:9/v1/rerank cannot be reached (ConnectError: "
        "[Errno 111] Connection refused)."
    )


@pytest.mark.parametrize("key", ["wrong\nkey", "wröng"])
def test_key_that_cannot_be_sent_is_not_shown(load, server, key: str) -> None:
    """A key that cannot be a header is told without the key."""
    error, _ = failure(load(server, api_key=key))

    assert type(error) is resift.AuthenticationError
    assert str(error) == (
        "my-server: the key must be printable ASCII. Check 'api_key' or "
        "MY_SERVER_API_KEY."
    )


def test_key_may_end_in_a_line_break(load) -> None:
    """White space around a key, as files have it, is none of it."""
    with RerankServer("jina", api_key="right") as server:
        with load(server, api_key="right\n") as reranker:
            reranker.score("red fox", DOCUMENTS)

        assert [request.status for request in server.requests] == [200]


def test_rejected_request_says_nothing_of_the_documents(load, server) -> None:
    """What a server says of a document is not repeated."""
    server.fail(400, message="the quick red fox is too long")
    error, _ = failure(load(server))

    assert type(error) is resift.BadRequestError
    assert str(error) == (
        f"my-server: {server.url}/v1/rerank answered HTTP 400. Check 'base_url' and "
        "'model'."
    )
    assert len(server.requests) == 1


def test_text_without_utf8_can_be_sent(load, server) -> None:
    """Half of a surrogate pair, as a cut may leave it, is no failure here."""
    with load(server) as reranker:
        scores = reranker.score("red fox", ["a red fox \ud83e", "a whale"])

    assert scores.values[0] > scores.values[1]


@pytest.mark.parametrize("how", get_args(Corruption))
def test_nonsense_is_an_error_or_harmless(load, server, how: str) -> None:
    """Nonsense is never passed off as scores."""
    server.corrupt(how)
    scores = [0.0, 1.0]
    with load(server) as reranker, suppress(resift.BackendError, resift.ScoreError):
        scores = reranker.score("red fox", DOCUMENTS).values.tolist()

    assert scores == [0.0, 1.0]
