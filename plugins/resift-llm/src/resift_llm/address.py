"""Addresses: what may be a base URL, where chats are, and how a key is sent."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from resift_remote import base_address, join

__all__ = ["OPENAI", "chat_url", "is_openai", "key_headers"]

OPENAI = "https://api.openai.com/v1"
_PATH = "/chat/completions"
_AZURE = "api-version"  # the parameter of Azure OpenAI's classic addresses


def chat_url(base_url: str) -> str:
    """Return the address to post to; *base_url* may hold its path already.

    >>> chat_url("http://localhost:11434/v1/")
    'http://localhost:11434/v1/chat/completions'
    >>> chat_url("https://me.openai.azure.com/openai/deployments/gpt?api-version=1")
    'https://me.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=1'

    Raises:
        ValueError: If it is no address, or holds a user, a password or parameters
            other than ``api-version``.
    """
    base_url = base_address(base_url, "http://localhost:8000/v1", parameters=[_AZURE])
    return join(base_url, _PATH)


def is_openai(base_url: str) -> bool:
    """Return whether an address is OpenAI's own, which is of no use without a key."""
    return urlsplit(base_url).hostname == urlsplit(OPENAI).hostname


def key_headers(url: str, header: str | None, key: str) -> dict[str, str]:
    """Return the header that carries *key*; none without a key.

    Args:
        url: The address that is asked. Azure's classic ones want ``api-key``.
        header: The header's name; by default it depends on the address.
        key: The key, after the word Bearer in ``Authorization``.
    """
    if not key:
        return {}
    azure = _AZURE in parse_qs(urlsplit(url).query)
    header = header or ("api-key" if azure else "Authorization")
    bearer = header.casefold() == "authorization"
    return {header: f"Bearer {key}" if bearer else key}
