"""Addresses: what may be a base URL, and where chats are below it."""

from __future__ import annotations

from urllib.parse import urlsplit

from resift_remote import checked, join

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
    return join(checked(base_url, "http://localhost:8000/v1"), _PATH)


def is_openai(base_url: str) -> bool:
    """Tell whether an address is OpenAI's own, which is of no use without a key."""
    return urlsplit(base_url).hostname == urlsplit(OPENAI).hostname
