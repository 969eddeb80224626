"""One attempt to get an answer through the SDK, which may raise anything.

The SDK retries by itself, but waits up to a minute each time whatever the timeout, and
counts its timeout anew for every attempt. So it is told not to, and
`resift_remote.retried` does. What it raises is never chained: its error repeats the
whole body of the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, cast
from urllib.parse import urljoin

from resift_remote import (
    Reply,
    lost_to,
    message_in,
    plain_address,
    retry_after,
    status_meant,
)

if TYPE_CHECKING:
    from cohere.core.request_options import RequestOptions

__all__ = ["attempt"]


def attempt(
    rerank: Callable[..., object],
    url: str,
    seconds: float,
    *,
    more: Mapping[str, object] | None = None,
) -> Reply[object]:
    """Return the SDK's answer, or what an error of it means.

    Args:
        rerank: ``ClientV2.rerank`` with all that it is to send.
        url: The address that it posts to.
        seconds: How long it may last.
        more: Fields of the request that not every version of the SDK knows.
    """
    options: dict[str, object] = {
        "timeout": seconds,
        "timeout_in_seconds": seconds,  # the name before version 7
        "max_retries": 0,
    }
    if more:
        options["additional_body_parameters"] = more
    try:
        response = rerank(request_options=cast("RequestOptions", options))
    except Exception as error:  # noqa: BLE001  # whatever the SDK raises
        return _reply(error, url)
    extra = getattr(response, "model_extra", None)  # what is no field of an answer
    if not isinstance(getattr(response, "results", None), list) and message_in(extra):
        return Reply(status=200, answer=extra, meant=status_meant(extra) or 400)
    return Reply(status=200, answer=response)


def _reply(error: Exception, url: str) -> Reply[object]:
    import httpx
    from cohere.core.api_error import ApiError

    kind = type(error).__name__
    if isinstance(error, ApiError):
        headers = {k.lower(): v for k, v in (error.headers or {}).items()}
        return Reply(
            status=error.status_code or 0,
            answer=error.body,
            retry_after=retry_after(headers),
            location=_location(url, headers),
            lost="no JSON" if error.status_code else kind,
        )
    if isinstance(error, httpx.HTTPError | httpx.InvalidURL):
        return lost_to(error)
    # the SDK builds its objects from whatever JSON came, and trips over some
    return Reply(status=200, lost=kind)


def _location(url: str, headers: Mapping[str, str]) -> str:
    location = headers.get("location")
    return plain_address(urljoin(url, location)) if location else ""
