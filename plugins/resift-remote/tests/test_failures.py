from __future__ import annotations

import pytest

from resift.errors import (
    AuthenticationError,
    BackendTimeoutError,
    BadRequestError,
    RateLimitError,
    ServerError,
)
from resift_remote import Reply, failure


@pytest.mark.parametrize(
    ("reply", "kind", "text"),
    [
        (
            Reply(status=302),
            ServerError,
            "the server points elsewhere (HTTP 302: No.). Check 'base_url'.",
        ),
        (
            Reply(status=413),
            BadRequestError,
            "the server rejects the request (HTTP 413: No.). Lower 'max_documents', or "
            "shorten the documents.",
        ),
        (
            Reply(status=498),
            AuthenticationError,
            "the server refuses the key (HTTP 498: No.). Check 'api_key'.",
        ),
        (
            Reply(status=429, retry_after=1.5, attempts=3),
            RateLimitError,
            "too many requests (HTTP 429: No.) after 3 attempts; it asks to wait 1.5 "
            "s. Send fewer at a time, or raise 'timeout' or 'max_retries'.",
        ),
        (
            Reply(status=500, attempts=2),
            ServerError,
            "the server failed (HTTP 500: No.) after 2 attempts.",
        ),
        (
            Reply(lost="cut off"),
            ServerError,
            "the server cannot be reached, or broke the connection (cut off). Check "
            "'base_url' and the network.",
        ),
        (
            Reply(lost="late", timed_out=True),
            BackendTimeoutError,
            "no answer in time (late). Raise 'timeout', or send fewer documents.",
        ),
    ],
)
def test_each_failure_is_a_typed_error(reply, kind, text):
    """The type says what kind of failure it is, the text what to do."""
    error = failure("acme", reply, "No.", "Check 'api_key'.")

    assert type(error) is kind
    assert str(error) == f"acme: {text}"


def test_a_message_with_braces_means_itself():
    """What a server says is no format."""
    error = failure("acme", Reply(status=500), "{said} {0}")

    assert str(error) == "acme: the server failed (HTTP 500: {said} {0})."
