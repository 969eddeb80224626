"""The registry: the rerankers of one config, built once and shared.

Entries that come down to the same plugin with the same options share one instance, at
any depth: three entries over one model load it once. What is in use stays open while it
is, even if the config is read again meanwhile.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from resift.building import Recipe
from resift.catalog import catalog, normalized
from resift.errors import ClosedError, ResiftError, UnknownRerankerError
from resift.loading import Loader, config_of
from resift.reranker import Reranker
from resift.settings import Settings

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from resift.building import Built
    from resift.catalog import Provider
    from resift.config import Config, Entry

__all__ = ["Changes", "Registry"]

_log = logging.getLogger("resift")


@dataclass(frozen=True)
class Changes:
    """What `Registry.reload` changed: names of the config, sorted.

    Args:
        added: New names.
        removed: Names that are gone.
        changed: Names that stand for something else now.
        kept: Names that stand for what they did.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    kept: tuple[str, ...]


class Registry:
    """The rerankers that a config names, each built when it is first asked for.

    May be used by many threads at once, and as a context manager that closes it. Its
    rerankers are borrowed: closing one of them releases nothing. What fails to close
    while the registry goes on is logged, as it is nobody's request.

    Args:
        config: A `resift.Config`, the path of a file, a mapping, or None for none. By
            default the file that applies in the working directory.
        wrappers: pluggy wrappers on the hooks of all of them, beside the config's.

    Raises:
        ConfigError: If the config is wrong.

    Example:
        >>> from resift import Registry
        >>> with Registry({"rerankers": {"mine": {"use": "bm25"}}}) as registry:
        ...     registry.names()
        ['mine']
    """

    def __init__(
        self, config: object = ..., *, wrappers: Sequence[object] = ()
    ) -> None:
        self._given = config
        self._wrappers = tuple(wrappers)
        self._lock = threading.RLock()
        self._now = _Generation(config_of(config), self._wrappers)
        self._retired: list[_Generation] = []
        self._leases: Counter[_Generation] = Counter()
        self._closed = False

    @property
    def config(self) -> Config:
        """The config that is in force."""
        return self._now.config

    def names(self) -> list[str]:
        """Return the names of the config, the default first, the others sorted."""
        return self._now.names()

    def get(self, name: str | None = None) -> Reranker:
        """Return the reranker that the config calls *name*; None for its default.

        Only names of the config are known, never those of installed rerankers.

        Raises:
            UnknownRerankerError: If the config has no such name, or no default.
            PluginError, OptionsError, ConfigError: If it cannot be built.
            ClosedError: After `close`.
        """
        with self._lock:
            self._require_open()
            return self._now.get(name)

    @contextmanager
    def lease(self, name: str | None = None) -> Iterator[Reranker]:
        """Give out a reranker whose plugins stay open until the block ends.

        Args:
            name: As for `get`, which also says what is raised.
        """
        with self._lock:
            reranker, generation = self.get(name), self._now
            self._leases[generation] += 1
        try:
            yield reranker
        finally:
            with self._lock:
                self._leases[generation] -= 1
                unused = self._unused()
            _log_failures(_closed(unused))

    def reload(self, config: object = ...) -> Changes:
        """Read the config again; what did not change keeps its instance.

        What is no longer used is closed when the last lease on it ends.

        Args:
            config: The new config; by default that which was given first, read again.

        Raises:
            ConfigError: If the new config is wrong; then nothing changes.
            PluginError, OptionsError: If what was in use cannot be built from it.
        """
        read = config_of(self._given if config is ... else config)
        with self._lock:
            self._require_open()
            before = self._now
            now = _Generation(read, self._wrappers, before)
            try:
                for name in before.built() & set(now.names()):
                    now.get(name)
            except Exception:
                _log_failures(_closed(now.owners(keep=before.shared)))
                raise
            changes = _changes(before, now)
            self._now = now
            self._retired.append(before)
            unused = self._unused()
        _log_failures(_closed(unused))
        return changes

    def close(self) -> None:
        """Close what no lease holds now, and the rest when its leases end; idempotent.

        Raises:
            ExceptionGroup: If plugins fail to close, after all were asked to.
        """
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._retired.append(self._now)
            unused = self._unused()
        if errors := _closed(unused):
            raise ExceptionGroup("; ".join(map(_words, errors)), errors)

    def __enter__(self) -> Self:
        self._require_open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _unused(self) -> list[Reranker]:
        """Give up what only generations without leases hold; return it to be closed.

        That is done without the lock, so that nobody waits for it.
        """
        used = [g for g in self._retired if self._leases[g]]
        unused = [g for g in self._retired if not self._leases[g]]
        self._retired = used
        alive = used if self._closed else [*used, self._now]
        keep = {key: share for g in alive for key, share in g.shared.items()}
        self._now.take_over_only(keep)
        for generation in unused:
            self._leases.pop(generation, None)
        return [owner for generation in unused for owner in generation.owners(keep)]

    def _require_open(self) -> None:
        if self._closed:
            msg = "The registry is closed. Make another."
            raise ClosedError(msg)


class _Generation:
    """What one reading of the config stands for.

    Args:
        config: The config.
        wrappers: Wrappers of all rerankers.
        before: The generation whose instances are taken over where they are the same.
    """

    def __init__(
        self,
        config: Config,
        wrappers: tuple[object, ...],
        before: _Generation | None = None,
    ) -> None:
        self.config = config
        self.shared: dict[str, _Share] = {}
        self._loader = _SharingLoader.of(config, wrappers)
        self._loader.shared = self.shared
        self._loader.known = before.shared if before else {}
        self._loader.being_built = []
        self._rerankers: dict[str, Reranker] = {}

    def names(self) -> list[str]:
        default = self._default()
        return sorted(self.config.rerankers, key=lambda name: (name != default, name))

    def built(self) -> set[str]:
        """Return the names whose rerankers are there."""
        return set(self._rerankers)

    def get(self, name: str | None) -> Reranker:
        key = self._default() if name is None else normalized(name)
        if key is None or key not in self.config.rerankers:
            raise self._unknown(name)
        found = self._rerankers.get(key)
        if found is None or found.closed:
            found = self._rerankers[key] = self._loader.load(key, {}, {})
        return found

    def meanings(self) -> dict[str, str]:
        """Return what each name stands for, to be compared."""
        return {name: self._loader.stands_for(name) for name in self.config.rerankers}

    def owners(self, keep: Mapping[str, _Share]) -> list[Reranker]:
        """Return the owners of the plugins that *keep* does not hold."""
        return [
            share.owner
            for made_of, share in self.shared.items()
            if keep.get(made_of) is not share
        ]

    def take_over_only(self, keep: Mapping[str, _Share]) -> None:
        """Forget the plugins of the generation before that *keep* does not hold."""
        known = self._loader.known
        self._loader.known = {k: s for k, s in known.items() if keep.get(k) is s}

    def _default(self) -> str | None:
        return normalized(self.config.default) if self.config.default else None

    def _unknown(self, name: str | None) -> UnknownRerankerError:
        msg = f"{self.config.where()} has no reranker {name!r}."
        if name is None:
            msg = f"{self.config.where()} names no default that it has an entry for."
        known = ", ".join(map(repr, self.names())) or "none"
        return UnknownRerankerError(msg, remedy=f"Configured: {known}.")


@dataclass(frozen=True)
class _Share:
    """One plugin that is shared.

    Args:
        built: The plugin.
        owner: The reranker that closes it.
        inner: The prints of the plugins inside it.
    """

    built: Built
    owner: Reranker
    inner: frozenset[str]


class _SharingLoader(Loader):
    """A loader that builds equal plugins once.

    Attributes:
        shared: The plugins by what they are made of.
        known: Those of the generation before, to be taken over.
    """

    shares = True
    shared: dict[str, _Share]
    known: Mapping[str, _Share]
    being_built: list[set[str]]  # of each plugin, what is inside it

    def make(self, cls: type, provider: Provider, entry: Entry, who: str) -> Built:
        """Return the plugin that is there for such an entry, or build it."""
        made_of = self.made_of(entry)
        for inner in self.being_built:
            inner.add(made_of)
        share = self.shared.get(made_of) or self._taken_over(made_of)
        if share is None:
            self.being_built.append(set())
            try:
                built = super().make(cls, provider, entry, who)
            finally:
                inner = self.being_built.pop()
            recipe = Recipe.of(provider, built)
            owner = Reranker.of(
                built, recipe, Settings(), wrappers=(), name=provider.name, who=who
            )
            share = self.shared[made_of] = _Share(built, owner, frozenset(inner))
        return share.built

    def made_of(self, entry: Entry) -> str:
        """Return what a plugin is made of: its class and options, nested ones whole."""
        options = {name: self._whole(v, ()) for name, v in entry.options.items()}
        use = catalog().find(entry.use).qualified
        return json.dumps([use, options], sort_keys=True, default=repr)

    def stands_for(self, name: str) -> str:
        """Return what *name* stands for: its plugin, options and settings."""
        try:
            entry = self.resolve(name)[0]
            return f"{self.made_of(entry)} {entry.settings}"
        except ResiftError as error:  # `get` raises it when the name is asked for
            return str(error)

    def _whole(self, value: object, above: tuple[str, ...]) -> object:
        """Return a value with the entries that it may name put in their place."""
        if isinstance(value, str) and value in self.config.rerankers:
            name = normalized(value)
            if name in above:
                return value
            entry = self.resolve(name)[0]
            return [entry.use, self._whole(entry.options, (*above, name))]
        if isinstance(value, Mapping):
            return {str(key): self._whole(item, above) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._whole(item, above) for item in value]
        return value

    def _taken_over(self, made_of: str) -> _Share | None:
        share = self.known.get(made_of)
        if share is not None:
            self.shared[made_of] = share
            self.shared.update({inner: self.known[inner] for inner in share.inner})
        return share


def _closed(owners: Sequence[Reranker]) -> list[Exception]:
    """Close them all; return what they raised."""
    errors: list[Exception] = []
    for owner in owners:
        try:
            owner.close()
        except Exception as error:  # noqa: BLE001  # the others are closed all the same
            errors.append(error)
    return errors


def _log_failures(errors: Sequence[Exception]) -> None:
    for error in errors:
        _log.warning("%s", _words(error))


def _words(error: Exception) -> str:
    """Return what an error of `Reranker.close` says, without how many it holds."""
    return error.message if isinstance(error, ExceptionGroup) else str(error)


def _changes(before: _Generation, now: _Generation) -> Changes:
    old, new = before.meanings(), now.meanings()
    both = sorted(old.keys() & new.keys())
    return Changes(
        added=tuple(sorted(new.keys() - old.keys())),
        removed=tuple(sorted(old.keys() - new.keys())),
        changed=tuple(name for name in both if old[name] != new[name]),
        kept=tuple(name for name in both if old[name] == new[name]),
    )
