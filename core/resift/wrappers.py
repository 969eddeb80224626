"""Wrappers by name: tracing and the like, switched on in the config file.

A wrapper stands around the hooks of a reranker and of everything nested in it, to time,
trace or observe. A distribution offers one by an entry point in ``resift.wrappers``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from resift.catalog import WRAPPERS, catalog
from resift.errors import ConfigError, InputError
from resift.options import Schema

if TYPE_CHECKING:
    from resift.reranker import Reranker

__all__ = ["resolved"]


def resolved(wrappers: object) -> tuple[object, ...]:
    """Return wrappers as objects.

    Args:
        wrappers: A list of objects, names, and tables with ``use`` and ``options``.

    Raises:
        InputError: If it is no list.
        PluginError: If a name cannot be found or imported.
        OptionsError: If its options are wrong.
    """
    if isinstance(wrappers, str | Mapping) or not isinstance(wrappers, Iterable):
        remedy = "Leave it out" if wrappers is None else "Put it into a list"
        msg = f"wrappers must be a list, got {type(wrappers).__name__}. {remedy}."
        raise InputError(msg)
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
