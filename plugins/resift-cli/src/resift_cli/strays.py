"""Entry points that nobody reads, because the name of their group is misspelt."""

from __future__ import annotations

import difflib
from contextlib import suppress
from typing import TYPE_CHECKING

from resift.authors import (
    COMMANDS,
    RERANKERS,
    WRAPPERS,
    Provider,
    catalog,
    is_almost_ours,
    normalized,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["GROUPS", "misspelt"]

GROUPS = (RERANKERS, COMMANDS, WRAPPERS)


def misspelt() -> Iterator[dict[str, str]]:
    """Yield a row of `resift doctor` for each entry point in a group almost ours."""
    known = catalog()
    for group, stray in _strays():
        row = {
            "kind": stray.kind,
            "name": stray.name,
            "distribution": stray.distribution,
            "version": stray.version,
        }
        if known.is_allowed(stray):
            yield {**row, "state": "misspelt group", "message": _remedy(group, stray)}
        else:
            yield {**row, "state": "not allowed"}


def _strays() -> list[tuple[str, Provider]]:
    """Return the entry points, those of an editable install and its twin once."""
    from importlib_metadata import distributions

    found: dict[tuple[str, str], tuple[str, Provider]] = {}
    for distribution in distributions():
        with suppress(Exception):  # one that cannot be read hurts only itself
            home = distribution.name
            for point in distribution.entry_points:
                if is_almost_ours(point.group, home):
                    name = normalized(point.name)
                    stray = Provider(name, point.value, home, point, "entry point")
                    key = (point.group, stray.qualified)
                    found.setdefault(key, (point.group, stray))
    return list(found.values())


def _remedy(group: str, stray: Provider) -> str:
    spelt = normalized(group).replace("-", ".")
    near = difflib.get_close_matches(spelt, GROUPS, n=1, cutoff=0.8)
    meant = near[0] if near else RERANKERS
    return (
        f"{stray} is in the group {group!r}, which resift does not read. For a "
        f'{catalog(meant).kind} write [project.entry-points."{meant}"] in '
        "pyproject.toml, and install it again."
    )
