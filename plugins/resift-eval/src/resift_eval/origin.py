"""What a row of a report is, and where it came from."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import resift
from resift.errors import ResiftError
from resift_eval import toml

if TYPE_CHECKING:
    from resift.authors import Config

__all__ = ["Origin", "command_line", "origin_of"]

_ALWAYS = ("resift", "resift-eval", "lancedb")


@dataclass(frozen=True)
class Origin:
    """What a contestant is, and when and how it was measured.

    Args:
        entry: Its entry as a config file holds it, without secrets; ``""`` for a leg.
        versions: Of Python and of the distributions that it is made of.
        date: When it was measured, ISO 8601, UTC.
        command: The command that measured it.
        pointwise: Whether its scores do not depend on the other documents; None where
            it does not score.
    """

    entry: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    date: str = ""
    command: str = ""
    pointwise: bool | None = None

    def plain(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return asdict(self)


def origin_of(
    name: str,
    reranker: resift.Reranker | None,
    config: Config | None = None,
    options: Mapping[str, object] | None = None,
    command: str = "",
) -> Origin:
    """Return the origin of a contestant that is measured now.

    Args:
        name: What it is called.
        reranker: The contestant; None for a leg of the first stage.
        config: Where its name was looked up.
        options: What the command line changed.
        command: The command line.
    """
    versions = {"Python": platform.python_version()}
    used = [] if reranker is None else _used(reranker.describe())
    for distribution in dict.fromkeys((*_ALWAYS, *used)):
        try:
            versions[distribution] = version(distribution)
        except PackageNotFoundError:  # a class that no distribution holds
            continue
    scores = reranker is not None and reranker.can_score
    return Origin(
        entry="" if reranker is None else _entry(name, reranker, config, options or {}),
        versions=versions,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        command=command,
        pointwise=reranker.pointwise if reranker is not None and scores else None,
    )


def command_line(arguments: Sequence[str], secrets: Mapping[str, set[str]]) -> str:
    """Return the command as it was typed, the values of secret options struck out.

    Args:
        arguments: What followed ``resift eval``.
        secrets: The names of secret options by reranker.
    """
    shown = []
    for argument in arguments:
        target, equals, _ = argument.partition("=")
        name, _, option = target.rpartition("-o")[2].partition(".")
        secret = equals and option in secrets.get(name, ())
        shown.append(f"{target}=***" if secret else argument)
    return shlex.join(["resift", "eval", *shown])


def _entry(
    name: str,
    reranker: resift.Reranker,
    config: Config | None,
    options: Mapping[str, object],
) -> str:
    """Return the entry that loads it again, secrets struck out."""
    try:
        table = reranker.settings()
    except ResiftError:  # a secret in the open, or an object that no table holds
        found = config.get(name) if config is not None else None
        table = {"use": name, "options": dict(options)}
        if found is not None:
            table = {"use": found.use, "options": {**found.options, **options}}
            table.update(found.settings.given())
    shown = resift.redacted(table)
    lines = [f"{toml.key(k)} = {toml.written(v)}" for k, v in shown.items() if v != {}]
    return "\n".join([f"[rerankers.{toml.key(name)}]", *lines])


def _used(described: object) -> Iterator[str]:
    """Yield the distributions in a description, nested ones too."""
    if isinstance(described, Mapping):
        if isinstance(use := described.get("use"), str):
            yield use.partition(":")[0]
        for value in described.values():
            yield from _used(value)
    elif isinstance(described, list | tuple):
        for value in described:
            yield from _used(value)
