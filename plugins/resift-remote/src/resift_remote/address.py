"""Addresses: what may be a base URL, and how a path follows it."""

from __future__ import annotations

from urllib.parse import urlsplit

__all__ = ["checked", "join", "shown"]


def checked(url: str, example: str = "http://localhost:8000") -> str:
    """Return a base URL without its last slash.

    Args:
        url: What was given.
        example: One that would be right, for the message.

    Raises:
        ValueError: If it is none, or holds a user, a password or parameters.
    """
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
        more = parts.username or parts.password or parts.query or parts.fragment
        good = good and not more
        _ = parts.port  # raises where it is no port
    except ValueError:
        good = False
    if not good:  # it may hold a password, so it is not repeated
        msg = (
            f"option 'base_url' must be an address such as {example!r}, without user, "
            "password or parameters."
        )
        raise ValueError(msg)
    return url.rstrip("/")


def shown(url: str) -> str:
    """Return *url* as messages show it: without user, password and parameters.

    >>> shown("https://me:secret@example.org:8080/v1/rerank?key=secret")
    'https://example.org:8080/v1/rerank'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def join(base_url: str, path: str) -> str:
    """Append *path* to *base_url* without repeating what they share.

    >>> join("http://localhost:8000/v1", "/v1/rerank")
    'http://localhost:8000/v1/rerank'
    >>> join("http://localhost:8000/v1/rerank", "/v1/rerank")
    'http://localhost:8000/v1/rerank'
    """
    path, mark, parameters = path.partition("?")
    have = [part for part in urlsplit(base_url).path.split("/") if part]
    want = [part for part in path.split("/") if part]
    shared = min(len(have), len(want))
    while have[len(have) - shared :] != want[:shared]:
        shared -= 1
    rest = "".join(f"/{part}" for part in want[shared:])
    return base_url.rstrip("/") + rest + mark + parameters
