"""Addresses: those that people are given, and the one that the SDK wants."""

from __future__ import annotations

from resift_remote import base_address, plain_address

__all__ = ["COHERE", "sdk_address", "server_address"]

COHERE = "https://api.cohere.com"
ROUTE = "/v2/rerank"  # what the SDK appends


def sdk_address(url: str) -> str:
    """Return the part of *url* to which the SDK appends its path.

    >>> sdk_address("https://example.azure.com/providers/cohere/v2/rerank")
    'https://example.azure.com/providers/cohere'
    >>> sdk_address("https://api.cohere.com/v2/")
    'https://api.cohere.com'

    Raises:
        ValueError: If it is no address, or holds a user, a password or parameters.
    """
    url = base_address(url, COHERE).rstrip("/")
    version, _, name = ROUTE.rpartition("/")
    return url.removesuffix(f"/{name}").removesuffix(version)


def server_address(url: str) -> str:
    """Return the whole address that the SDK posts to, as messages show it."""
    return f"{plain_address(url)}{ROUTE}"
