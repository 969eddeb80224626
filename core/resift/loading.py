"""From a name to a reranker: config entry, provider, options, nested rerankers."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from resift.catalog import Provider, catalog, normalized
from resift.config import Config, Entry, nested_entry, written_in
from resift.errors import (
    ConfigError,
    InvalidRerankerError,
    PluginError,
    ResiftError,
    UnknownRerankerError,
)
from resift.host import only_merge
from resift.implementation import implementation
from resift.options import Schema
from resift.request import checked_text, least_one
from resift.reranker import Reranker
from resift.secrets import secrets_in, shown
from resift.threshold import checked_threshold, known_kind, require_probability
from resift.wrappers import resolved

__all__ = ["Loader", "Recipe", "config_of", "load"]


def load(
    name: str | None = None,
    /,
    *,
    merge: object = None,
    top_k: int | None = None,
    window: int | None = None,
    min_score: float | None = None,
    text: str | Sequence[str] | None = None,
    wrappers: Sequence[object] = (),
    config: object = ...,
    **options: object,
) -> Reranker:
    """Build the reranker called *name*.

    Args:
        name: A name from the config file, an installed reranker, or
            ``distribution:name``. None means the default: ``RESIFT_RERANKER``, then
            the config's ``default``.
        merge: A merger to use instead of the reranker's own: a name, a table with
            ``use``, or an instance.
        top_k: How many documents to return, all by default.
        window: How many documents of the merged union to score, all by default.
        min_score: The least probability that a document must have to be returned;
            refused where scores are of another kind.
        text: The column that holds the text.
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
        "top_k": top_k,
        "window": window,
        "text": text,
        "min_score": min_score,
    }
    given = {key: value for key, value in settings.items() if value is not None}
    loader = Loader.of(config_of(config), wrappers)
    return loader.load(name, given, options)


_CHECKS: Mapping[str, Callable[[Any], object]] = {
    "top_k": partial(least_one, "top_k"),
    "window": partial(least_one, "window"),
    "text": checked_text,
    "min_score": checked_threshold,
}


@dataclass
class Recipe:
    """How a reranker was made: what pickling and caching need of it.

    Args:
        provider: Where its class comes from.
        given: Its options as they were given, nested rerankers built.
        options: Its options as the constructor takes them.
    """

    provider: str
    given: dict[str, object] = field(repr=False)
    options: dict[str, object] = field(repr=False)
    version: str = ""
    secrets: frozenset[str] = field(default_factory=frozenset)

    def build(self) -> object:
        """Build the plugin again, in another process."""
        provider = catalog().find(self.provider)
        schema = Schema(provider.load(), str(provider))
        self.options = schema.validate(self.given, build=_already_built)
        return schema.construct(self.options)

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

    def describe(self) -> dict[str, object]:
        """Return it as plain data, secrets left out."""
        options = {
            name: _described(value)
            for name, value in sorted(self.options.items())
            if name not in self.secrets
        }
        return {"use": self.provider, "version": self.version, "options": options}

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "options": {}}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)


class Loader:
    """Builds rerankers by name from one config, with the same wrappers everywhere.

    Args:
        config: Where names are looked up first.
        wrappers: Handed to every reranker that is built.
        path: The way to here through options of the config, to notice a circle: of each
            the entries from the one that was named to the one that has the option.
    """

    def __init__(
        self,
        config: Config | None = None,
        wrappers: Sequence[object] = (),
        path: tuple[tuple[str, ...], ...] = (),
    ) -> None:
        self.config = config or Config()
        self.wrappers = wrappers
        self.path = path

    @classmethod
    def of(cls, config: Config, wrappers: object) -> Loader:
        """Return a loader with the wrappers that were given and those of the config."""
        with written_in(f"{config.where()}: wrappers"):
            configured = _checked(config.wrappers)
        return cls(config, (*configured, *_checked(wrappers)))

    def load(
        self,
        name: str | None,
        settings: Mapping[str, object],
        options: Mapping[str, object],
    ) -> Reranker:
        """Build the reranker *name*; what is given beats what the config says."""
        if name is not None and not isinstance(name, str):
            msg = (
                f"resift.load takes the name of a reranker, got {type(name).__name__}. "
                "Give an instance or a function to resift.Reranker."
            )
            raise InvalidRerankerError(msg)
        name = name or self._default()
        entry = Entry("", options, **settings).over(self.resolve(name)[0])  # type: ignore[arg-type]
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
        schema = Schema(cls, who)
        children: list[Reranker] = []
        options = self._options(entry, schema, children)
        given = dict(entry.options)
        for option in schema.options.values():
            if option.nests and option.name in options:
                given[option.name] = options[option.name]
        plugin = self._construct(entry, schema, options)
        reranker = Reranker(
            plugin,
            wrappers=self.wrappers,
            name=name,
            **self._settings(entry, plugin, f"Reranker {name!r}", children),
        )
        secrets = frozenset(o.name for o in schema.options.values() if o.is_secret)
        reranker.who = who
        reranker._children = tuple(children)  # noqa: SLF001  # the loader is its maker
        reranker._recipe = Recipe(  # noqa: SLF001
            provider.qualified, given, options, provider.version, secrets
        )
        return reranker

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
        if settings := entry.settings():
            setting = next(iter(settings))
            msg = (
                f"{label!r} is nested in another reranker, where its {setting!r} has "
                "no effect. Set it on the outer one."
            )
            with written_in(self._place(entry.source(setting))):
                raise ConfigError(msg)
        return self.build(entry, label)

    def _options(
        self, entry: Entry, schema: Schema, children: list[Reranker]
    ) -> dict[str, object]:
        """Return the options as the constructor takes them; errors say whose they are.

        Args:
            entry: What was given.
            schema: What there is.
            children: Takes the rerankers that are built on the way.
        """
        sources = {name: entry.source(name) for name in entry.options}
        for name, source in sources.items():
            with written_in(self._place(source)):
                schema.require_known(name)
        with written_in(self._place(*entry.names()[-1:])):
            schema.require_complete(entry.options)
        options = {}
        for name, source in sources.items():
            build = partial(self._child, entry=entry, source=source, children=children)
            with written_in(self._place(source)):
                options[name] = schema.value(name, entry.options[name], build)
        return options

    def _child(
        self, value: object, entry: Entry, source: str, children: list[Reranker]
    ) -> Reranker:
        """Build a reranker that the entry *source* wants inside.

        Raises:
            ConfigError: If it is the very option that is being built already.
        """
        loader, key = self, normalized(source)
        if source:
            names = [normalized(name) for name in entry.names()]
            step = tuple(names[: names.index(key) + 1])
            busy = [taken[-1] for taken in self.path]
            if key in busy:
                way = chain(*self.path[busy.index(key) + 1 :], step)
                raise self._circle((key, *way))
            loader = Loader(self.config, self.wrappers, (*self.path, step))
        with written_in(self._place(source)):
            child = loader.nested(value)
        if isinstance(value, str | Mapping):  # an object is its owner's to close
            children.append(child)
        return child

    def _construct(
        self, entry: Entry, schema: Schema, options: Mapping[str, object]
    ) -> object:
        """Build the plugin.

        An error is placed where the option stands that it begins with, or else where
        all do.
        """
        try:
            return schema.construct(options)
        except ResiftError as error:
            first = str(error).removeprefix(f"{schema.who}: ").partition(" ")[0]
            keys = [first] if first in options else options
            sources = {entry.source(key) for key in keys}
            if len(sources) == 1:
                error.place = error.place or self._place(*sources)
            raise

    def _settings(
        self, entry: Entry, plugin: object, who: str, children: list[Reranker]
    ) -> dict[str, Any]:
        """Return the settings, each checked by itself; errors say whose they are."""
        settings: dict[str, Any] = entry.settings()
        places = {key: self._place(entry.source(key)) for key in settings}
        if isinstance(settings.get("merge"), str | Mapping):
            source = entry.source("merge")
            merger = self._child(settings["merge"], entry, source, children)
            settings["merge"] = merger
            with written_in(places["merge"]):
                only_merge(merger.merging(), who)
        for key, check in _CHECKS.items():
            with written_in(places.get(key, "")):
                check(settings.get(key))
        if "min_score" in settings:
            kind = known_kind(who, plugin)
            with written_in(places["min_score"]):
                require_probability(who, kind)
        return settings

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

    def _place(self, name: str = "") -> str:
        """Return where the entry *name* stands; nowhere, for what a call gave."""
        return name and f"{self.config.where()}: [rerankers.{name}]"

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


def _checked(wrappers: object) -> tuple[object, ...]:
    """Return wrappers as objects that only wrap, as far as that shows by now."""
    found = resolved(wrappers)
    for wrapper in found:
        if not hasattr(wrapper, "for_reranker"):
            who = f"Wrapper {type(wrapper).__name__!r}"
            implementation(type(wrapper)).check_wrapper(who)
    return found


def _label(name: str, entry: Entry) -> str:
    """Return what a reranker is called: as configured, or by its bare name."""
    return name if name != entry.use else normalized(entry.use).rpartition(":")[2]


def _is_from_environment(value: object) -> bool:
    return isinstance(value, Mapping) and set(value) == {"env"}


def _already_built(value: object) -> Reranker:
    if isinstance(value, Reranker):
        return value
    msg = f"expected a built reranker, got {shown(value)}"
    raise InvalidRerankerError(msg)


def _described(value: object) -> object:
    if isinstance(value, Reranker):
        return value.describe()
    if isinstance(value, Mapping):
        return {str(key): _described(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_described(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else repr(value)
