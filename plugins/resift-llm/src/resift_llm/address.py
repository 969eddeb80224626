"""Addresses: what may be a base URL, and where chats are below it."""

from __future__ import annotations

from urllib.parse import urlsplit

__all__ = ["OPENAI", "chat_url", "is_openai"]

OPENAI = "https://api.openai.com/v1"
_PATH = "/chat/completions"


def chat_url(base_url: str) -> str:
    """Return the address to post to; *base_url* may hold its path already.

    >>> chat_url("http://localhost:11434/v1/")
    'http://localhost:11434/v1/chat/completions'

    Raises:
        ValueError: If it is no address, or holds a user, a password or parameters.
    """
    try:
        parts = urlsplit(base_url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
        secret = parts.username or parts.password or parts.query or parts.fragment
        good = good and not secret
        _ = parts.port  # raises where it is no port
    except ValueError:
        good = False
    if not good:  # it may hold a password, so it is not repeated
        msg = (
            "option 'base_url' must be an address such as 'http://localhost:8000/v1', "
            "without user, password or parameters."
        )
        raise ValueError(msg)
    return base_url.rstrip("/").removesuffix(_PATH) + _PATH


def is_openai(base_url: str) -> bool:
    """Tell whether an address is OpenAI's own, which is of no use without a key."""
    return urlsplit(base_url).hostname == urlsplit(OPENAI).hostname
