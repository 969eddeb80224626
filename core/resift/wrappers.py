"""Wrappers by name: tracing and the like, switched on in the config file.

A wrapper stands around the hooks of a reranker and of everything nested in it, to time,
trace or observe. A distribution offers one by an entry point in ``resift.wrappers``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from resift.catalog import WRAPPERS, catalog
from resift.errors import ConfigError
from resift.options import Schema

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resift.reranker import Reranker

__all__ = ["resolved"]


def resolved(wrappers: Iterable[object]) -> tuple[object, ...]:
    """Return wrappers as objects.

    Args:
        wrappers: Objects, names, and tables with ``use`` and ``options``.

    Raises:
        PluginError: If a name cannot be found or imported.
        OptionsError: If its options are wrong.
    """
    return tuple(
        _built(wrapper) if isinstance(wrapper, str | Mapping) else wrapper
        for wrapper in wrappers
    )


def _built(wrapper: str | Mapping[str, object]) -> object:
    table = {"use": wrapper} if isinstance(wrapper, str) else dict(wrapper)
    name, options = table.pop("use", None), table.pop("options", {})
    if table or not isinstance(name, str) or not isinstance(options, Mapping):
        msg = "A wrapper must be a name, or a table of 'use' and 'options'."
        raise ConfigError(msg)
    provider = catalog(WRAPPERS).find(name)
    schema = Schema(provider.load(), str(provider))
    return schema.construct(schema.validate(options, build=_no_reranker))


def _no_reranker(value: object) -> Reranker:
    msg = f"A wrapper takes no reranker, got {type(value).__name__}."
    raise ConfigError(msg)
