"""Building: from a class and its options to an instance, through one door.

`resift.load`, rerankers inside rerankers, mergers, wrappers, pickles and the contract
suite all build by `build`.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NoReturn, TypeAlias

from resift.catalog import WRAPPERS, Provider, catalog
from resift.config import written_in
from resift.errors import ConfigError, InputError, InvalidRerankerError, ResiftError
from resift.hookspecs import hookimpl
from resift.options import Nested, Schema
from resift.plugin import implementation
from resift.redaction import quoted, secrets_in

__all__ = [
    "Built",
    "Nest",
    "Place",
    "Recipe",
    "build",
    "checked_wrappers",
    "wrappers_of",
]

Nest: TypeAlias = Callable[[object, str], Nested]
"""Makes a reranker of what was given for the option of that name."""
Place: TypeAlias = Callable[..., str]
"""Tells where the options of those names stand; of none, where the whole does."""


@dataclass(frozen=True)
class Built:
    """An instance, and what it was made of.

    Args:
        plugin: The instance.
        options: Its options as the constructor took them.
        given: Its options as they were given, but nested rerankers built.
        children: The rerankers inside it that were built from names or tables.
        secrets: The names of the options that are secrets.
    """

    plugin: object
    options: dict[str, object] = field(repr=False)
    given: dict[str, object] = field(repr=False)
    children: tuple[Nested, ...]
    secrets: frozenset[str]


def build(
    cls: type,
    given: Mapping[str, object],
    *,
    who: str,
    nest: Nest,
    place: Place = lambda *_: "",
) -> Built:
    """Build an instance of *cls* from the options *given*.

    Args:
        cls: The plugin class.
        given: Its options by name; rerankers as names, tables or objects.
        who: What messages call it.
        nest: Makes rerankers of those names, tables and objects.
        place: Tells where an option stands, to be named by errors about it.

    Raises:
        OptionsError: If an option is unknown, missing or of the wrong type, or the
            constructor raises.
        InvalidRerankerError: If the constructor cannot be a schema.
    """
    schema = Schema(cls, who)
    for name in given:
        with written_in(place(name)):
            schema.require_known(name)
    with written_in(place()):
        schema.require_complete(given)
    children: list[Nested] = []
    options = {}
    for name, value in given.items():
        with written_in(place(name)):
            options[name] = schema.value(name, value, _owning(nest, name, children))
    nests = {name for name in options if schema.options[name].nests}
    return Built(
        plugin=_constructed(schema, options, place),
        options=options,
        given={**given, **{name: options[name] for name in nests}},
        children=tuple(children),
        secrets=frozenset(o.name for o in schema.options.values() if o.is_secret),
    )


def _owning(
    nest: Nest, name: str, children: list[Nested]
) -> Callable[[object], Nested]:
    """Return *nest* for one option, noting what it builds anew."""

    def nested(value: object) -> Nested:
        child = nest(value, name)
        if isinstance(value, str | Mapping):  # an object is its owner's to close
            children.append(child)
        return child

    return nested


def _constructed(schema: Schema, options: Mapping[str, object], place: Place) -> object:
    """Call the constructor; an error is placed where its option stands."""
    try:
        return schema.construct(options)
    except ResiftError as error:
        keys = [error.parameter] if error.parameter in options else options
        places = {place(key) for key in keys}
        if len(places) == 1:
            error.place = error.place or places.pop()
        raise


class Absent:
    """Stands in for a reranker that cannot be loaded: raises why when it is asked.

    Args:
        error: What loading it raised.
    """

    needs_text = False

    def __init__(self, error: ResiftError) -> None:
        self.error = error

    @hookimpl
    def score(self) -> NoReturn:
        """Raise why it is not there."""
        raise self.error

    @hookimpl
    def check(self) -> None:
        """Raise why it is not there."""
        raise self.error


@dataclass
class Recipe:
    """How a reranker was made by name: what pickling and caching need of it.

    Args:
        provider: Where its class comes from, ``distribution:name``.
        version: The distribution's.
        given: Its options as they were given, nested rerankers built.
        options: Its options as the constructor took them.
        secrets: The names of the options that are secrets.
    """

    provider: str
    version: str
    given: dict[str, object] = field(repr=False)
    options: dict[str, object] = field(repr=False)
    secrets: frozenset[str]

    @classmethod
    def of(cls, provider: Provider, built: Built) -> Recipe:
        """Return how *built* was made."""
        return cls(
            provider.qualified,
            provider.version,
            built.given,
            built.options,
            built.secrets,
        )

    def build(self) -> object:
        """Build the plugin again, in another process."""
        provider = catalog().find(self.provider)
        built = build(
            provider.load(), self.given, who=str(provider), nest=_already_built
        )
        self.options = built.options
        return built.plugin

    def require_picklable(self) -> None:
        """Refuse to write a secret that was given in the open.

        Raises:
            pickle.PicklingError: If one was.
        """
        for name, value in self.given.items():
            declared = name in self.secrets
            if declared and (value is None or _is_from_environment(value)):
                continue
            if declared or any(secrets_in([value, self.options.get(name)])):
                remedy = "Load it anew on the other side."
                if declared:
                    remedy = (
                        "Give it as {'env': 'NAME'}, so that it is read from the "
                        "environment on both sides."
                    )
                msg = (
                    f"Reranker {self.provider!r}: option {name!r} is a secret and is "
                    f"never pickled. {remedy}"
                )
                raise pickle.PicklingError(msg)

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "options": {}}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)


def wrappers_of(wrappers: object) -> tuple[object, ...]:
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
        _wrapper(wrapper) if isinstance(wrapper, str | Mapping) else wrapper
        for wrapper in wrappers
    )


def checked_wrappers(wrappers: object) -> tuple[object, ...]:
    """Return `wrappers_of`, refusing what does more than wrap, if that shows by now.

    Raises:
        InvalidRerankerError: If one implements a hook.
    """
    found = wrappers_of(wrappers)
    for wrapper in found:
        if not hasattr(wrapper, "for_reranker"):
            who = f"Wrapper {type(wrapper).__name__!r}"
            implementation(type(wrapper)).check_wrapper(who)
    return found


def _wrapper(wrapper: str | Mapping[str, object]) -> object:
    table = {"use": wrapper} if isinstance(wrapper, str) else dict(wrapper)
    name, options = table.pop("use", None), table.pop("options", {})
    if table or not isinstance(name, str) or not isinstance(options, Mapping):
        msg = "A wrapper must be a name, or a table of 'use' and 'options'."
        raise ConfigError(msg)
    provider = catalog(WRAPPERS).find(name)
    cls = provider.load()
    return build(cls, options, who=str(provider), nest=_no_reranker).plugin


def _no_reranker(value: object, _: str) -> Nested:
    msg = f"A wrapper takes no reranker, got {type(value).__name__}."
    raise ConfigError(msg)


def _already_built(value: object, _: str) -> Nested:
    if isinstance(value, Nested):
        return value
    msg = f"expected a built reranker, got {quoted(value)}"
    raise InvalidRerankerError(msg)


def _is_from_environment(value: object) -> bool:
    return isinstance(value, Mapping) and set(value) == {"env"}
