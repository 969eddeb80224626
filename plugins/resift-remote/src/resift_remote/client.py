"""The HTTP client: what it trusts, which proxy it uses, and what its failures mean."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from resift.errors import ServerError
from resift_remote.address import plain_address
from resift_remote.retries import Reply

if TYPE_CHECKING:
    import httpx

__all__ = ["check_ca_file", "lost_to", "new_client", "proxy_for"]

_LOOPBACK = ("localhost", "127.0.0.1", "0.0.0.0", "[::1]")  # noqa: S104  # nothing is bound to it
_UNTRUSTED = (
    "Give the certificates that vouch for it, as a PEM file: option 'ca_file', or the "
    "environment variable SSL_CERT_FILE."
)
_NO_TUNNEL = "The proxy does not let it through; ask those who run it."
_NO_TLS = "Check whether 'base_url' must begin with 'http://'."


def new_client(ca_file: Path | None, **options: object) -> httpx.Client:
    """Return a client that asks servers on this machine without a proxy.

    Args:
        ca_file: Certificates to trust instead of those of SSL_CERT_FILE, or the usual
            ones.
        options: Further arguments of `httpx.Client`.

    Raises:
        ServerError: If the environment's proxy or certificates cannot be used.
    """
    import httpx

    verify = True if ca_file is None else ssl.create_default_context(cafile=ca_file)
    direct = {f"all://{host}": None for host in _LOOPBACK}
    try:
        return httpx.Client(verify=verify, mounts=direct, **options)  # type: ignore[arg-type]  # any of them
    except (ValueError, ImportError, OSError) as error:
        problem = f"{type(error).__name__}: {error}"
    msg = (
        f"the environment does not let an HTTP client start ({problem}). Check "
        "SSL_CERT_FILE, HTTP_PROXY, HTTPS_PROXY and ALL_PROXY."
    )
    raise ServerError(msg)


def check_ca_file(path: Path) -> None:
    """Check that a file holds certificates.

    Raises:
        ValueError: If it does not.
    """
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except OSError as error:
        msg = (
            "option 'ca_file' must be a file of certificates in PEM format, got "
            f"{str(path)!r} ({error.strerror or type(error).__name__})."
        )
        raise ValueError(msg) from None


def proxy_for(url: str) -> str:
    """Return the proxy that is used for *url*, as messages show it, or ``""``."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in ("::1", *_LOOPBACK) or proxy_bypass(host):
        return ""
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all") or ""
    if not proxy:
        return ""
    return plain_address(proxy if "://" in proxy else f"http://{proxy}")


def lost_to(error: Exception) -> Reply[bytes]:
    """Return the reply of an attempt that one of httpx's errors ended."""
    import httpx

    kind = type(error).__name__
    lost = f"{kind}: {error}" if str(error) else kind
    if isinstance(error, httpx.TimeoutException):
        return Reply(lost=lost, timed_out=True)
    if isinstance(error, httpx.ProxyError):
        return _lost_to_proxy(lost, str(error))
    causes = list(_causes(error))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return Reply(lost=lost, hopeless=True, remedy=_UNTRUSTED)
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return Reply(lost=lost, hopeless=True, remedy=_NO_TLS)
    never = httpx.InvalidURL | httpx.UnsupportedProtocol | httpx.LocalProtocolError
    return Reply(lost=lost, hopeless=isinstance(error, never))


def _lost_to_proxy(lost: str, said: str) -> Reply[bytes]:
    """Return the reply where a proxy opened no way to the server.

    Args:
        lost: The error in words.
        said: The proxy's own words; for HTTP they begin with its status.
    """
    first = said.partition(" ")[0]
    status = int(first) if first.isascii() and first.isdigit() else 0
    if status == 407:
        return Reply(status=status, answer=b"")
    if 400 <= status < 500 and status not in (408, 429):
        return Reply(lost=lost, hopeless=True, remedy=_NO_TUNNEL)
    return Reply(lost=lost)


def _causes(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found
