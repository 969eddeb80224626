"""From a name to a reranker: config entry, provider, options, nested rerankers."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import replace
from inspect import signature
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resift.building import Absent, Built, Recipe, build, checked_wrappers
from resift.catalog import Provider, catalog, normalized
from resift.config import Config, Entry, nested_entry, written_in
from resift.errors import (
    BrokenRerankerError,
    ConfigError,
    InputError,
    InvalidRerankerError,
    PluginError,
    ResiftError,
    UnknownRerankerError,
    UnsetVariableError,
)
from resift.host import require_merger
from resift.options import YIELDING, Schema
from resift.plugin import implementation
from resift.reranker import Reranker
from resift.settings import Settings, Text, Weights

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Loader", "config_of", "load", "redacted"]


_log = logging.getLogger("resift")


def load(
    name: str | Mapping[str, object] | None = None,
    /,
    *,
    merge: object = None,
    weights: Weights | None = None,
    top_k: int | None = None,
    window: int | None = None,
    min_score: float | None = None,
    text: Text | None = None,
    instruction: str | None = None,
    price: Mapping[str, float] | None = None,
    wrappers: Sequence[object] = (),
    config: object = ...,
    **options: object,
) -> Reranker:
    """Build the reranker called *name*.

    Args:
        name: A name from the config file, an installed reranker, or
            ``distribution:name``. Or a table with ``use``, as an entry of the file is
            one and `Reranker.settings` returns one. None means the default:
            ``RESIFT_RERANKER``, then the config's ``default``.
        merge: A merger to use instead of the reranker's own: a name, a table with
            ``use``, or an instance.
        weights: What each list counts for in the merge, in order or by its name.
        top_k: How many documents to return, all by default.
        window: How many documents of the merged union to score, all by default.
        min_score: The least probability that a document must have to be returned;
            refused where scores are of another kind.
        text: The column that holds the text.
        instruction: What to count as relevant, in words; refused where nothing reads
            it.
        price: What one of each thing counted in `usage` costs, by its name.
        wrappers: pluggy wrappers on the hooks, passed down to nested rerankers:
            objects, or names of installed ones.
        config: A `resift.Config`, the path of a file, or None to read none. By
            default the file that applies in the working directory.
        options: Options of the reranker: ``resift show NAME`` lists them.

    Returns:
        The reranker. Weights are not loaded before the first score, or `warmup`.

    Raises:
        PluginError: If the reranker cannot be found, imported or used.
        OptionsError: If an option is unknown, missing or of the wrong type.
        ConfigError: If the config file is wrong.

    Example:
        >>> import resift
        >>> reranker = resift.load("bm25", config=None)
        >>> best = reranker.rank("red fox", ["a blue whale", "the quick red fox"])[0]
        >>> best.document
        'the quick red fox'
    """
    settings = {
        "merge": merge,
        "weights": weights,
        "top_k": top_k,
        "window": window,
        "min_score": min_score,
        "text": text,
        "instruction": instruction,
        "price": price,
    }
    return Loader.of(config_of(config), wrappers).load(name, settings, options)


def redacted(table: Mapping[str, object]) -> dict[str, object]:
    """Return a reranker's table with every secret in it struck out, to be shown.

    A secret is an option that the reranker declares as one, and whatever stands in an
    option that is called like one. Of a reranker that cannot be loaded no option is
    shown, and of no table a key that has no place in it. References,
    ``{"env": NAME}``, stay.

    Example:
        >>> from resift import redacted
        >>> redacted({"use": "nowhere", "options": {"api_key": "sk-1", "model": "m"}})
        {'use': 'nowhere', 'options': {'api_key': '***', 'model': '***'}}
    """
    options = table.get("options")
    shown = {
        key: _inner(value) if key in _KEYS else _struck(value)  # misplaced, perhaps
        for key, value in table.items()
    }
    if not isinstance(options, Mapping):
        return shown
    hidden = _secret_options(table.get("use"))
    shown["options"] = {
        name: _struck(value)
        if hidden is None or name in hidden or _SECRET.search(str(name))
        else _inner(value)
        for name, value in options.items()
    }
    return shown


_KEYS = frozenset({"use", *Settings.names()})
_SECRET = re.compile(r"key|token|secret|passw|credential|auth|header", re.IGNORECASE)


def _secret_options(use: object) -> frozenset[str] | None:
    """Return the options of a reranker that are secrets; None where it is unknown."""
    try:
        schema = Schema(catalog().find(str(use)).load(), str(use))
    except ResiftError:
        return None
    return frozenset(o.name for o in schema.options.values() if o.is_secret)


def _struck(value: object) -> object:
    if isinstance(value, Mapping) and set(value) == {"env"}:
        return dict(value)
    return None if value is None else "***"


def _inner(value: object) -> object:
    """Return an option's value, the tables of rerankers in it redacted."""
    if isinstance(value, Mapping) and "use" in value:
        return redacted(value)
    if isinstance(value, Mapping):
        return {
            key: _struck(item) if _SECRET.search(str(key)) else _inner(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_inner(item) for item in value]
    return value


class Loader:
    """Builds rerankers by name from one config, with the same wrappers everywhere.

    Args:
        config: Where names are looked up first.
        wrappers: Handed to every reranker that is built.
        path: The way to here through options of the config, to notice a circle: of each
            the entries from the one that was named to the one that has the option.

    Attributes:
        shares: Whether its plugins are shared, and so not its rerankers' to close.
    """

    shares = False

    def __init__(
        self,
        config: Config | None = None,
        wrappers: Sequence[object] = (),
        path: tuple[tuple[str, ...], ...] = (),
    ) -> None:
        self.config = config or Config()
        self.wrappers = tuple(wrappers)
        self.path = path

    @classmethod
    def of(cls, config: Config, wrappers: object) -> Self:
        """Return a loader with the wrappers that were given and those of the config."""
        with written_in(f"{config.where()}: wrappers"):
            configured = checked_wrappers(config.wrappers)
        return cls(config, (*configured, *checked_wrappers(wrappers)))

    def load(
        self,
        name: str | Mapping[str, object] | None,
        settings: Mapping[str, object],
        options: Mapping[str, object],
    ) -> Reranker:
        """Build the reranker *name*; what is given beats what the config says."""
        if isinstance(name, Mapping):
            own_table = nested_entry(name)
            name = own_table.use
            below = own_table.over(self.resolve(name)[0])
        elif name is None or isinstance(name, str):
            name = name or self._default()
            below = self.resolve(name)[0]
        else:
            msg = (
                "resift.load takes the name of a reranker, or a table with 'use', got "
                f"{type(name).__name__}. Give an instance or a function to "
                "resift.Reranker."
            )
            raise InvalidRerankerError(msg)
        given: dict[str, Any] = {k: v for k, v in settings.items() if v is not None}
        own = {key: given.pop(key) for key in self._own(below.use) if key in given}
        above = Entry("", {**own, **options}, Settings(**given))
        entry = above.over(below)
        return self.build(entry, _label(name, entry))

    def resolve(
        self, name: str, above: tuple[str, ...] = ()
    ) -> tuple[Entry, tuple[str, ...]]:
        """Return what *name* stands for, and the names of the entries that say so.

        Args:
            name: A name of the config, or of an installed reranker.
            above: Entries that are built on it.

        Raises:
            ConfigError: If entries form a circle, or one hides an installed reranker.
        """
        entry = self.config.get(name)
        if entry is None:
            return Entry(name), ()
        key = normalized(name)
        if key in above:
            raise self._circle((*above[above.index(key) :], key))
        if normalized(entry.use) == key:
            return entry, (key,)
        if key in catalog():
            msg = (
                f"{self._place(entry.name)} hides the installed reranker {key!r}. "
                f"{_unhide(key)}"
            )
            raise ConfigError(msg)
        below, names = self.resolve(entry.use, (*above, key))
        return entry.over(below), (key, *names)

    def build(self, entry: Entry, name: str) -> Reranker:
        """Build what *entry* describes."""
        with written_in(self._place(*entry.names()[-1:])):
            provider = self._find(entry.use)
        who = f"Reranker {name!r} ({provider.home})"
        cls = provider.load()
        implementation(cls).check(who)
        built = self.make(cls, provider, entry, who)
        merger = entry.settings.merge
        if isinstance(merger, str | Mapping):
            merger = self._child(merger, entry, "merge")
            with written_in(self._place_in(entry, "merge")):
                require_merger(merger.merging(), f"Reranker {name!r}")
            built = replace(built, children=(*built.children, merger))
        settings = replace(entry.settings, merge=merger)
        try:
            return Reranker.of(
                built,
                Recipe.of(provider, built),
                settings,
                wrappers=self.wrappers,
                name=name,
                who=who,
                borrowed=self.shares,
            )
        except InputError as error:
            if error.parameter:  # a setting that does not suit the reranker
                error.place = error.place or self._place_in(entry, error.parameter)
            raise

    def make(self, cls: type, provider: Provider, entry: Entry, who: str) -> Built:
        """Build the plugin that *entry* describes; what shares plugins overrides it."""
        del provider
        return build(
            cls,
            entry.options,
            who=who,
            nest=lambda value, option: self._inside(value, entry, option, cls),
            place=lambda *keys: self._place_in(entry, *keys),
        )

    def nested(self, value: object) -> Reranker:
        """Build a reranker inside another: from a name, a table, or an object.

        Raises:
            ConfigError: If the entry has settings that only mean something outside.
        """
        if isinstance(value, Reranker):
            return value
        if isinstance(value, str):
            entry = self.resolve(value)[0]
        elif isinstance(value, Mapping):
            own = nested_entry(value)
            entry = own.over(self.resolve(own.use)[0])
        else:
            return Reranker(value, wrappers=self.wrappers)
        label = _label(value if isinstance(value, str) else entry.use, entry)
        for setting in entry.settings.given():
            msg = (
                f"{label!r} is nested in another reranker, where its {setting!r} has "
                "no effect. Set it on the outer one."
            )
            with written_in(self._place(entry.source(setting))):
                raise ConfigError(msg)
        return self.build(entry, label)

    def _inside(self, value: object, entry: Entry, option: str, cls: type) -> Reranker:
        """Build a reranker inside a *cls*, or what stands in for it where that will do.

        Only what the machine lacks, a key or a package, is no reason not to load.
        """
        try:
            return self._child(value, entry, option)
        except (UnsetVariableError, BrokenRerankerError) as error:
            if not getattr(cls, "does_without", False):
                raise
            name = value if isinstance(value, str) else ""
            if isinstance(value, Mapping):
                name = str(value.get("use"))
            _log.warning("%s works without %r: %s", entry.use, name, error)
            return Reranker(Absent(error), wrappers=self.wrappers, name=name)

    def _child(self, value: object, entry: Entry, option: str) -> Reranker:
        """Build a reranker that *option* of *entry* wants inside.

        Raises:
            ConfigError: If it is the very option that is being built already.
        """
        source = entry.source(option)
        loader, key = self, normalized(source)
        if source:
            names = [normalized(name) for name in entry.names()]
            step = tuple(names[: names.index(key) + 1])
            busy = [taken[-1] for taken in self.path]
            if key in busy:
                way = chain(*self.path[busy.index(key) + 1 :], step)
                raise self._circle((key, *way))
            loader = copy(self)
            loader.path = (*self.path, step)
        with written_in(self._place(source)):
            return loader.nested(value)

    def _default(self) -> str:
        """Return the default, which must be there."""
        place = "RESIFT_RERANKER"
        name = os.environ.get(place)
        if not name:
            place, name = f"{self.config.where()}: default", self.config.default
        if not name:
            msg = (
                "No reranker was named and there is no default. Name one, set "
                "RESIFT_RERANKER, or put default = 'NAME' into resift.toml."
            )
            raise UnknownRerankerError(msg)
        if self.config.get(name) is None:
            with written_in(place):
                self._find(name)
        return name

    def _find(self, name: str) -> Provider:
        return catalog().find(name, sorted(self.config.rerankers))

    def _own(self, use: str) -> list[str]:
        """Return the settings that are options of the reranker itself.

        `ensemble` has *weights* of its own: what a call gives is meant for them.
        """
        with suppress(PluginError):  # `build` says what is wrong
            parameters = signature(self._find(use).load()).parameters
            return [name for name in YIELDING if name in parameters]
        return []

    def _place(self, name: str = "") -> str:
        """Return where the entry *name* stands; nowhere, for what a call gave."""
        return name and f"{self.config.where()}: [rerankers.{name}]"

    def _place_in(self, entry: Entry, *keys: str) -> str:
        """Return where an option or setting of *entry* stands, or *entry* itself."""
        name = entry.source(keys[0]) if keys else "".join(entry.names()[-1:])
        return self._place(name)

    def _circle(self, names: Iterable[str]) -> ConfigError:
        error = ConfigError(f"rerankers form a circle: {' -> '.join(names)}.")
        error.place = self.config.where()
        return error


def _unhide(key: str) -> str:
    """Return what to do about an entry of the name of an installed reranker."""
    try:
        catalog().find(key)
    except PluginError:  # several have the name: it could not be used
        return "Choose another name."
    return f"Choose another name, or set its defaults with use = {key!r}."


def config_of(config: object) -> Config:
    """Return the config that `load(config=...)` means."""
    if config is ...:
        return Config.find()
    if config is None:
        return Config()
    if isinstance(config, Config):
        return config
    if isinstance(config, str | Path):
        return Config.read(config)
    if isinstance(config, Mapping):
        return Config.of(config)
    kind = type(config).__name__
    msg = f"config must be a resift.Config, a path, a mapping or None, got {kind}."
    raise ConfigError(msg)


def _label(name: str, entry: Entry) -> str:
    """Return what a reranker is called: as configured, or by its bare name."""
    return name if name != entry.use else normalized(entry.use).rpartition(":")[2]
