"""The reranker of a component: given by name, as a table, or built; loaded once.

Frameworks print, compare, copy, pickle and write down their components. So what was
given is kept as it is, and no form of it shows a secret.
"""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TypeAlias

import resift
from resift.errors import InputError

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Choice", "Given", "Table", "checked", "mapped", "written"]

Given: TypeAlias = "str | Mapping[str, Any] | resift.Reranker"
"""What stands for a reranker: a name, a table with ``use``, or a `resift.Reranker`."""

_PLAIN = str | int | float | bool | None


class Table(dict[str, Any]):
    """A reranker's table, whose `repr` shows no secret, and that none is pickled in."""

    def __repr__(self) -> str:
        return repr(resift.redacted(self))

    def __deepcopy__(self, memo: object) -> Self:
        return type(self)(mapped(self))

    def __reduce__(self) -> tuple[type[Self], tuple[dict[str, Any]]]:
        if resift.redacted(self) != mapped(self):
            msg = (
                f"The table of the reranker {self.get('use')!r} holds a secret. {_ENV}"
            )
            raise pickle.PicklingError(msg)
        return type(self), (dict(self),)


_ENV = "Give it as {'env': 'NAME'}, the variable that holds it."


class Choice:
    """The reranker of a component, loaded at first use, once for all threads.

    Choices are equal where what was given is, and copies load anew.

    Args:
        given: A name from the config file or of an installed reranker, a table as an
            entry of the file is one, or a `resift.Reranker`.
        who: What messages call the component.

    Raises:
        InputError: If it is none of these.
    """

    def __init__(self, given: Given, who: str) -> None:
        self.given = checked(given, who)
        self.who = who
        self._lock = threading.Lock()
        self._loaded: resift.Reranker | None = None

    def reranker(self) -> resift.Reranker:
        """Return the reranker, loaded if that was not done.

        Raises:
            PluginError, OptionsError, ConfigError: As `resift.load`.
        """
        if isinstance(self.given, resift.Reranker):
            return self.given
        with self._lock:
            if self._loaded is None:
                self._loaded = resift.load(self.given)
            return self._loaded

    def written(self) -> str | dict[str, Any]:
        """Return it as plain data, see `written`."""
        return written(self.given, self.who)

    def close(self) -> None:
        """Close what was loaded here, to be loaded again when it is needed."""
        with self._lock:
            loaded, self._loaded = self._loaded, None
        if loaded is not None:
            loaded.close()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Choice) and self.given == other.given

    __hash__ = None  # type: ignore[assignment]  # tables are mutable

    def __repr__(self) -> str:
        return repr(self.given)

    def __deepcopy__(self, memo: object) -> Self:
        return type(self)(self.given, self.who)

    def __reduce__(self) -> tuple[type[Self], tuple[Given, str]]:
        return type(self), (self.given, self.who)


def checked(given: object, who: str) -> Given:
    """Return what stands for a reranker, a table as one that shows no secret.

    Raises:
        InputError: If it is no name, table or `resift.Reranker`.
    """
    if isinstance(given, str | Table):
        return given
    if isinstance(given, Mapping):
        return Table(mapped(given))
    if isinstance(given, resift.Reranker):
        return given
    msg = (
        "must be the name of a reranker, a table with 'use', or a resift.Reranker, not "
        f"{type(given).__name__}"
    )
    remedy = "Give an instance or a function to resift.Reranker."
    raise InputError(msg, who=who, parameter="reranker", remedy=remedy)


def written(given: Given, who: str) -> str | dict[str, Any]:
    """Return what stands for a reranker as plain data, that JSON can hold.

    Raises:
        InputError: If it holds a secret in the open, was not built by name, or is no
            plain data.
    """
    if isinstance(given, str):
        return given
    table = mapped(given if isinstance(given, Mapping) else given.settings())
    if resift.redacted(table) != table:
        msg = "holds a secret, which is never written down"
        raise InputError(msg, who=who, parameter="reranker", remedy=_ENV)

    def plain(value: object) -> object:
        if isinstance(value, resift.Reranker):
            return value.settings()
        if isinstance(value, PurePath):
            return str(value)
        if isinstance(value, _PLAIN):
            return value
        msg = f"must be plain data to be written down, not {type(value).__name__}"
        raise InputError(msg, who=who, parameter="reranker")

    return mapped(table, plain)


def mapped(
    table: Mapping[str, Any], change: Callable[[object], object] = lambda value: value
) -> dict[str, Any]:
    """Return a copy of a table, each value in it that is no container changed."""

    def of(value: object) -> Any:  # noqa: ANN401  # what a table may hold
        if isinstance(value, Mapping):
            return {key: of(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [of(item) for item in value]
        return change(value)

    copy: dict[str, Any] = of(table)
    return copy
