"""The catalog of installed rerankers, read from metadata without importing any.

A distribution offers a reranker by an entry point in the group ``resift.rerankers``, a
command of the command line in ``resift.commands``, a wrapper in ``resift.wrappers``.
The core's own rerankers are entry points of the distribution ``resift``, the command
line's own commands those of ``resift-cli``: the lookup knows no built-in special case,
except that a bare name of theirs always means theirs.

`importlib_metadata` rather than the standard library: with an empty ``*.dist-info``
left behind by an unclean upgrade, Python 3.11's own loses the good one beside it.
"""

from __future__ import annotations

import contextlib
import difflib
import inspect
import itertools
import os
import re
import threading
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Protocol

from resift.errors import (
    AmbiguousRerankerError,
    BrokenRerankerError,
    InvalidRerankerError,
    NotAllowedError,
    UnknownRerankerError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = [
    "COMMANDS",
    "RERANKERS",
    "WRAPPERS",
    "Catalog",
    "Provider",
    "catalog",
    "is_almost_ours",
    "normalized",
    "published",
    "refresh",
]

RERANKERS = "resift.rerankers"
COMMANDS = "resift.commands"
WRAPPERS = "resift.wrappers"
_KINDS = {RERANKERS: "reranker", COMMANDS: "command", WRAPPERS: "wrapper"}
_USES = {
    RERANKERS: "resift.load({!r})",
    COMMANDS: "'resift {}' on the command line",
    WRAPPERS: "resift.load(..., wrappers=[{!r}])",
}
CORE = "resift"
_OWNERS = {RERANKERS: CORE, COMMANDS: "resift-cli", WRAPPERS: CORE}
"""Of each group the distribution whose names nobody can take over."""

_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*\Z")
_reading = threading.Lock()


class _EntryPoint(Protocol):
    """What we need of an entry point, whichever library it comes from."""

    name: str
    value: str
    group: str
    dist: Any  # a distribution: every library has its own class

    def load(self) -> object: ...


def normalized(name: str) -> str:
    """Return *name* in the form names are compared in: lower case, hyphens."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


@dataclass(frozen=True)
class Provider:
    """One entry point: a name, and the distribution that offers it.

    Reading `version` and `summary` parses the distribution's metadata, so they are
    read only when shown. Nothing is imported before `load`.
    """

    name: str
    target: str
    distribution: str
    _entry_point: _EntryPoint
    kind: str = "reranker"

    @property
    def qualified(self) -> str:
        return f"{self.distribution}:{self.name}"

    @cached_property
    def version(self) -> str:
        return _header(self._entry_point.dist, "Version")

    @cached_property
    def summary(self) -> str:
        return _header(self._entry_point.dist, "Summary")

    def __str__(self) -> str:
        return f"{self.kind.capitalize()} {self.name!r} ({self.home})"

    @property
    def home(self) -> str:
        """The distribution and its version, as messages name them."""
        return f"{self.distribution} {self.version}".strip()

    def problem(self) -> str | None:
        """Return why it cannot work, as far as metadata tells: never imports."""
        if not _TARGET.match(self.target):
            return "malformed"
        from importlib.util import find_spec

        try:
            found = find_spec(self.target.partition(":")[0].partition(".")[0])
        except (ImportError, ValueError):
            found = None
        return None if found else "module missing"

    def load(self) -> type:
        """Import the class it names.

        Raises:
            BrokenRerankerError: If that fails, with the cause chained.
            InvalidRerankerError: If what it names is not a class.
        """
        if not _TARGET.match(self.target):
            msg = (
                f"{self} has the malformed entry point {self.target!r}. "
                "It must look like 'package.module:Class'."
            )
            raise BrokenRerankerError(msg)
        try:
            loaded = self._entry_point.load()  # once: under Python's own import lock
        except (Exception, SystemExit) as error:  # a script that was meant to be run
            raise BrokenRerankerError(self._broken(error)) from error
        if not inspect.isclass(loaded):
            msg = (
                f"{self} must name a class, but {self.target!r} is an object of type "
                f"{type(loaded).__name__!r}. Name the class itself in the entry point."
            )
            raise InvalidRerankerError(msg)
        return loaded

    def _lacks(self, error: AttributeError) -> bool:
        """Return whether it is the module of the target that lacks the class."""
        module, _, name = self.target.partition(":")
        lacking = getattr(error.obj, "__name__", None)
        return (lacking, error.name) == (module, name.partition(".")[0])

    def _broken(self, error: BaseException) -> str:
        what = f"{self} cannot be imported: {type(error).__name__}: {error}"
        what = f"{what.rstrip(' .:')}."
        module = self.target.partition(":")[0]
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        point = f"The entry point is {self.name} = {self.target!r}"
        if isinstance(error, AttributeError) and self._lacks(error):
            return f"{what} {point}: correct it.{_classes_like(error, module)}"
        if missing is None:
            return f"{what} The fault lies in {self.distribution}, or in what it needs."
        if module == missing or module.startswith(f"{missing}."):
            return f"{what} {point}: correct it, or reinstall {self.distribution}."
        return (
            f"{what} {self.distribution} needs the module {missing!r}, which is not "
            f"installed. Reinstall {self.distribution}, with the extra that it "
            "documents."
        )


class Catalog:
    """Every provider of one entry-point group, and the rules of choosing by name.

    Args:
        group: `RERANKERS`, `COMMANDS` or `WRAPPERS`.
        allowed: Normalised names of the distributions that may be used besides the
            group's owner, or None for all.
    """

    def __init__(
        self, group: str = RERANKERS, *, allowed: frozenset[str] | None = None
    ) -> None:
        self.group = group
        self.allowed = allowed
        self.kind = _KINDS[group]
        self.owner = _OWNERS[group]
        self.providers = _distinct(_entry_points(group), self.kind)

    def __contains__(self, name: str) -> bool:
        return bool(self._named(name))

    def names(self) -> list[str]:
        """Return every name that can be asked for, sorted."""
        usable = {p.name for p in self.providers if self.is_allowed(p)}
        return sorted(usable)

    def is_allowed(self, provider: Provider) -> bool:
        """Tell whether `RESIFT_PLUGINS` lets the distribution in."""
        home = normalized(provider.distribution)
        return self.allowed is None or home in {CORE, self.owner, *self.allowed}

    def state(self, provider: Provider) -> str:
        """Return what metadata says of *provider*: ``"ok"``, or what is wrong."""
        if not self.is_allowed(provider):
            return "not allowed"
        if problem := provider.problem():
            return problem
        rivals = [p for p in self._named(provider.name) if self.is_allowed(p)]
        if len(rivals) == 1 or provider.distribution == self.owner:
            return "ok"
        if any(p.distribution == self.owner for p in rivals):
            return f"hidden by {'core' if self.owner == CORE else self.owner}"
        return "clash"

    def find(self, name: str, configured: Sequence[str] = ()) -> Provider:
        """Return the one provider of *name*, which may be ``distribution:name``.

        Args:
            name: What was asked for.
            configured: Names of the config file, to be listed where nothing is found.

        Raises:
            UnknownRerankerError: If there is none.
            NotAllowedError: If `RESIFT_PLUGINS` leaves it out.
            AmbiguousRerankerError: If there are several.
        """
        found = self._named(name)
        if not found:
            raise UnknownRerankerError(self._unknown(name, configured))
        allowed = [p for p in found if self.is_allowed(p)]
        if not allowed:
            homes = ", ".join(sorted({p.distribution for p in found}))
            msg = (
                f"{self.kind.capitalize()} {name!r} is installed by {homes}, which the "
                "environment variable RESIFT_PLUGINS does not allow. Add "
                f"{homes} to it."
            )
            raise NotAllowedError(msg)
        own = [p for p in allowed if p.distribution == self.owner]
        if len(own or allowed) == 1:
            return (own or allowed)[0]
        listing = "; ".join(f"{p.qualified!r} ({p.home}, {p.target})" for p in allowed)
        remedy = "Ask for one by its qualified name."
        if len({p.distribution for p in own or allowed}) == 1:
            remedy = "A distribution must give a name once: tell its authors."
        msg = (
            f"{self.kind.capitalize()} {name!r} is provided by {len(allowed)} entry "
            f"points: {listing}. {remedy}"
        )
        raise AmbiguousRerankerError(msg)

    def _named(self, name: str) -> list[Provider]:
        home, _, bare = name.rpartition(":")
        return [
            p
            for p in self.providers
            if p.name == normalized(bare)
            and (not home or normalized(p.distribution) == normalized(home))
        ]

    def _unknown(self, name: str, configured: Sequence[str]) -> str:
        msg = f"No {self.kind} named {name!r} is installed."
        for group, use in _USES.items():
            if group != self.group and name in catalog(group):
                kind = _KINDS[group]
                return f"{msg} There is a {kind} of that name: {use.format(name)}."
        home, _, bare = name.rpartition(":")
        for group, owner in _misspelt(normalized(bare)):
            if normalized(home) in ("", normalized(owner)):
                return (
                    f"{msg} {owner} offers one in the group {group!r}, which resift "
                    f"does not read: `resift doctor {normalized(bare)}` says more."
                )
        for group in (self.group, *_KINDS):
            package = published(group).get(normalized(bare))
            if not package or normalized(home) not in ("", package):
                continue
            if group == self.group:
                return f"{msg} It ships in {package}: pip install {package}"
            use = _USES[group].format(normalized(bare))
            return (
                f"{msg} It is a {_KINDS[group]}, in {package}: pip install {package}, "
                f"then {use}."
            )
        configured = [other for other in configured if other != normalized(name)]
        names = [*configured, *self.names()]
        near = difflib.get_close_matches(normalized(bare), names, n=3)
        if near:
            return f"{msg} Did you mean {' or '.join(map(repr, near))}?"
        if configured:
            msg += f" Configured: {', '.join(map(repr, configured))}."
        installed = ", ".join(map(repr, self.names())) or "none"
        return f"{msg} Installed: {installed}."


def catalog(group: str = RERANKERS) -> Catalog:
    """Return the catalog of *group*, read once per process and per allow-list."""
    allowed = _allow_list()
    with _reading:
        known = _catalogs.get((group, allowed))
        if known is None:
            known = _catalogs[group, allowed] = Catalog(group, allowed=allowed)
        return known


@cache
def published(group: str) -> dict[str, str]:
    """Return the names that this project publishes in *group*, and each one's home."""
    import tomllib
    from importlib.resources import files

    text = files("resift").joinpath("published.toml").read_text("utf-8")
    homes = tomllib.loads(text)[group]
    return {name: home for home, names in homes.items() for name in names}


def refresh() -> None:
    """Forget what was read, so that newly installed packages are seen."""
    with _reading:
        _catalogs.clear()
        _all_entry_points.cache_clear()


_catalogs: dict[tuple[str, frozenset[str] | None], Catalog] = {}


def _allow_list() -> frozenset[str] | None:
    """Return `RESIFT_PLUGINS` as a set: unset allows all, empty only the core."""
    value = os.environ.get("RESIFT_PLUGINS")
    if value is None:
        return None
    return frozenset(normalized(name) for name in value.split(",") if name.strip())


def _entry_points(group: str) -> Iterable[_EntryPoint]:
    """Return the entry points of *group*: one per distribution name and line."""
    return [point for point in _all_entry_points() if point.group == group]


@cache
def _all_entry_points() -> list[_EntryPoint]:
    """Return those of all our groups: the distributions are looked at only once."""
    from importlib_metadata import distributions, entry_points

    try:
        return [point for point in entry_points() if point.group in _KINDS]
    except Exception:  # noqa: BLE001  # one that cannot be read hurts only itself
        found: dict[str, Iterable[_EntryPoint]] = {}
        for distribution in distributions():
            with contextlib.suppress(Exception):
                points = [p for p in distribution.entry_points if p.group in _KINDS]
                if points:
                    found.setdefault(normalized(distribution.name), points)
        return list(itertools.chain.from_iterable(found.values()))


def is_almost_ours(group: str, home: str) -> bool:
    """Tell whether *group* is one of ours misspelt, and none of *home*'s own."""
    spelt = normalized(group)
    if group in _KINDS or spelt.startswith(f"{normalized(home)}-"):
        return False
    first = spelt.partition("-")[0]
    alike = difflib.get_close_matches(first, [CORE], cutoff=0.82)  # not 'rest'
    return spelt.startswith(CORE) or bool(alike)


def _misspelt(name: str) -> Iterator[tuple[str, str]]:
    """Yield the group and the home of *name*, where nobody reads the group."""
    from importlib_metadata import distributions

    for distribution in distributions():
        with contextlib.suppress(Exception):  # one that cannot be read
            home = distribution.name
            for point in distribution.entry_points:
                if normalized(point.name) == name and is_almost_ours(point.group, home):
                    yield point.group, home


def _classes_like(error: AttributeError, module: str) -> str:
    """Return a hint at the classes of the module that may be meant."""
    own = [
        name
        for name, value in vars(error.obj).items()
        if inspect.isclass(value) and value.__module__ == module
    ]
    if near := difflib.get_close_matches(str(error.name), own, n=3):
        return f" Did you mean {' or '.join(repr(f'{module}:{n}') for n in near)}?"
    listed = ", ".join(map(repr, own))
    return f" Classes of {module}: {listed}." if own else ""


def _home(entry_point: _EntryPoint) -> str:
    """Return the name of the distribution, even where its metadata is damaged."""
    return _header(entry_point.dist, "Name") or "(unknown)"


def _header(distribution: Any, key: str) -> str:  # noqa: ANN401  # of any library
    """Return one line of the metadata; a parser would read the whole README, too."""
    try:
        text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO")
        head = text.partition("\n\n")[0]
        found = re.search(rf"^{key}:[ \t]*(.+)$", head, re.MULTILINE | re.IGNORECASE)
    except Exception:  # noqa: BLE001  # no METADATA, or a damaged one: still usable
        return ""
    return found[1].strip() if found else ""


def _distinct(entry_points: Iterable[_EntryPoint], kind: str) -> tuple[Provider, ...]:
    """Return providers by name, an editable install and its stale twin as one."""
    seen: dict[tuple[str, str, str], Provider] = {}
    for entry_point in entry_points:
        home = _home(entry_point)
        name = normalized(entry_point.name)
        key = (name, entry_point.value, normalized(home))
        seen.setdefault(key, Provider(name, entry_point.value, home, entry_point, kind))
    return tuple(sorted(seen.values(), key=lambda p: (p.name, p.distribution)))
