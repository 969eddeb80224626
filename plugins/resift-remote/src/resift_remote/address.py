"""Addresses: what may be a base URL, and how a path follows it."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import parse_qsl, urlsplit

__all__ = ["base_address", "join", "plain_address"]


def base_address(
    url: str,
    example: str = "http://localhost:8000",
    *,
    parameters: Collection[str] = (),
    remedy: str = "",
) -> str:
    """Return a base URL as it was given, once it is known to be one.

    Args:
        url: What was given.
        example: One that would be right, for the message.
        parameters: Names of parameters that it may hold; they are not secret.
        remedy: What to do with other parameters, for the message.

    Raises:
        ValueError: If it is none, or holds a user, a password or other parameters.
    """
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
        more = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
        more -= set(parameters)
        good = good and not (parts.username or parts.password or parts.fragment or more)
        _ = parts.port  # raises where it is no port
    except ValueError:
        good = False
    if not good:  # it may hold a password, so it is not repeated
        but = f" other than {' and '.join(map(repr, parameters))}" if parameters else ""
        msg = (
            f"option 'base_url' must be an address such as {example!r}, without user, "
            f"password or parameters{but}.{remedy if '?' in url else ''}"
        )
        raise ValueError(msg)
    return url


def plain_address(url: str) -> str:
    """Return *url* as messages show it: without user, password and parameters.

    >>> plain_address("https://me:secret@example.org:8080/v1/rerank?key=secret")
    'https://example.org:8080/v1/rerank'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def join(base_url: str, path: str) -> str:
    """Append *path* to *base_url* without repeating what they share.

    A slash at the end of *path* stays, and where there is no path, that of *base_url*,
    too: some servers know a route with one only. Parameters come last.

    >>> join("http://localhost:8000/v1", "/v1/rerank")
    'http://localhost:8000/v1/rerank'
    >>> join("http://localhost:8000/v1/rerank/", "/v1/rerank")
    'http://localhost:8000/v1/rerank'
    >>> join("http://localhost:8000/?version=1", "/v1/rerank/")
    'http://localhost:8000/v1/rerank/?version=1'
    """
    base_url, _, first = base_url.partition("?")
    path, _, second = path.partition("?")
    have = [part for part in urlsplit(base_url).path.split("/") if part]
    want = [part for part in path.split("/") if part]
    shared = min(len(have), len(want))
    while have[len(have) - shared :] != want[:shared]:
        shared -= 1
    if want:
        rest = "".join(f"/{part}" for part in want[shared:])
        base_url = base_url.rstrip("/") + rest + "/" * path.endswith("/")
    parameters = "&".join(filter(None, (first, second)))
    return f"{base_url}?{parameters}" if parameters else base_url
