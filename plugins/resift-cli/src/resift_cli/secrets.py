"""Secrets in a config file, which no command may show."""

from __future__ import annotations

import re
from collections.abc import Mapping

from resift.errors import ResiftError

__all__ = ["table_without_secrets", "without_secrets"]

_HIDDEN = "***"
_SOUNDS_SECRET = re.compile(r"key|token|secret|passw|credential|auth", re.IGNORECASE)


def without_secrets(use: str, options: Mapping[str, object]) -> dict[str, object]:
    """Return the options of the reranker *use* with its secrets hidden, at any depth.

    The class says which options are secret. Where it cannot be imported, every string
    under a name that sounds like a secret is hidden. ``{ env = "NAME" }`` is no secret.
    """
    secret = _secret_names(use)
    return {name: _shown(name, value, secret) for name, value in options.items()}


def _shown(name: str, value: object, secret: frozenset[str] | None) -> object:
    if isinstance(value, Mapping):
        return table_without_secrets(value)
    if isinstance(value, list):
        return [_shown(name, item, secret) for item in value]
    hidden = _SOUNDS_SECRET.search(name) if secret is None else name in secret
    return _HIDDEN if hidden and isinstance(value, str) else value


def table_without_secrets(table: Mapping[str, object]) -> dict[str, object]:
    """Return a table: a nested reranker, a variable's name, or headers, say."""
    use, options = table.get("use"), table.get("options")
    if isinstance(use, str) and isinstance(options, Mapping):
        return {**table, "options": without_secrets(use, options)}
    if set(table) == {"env"}:
        return dict(table)
    return {name: _shown(name, value, None) for name, value in table.items()}


def _secret_names(use: str) -> frozenset[str] | None:
    """Return the secret options of a reranker, None where that cannot be found out."""
    from resift.authors import Schema, catalog

    try:
        provider = catalog().find(use)
        options = Schema(provider.load(), str(provider)).options.values()
    except ResiftError:
        return None
    return frozenset(option.name for option in options if option.is_secret)
