"""Where a key comes from, and whether it can be one."""

from __future__ import annotations

import os

from pydantic import SecretStr

from resift.errors import AuthenticationError
from resift_http.dialect import Dialect

__all__ = ["find_key", "remedy", "sources"]


def find_key(who: str, given: SecretStr | None, dialect: Dialect) -> str:
    """Return the key: the one given, else the environment's, else ``""``.

    Args:
        who: The reranker.
        given: The option, which beats the environment.
        dialect: Names the variables, and tells whether a key is needed.

    Raises:
        AuthenticationError: If a key is needed and there is none, or if no HTTP header
            can hold it.
    """
    if given is not None:
        key = given.get_secret_value()
    else:
        key = next(filter(None, map(os.environ.get, dialect.key_variables)), "")
    key = key.strip()
    if not key and dialect.key_required:
        msg = f"{who}: there is no key. Give 'api_key', or set {sources(dialect)}."
        raise AuthenticationError(msg)
    if not (key.isascii() and key.isprintable()):
        msg = (
            f"{who}: the key holds a character that no HTTP header can hold. Copy it "
            "again."
        )
        raise AuthenticationError(msg)
    return key


def sources(dialect: Dialect) -> str:
    """Return the names of the environment variables, as a message lists them."""
    return " or ".join(dialect.key_variables)


def remedy(dialect: Dialect) -> str:
    """Return what to do about a key that is refused."""
    *others, last = ("'api_key'", *dialect.key_variables)
    return f"Check {', '.join(others)} or {last}." if others else f"Check {last}."
