"""From a name to a reranker: config entry, provider, options, nested rerankers."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from resift.catalog import Provider, catalog, normalized
from resift.config import Config, Entry
from resift.errors import ConfigError, InvalidRerankerError, UnknownRerankerError
from resift.implementation import implementation
from resift.options import Schema
from resift.reranker import Reranker

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
        for name in self.secrets:
            value = self.given.get(name)
            from_environment = isinstance(value, Mapping) and set(value) == {"env"}
            if value is not None and not from_environment:
                msg = (
                    f"Reranker {self.provider!r}: option {name!r} is a secret and is "
                    "never pickled. Give it as {'env': 'NAME'}, so that it is read "
                    "from the environment on both sides."
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
        path: Config entries being resolved, to notice a cycle.
    """

    def __init__(
        self,
        config: Config | None = None,
        wrappers: Sequence[object] = (),
        path: tuple[str, ...] = (),
    ) -> None:
        self.config = config or Config()
        self.wrappers = wrappers
        self.path = path

    @classmethod
    def of(cls, config: Config, wrappers: Sequence[object]) -> Loader:
        """Return a loader with the wrappers that were given and those of the config."""
        if config.wrappers or any(isinstance(w, str | Mapping) for w in wrappers):
            from resift.wrappers import resolved

            wrappers = resolved([*config.wrappers, *wrappers])
        return cls(config, wrappers)

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
        entry, path = self.resolve(name)
        entry = Entry("", options, **settings).over(entry)  # type: ignore[arg-type]
        label = _label(name, entry)
        return Loader(self.config, self.wrappers, path).build(entry, label)

    def resolve(self, name: str) -> tuple[Entry, tuple[str, ...]]:
        """Return the entry that *name* stands for, config entries laid over another.

        Raises:
            ConfigError: If entries form a circle, or one hides an installed reranker.
        """
        entry = self.config.get(name)
        if entry is None:
            return Entry(name), self.path
        key = normalized(name)
        if key in self.path:
            circle = " -> ".join([*self.path[self.path.index(key) :], key])
            msg = f"{self.config.where()}: rerankers form a circle: {circle}."
            raise ConfigError(msg)
        path = (*self.path, key)
        if normalized(entry.use) == key:
            return entry, path
        if key in catalog():
            msg = (
                f"{self.config.where()}: [rerankers.{name}] hides the installed "
                f"reranker {key!r}. Choose another name, or set its defaults with "
                f"use = {key!r}."
            )
            raise ConfigError(msg)
        below, path = Loader(self.config, self.wrappers, path).resolve(entry.use)
        return entry.over(below), path

    def build(self, entry: Entry, name: str) -> Reranker:
        """Build what *entry* describes."""
        provider = self._find(entry.use)
        who = f"Reranker {name!r} ({provider.home})"
        cls = provider.load()
        implementation(cls).check(who)
        schema = Schema(cls, who)
        children: list[Reranker] = []

        def nested(value: object) -> Reranker:
            child = self.nested(value)
            if isinstance(value, str | Mapping):  # an object is its owner's to close
                children.append(child)
            return child

        given = dict(entry.options)
        options = schema.validate(given, nested)
        for option in schema.options.values():
            if option.nests and option.name in options:
                given[option.name] = options[option.name]
        settings = entry.settings()
        if isinstance(settings.get("merge"), str | Mapping):
            merger = self.nested(settings["merge"])
            children.append(merger)
            settings["merge"] = merger
        reranker = Reranker(
            schema.construct(options),
            wrappers=self.wrappers,
            name=name,
            **settings,  # type: ignore[arg-type]  # checked when read, or by it
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
            entry, path = self.resolve(value)
        elif isinstance(value, Mapping):
            entry, path = self._inline(value)
        else:
            return Reranker(value, wrappers=self.wrappers)
        label = _label(value if isinstance(value, str) else entry.use, entry)
        if settings := entry.settings():
            msg = (
                f"{self.config.where()}: {label!r} is nested in another reranker, "
                f"where its {next(iter(settings))!r} has no effect. Set it on the "
                "outer one."
            )
            raise ConfigError(msg)
        return Loader(self.config, self.wrappers, path).build(entry, label)

    def _inline(self, table: Mapping[str, object]) -> tuple[Entry, tuple[str, ...]]:
        read = Config.of({"rerankers": {"(nested)": table}}, self.config.path)
        entry = read.rerankers["(nested)"]
        below, path = self.resolve(entry.use)
        return entry.over(below), path

    def _default(self) -> str:
        name = os.environ.get("RESIFT_RERANKER") or self.config.default
        if not name:
            msg = (
                "No reranker was named and there is no default. Name one, set "
                "RESIFT_RERANKER, or put default = 'NAME' into resift.toml."
            )
            raise UnknownRerankerError(msg)
        return name

    def _find(self, name: str) -> Provider:
        try:
            return catalog().find(name, sorted(self.config.rerankers))
        except UnknownRerankerError as error:
            if not self.path:
                raise
            where = f"{self.config.where()}: [rerankers.{self.path[-1]}]"
            message = f"{where}: {error}"
        raise UnknownRerankerError(message)


def require_no_secret(plugin: object, who: str) -> None:
    """Refuse to pickle an instance with a secret in it, which it would write.

    Raises:
        pickle.PicklingError: If it holds one, and does not pickle in its own way.
    """
    if type(plugin).__getstate__ is not object.__getstate__:
        return
    for name, value in getattr(plugin, "__dict__", {}).items():
        if hasattr(value, "get_secret_value"):
            msg = (
                f"{who} holds a secret in {name!r}, which is never pickled. Leave it "
                "out in a __getstate__ of the class."
            )
            raise pickle.PicklingError(msg)


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


def _already_built(value: object) -> Reranker:
    if isinstance(value, Reranker):
        return value
    msg = f"expected a built reranker, got {value!r}"
    raise InvalidRerankerError(msg)


def _described(value: object) -> object:
    if isinstance(value, Reranker):
        return value.describe()
    if isinstance(value, Mapping):
        return {str(key): _described(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_described(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else repr(value)
