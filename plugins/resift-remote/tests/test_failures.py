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
            Reply(status=307, location="https://example.org/rerank/"),
            ServerError,
            "the server points elsewhere (HTTP 307: No.), to "
            "'https://example.org/rerank/'. Check 'base_url'.",
        ),
        (
            Reply(status=200, meant=503, attempts=3),
            ServerError,
            "the server failed (HTTP 200 with error 503: No.) after 3 attempts.",
        ),
        (
            Reply(status=407, proxy="http://proxy:3128"),
            AuthenticationError,
            "the proxy wants a user and a password (HTTP 407: No.). Put them into "
            "HTTPS_PROXY or HTTP_PROXY. It was asked through the proxy "
            "http://proxy:3128; where none is needed, set NO_PROXY.",
        ),
        (
            Reply(status=413),
            BadRequestError,
            "the server rejects the request (HTTP 413: No.). Lower 'max_documents'. A "
            "document is too long for it: put 'chunk' around this reranker.",
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
            Reply(lost="no trust", hopeless=True, remedy="Give 'ca_file'."),
            ServerError,
            "the server cannot be reached, or broke the connection (no trust). Give "
            "'ca_file'.",
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
    assert error.who == "acme"
    assert text.endswith(error.remedy)


def test_a_message_with_braces_means_itself():
    """What a server says is no format."""
    error = failure("acme", Reply(status=500), "{said} {0}")

    assert str(error) == "acme: the server failed (HTTP 500: {said} {0})."


def test_a_rate_limit_says_when_to_come_back():
    """The seconds are an attribute, where the server tells them."""
    asked = failure("acme", Reply(status=429, retry_after=1.5), "No.")
    silent = failure("acme", Reply(status=200, meant=429), "No.")

    assert isinstance(asked, RateLimitError)
    assert isinstance(silent, RateLimitError)
    assert (asked.retry_after, silent.retry_after) == (1.5, None)


@pytest.mark.parametrize(
    "message",
    [
        "This model's maximum context length is 300 tokens, but it has 402.",
        "Input is too long for the requested model.",
        "`inputs` must have less than 512 tokens. Given: 600",
        "query + document 3 exceeds the limit of 8192 tokens",
        "The input length 9000 exceeds the maximum length 8192.",
        "documents[2]: string too large",
    ],
)
def test_a_text_that_is_too_long_names_the_way_out(message):
    """However a server says it, `chunk` reads long documents in parts."""
    error = failure("acme", Reply(status=400), message)

    assert str(error) == (
        f"acme: the server rejects the request (HTTP 400: {message}). A document is "
        "too long for it: put 'chunk' around this reranker."
    )


def test_a_rejected_request_may_have_a_remedy_of_its_own():
    """It stands where nothing else is known to help."""
    error = failure("acme", Reply(status=422), "No.", rejected="Do that.")

    assert str(error) == (
        "acme: the server rejects the request (HTTP 422: No.). Do that."
    )


def test_no_secret_shows_in_what_a_reply_holds():
    """A redirect may repeat a key that is part of the path."""
    reply = Reply(status=302, location="https://example.org/sk-1/rerank")
    error = failure("acme", reply, "", secrets=["sk-1"])

    assert str(error) == (
        "acme: the server points elsewhere (HTTP 302), to "
        "'https://example.org/[key]/rerank'. Check 'base_url'."
    )
