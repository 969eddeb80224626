"""`Visit`: one request on its way, and what the log and the metrics say of it."""

from __future__ import annotations

import ipaddress
import re
import secrets
import time
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.types import Scope

__all__ = ["Visit", "is_loopback"]

_ID = re.compile(r"[\w.:-]{1,64}", re.ASCII)
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


@dataclass(slots=True)
class Visit:
    """One request.

    Args:
        headers: Its headers.
        address: Whose it is; empty where that is unknown.
        id: Its number: the caller's own, or a new one.
        route: The path of the table that it took; empty for an unknown one.
        reranker: The reranker that was asked, as the config names it.
        documents: How many documents it has.
        begun: When it arrived.
    """

    headers: Headers
    address: str
    id: str
    route: str = ""
    reranker: str = ""
    documents: int = 0
    begun: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, scope: Scope) -> Visit:
        """Return the visit of a request."""
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        client = scope.get("client")
        return cls(
            headers=headers,
            address=client[0] if client else "",
            id=given if _ID.fullmatch(given) else secrets.token_hex(8),
        )

    @property
    def is_near(self) -> bool:
        """Whether the caller is on this machine, as far as can be told.

        Whoever comes by a proxy is not, wherever the proxy is.
        """
        came_by_proxy = any(name in self.headers for name in _FORWARDED)
        return is_loopback(self.address) and not came_by_proxy


def is_loopback(address: str) -> bool:
    """Return whether an address is this machine's own."""
    if address == "localhost":
        return True
    try:
        found = ipaddress.ip_address(address.strip("[]"))
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return found.is_loopback or bool(mapped and mapped.is_loopback)
