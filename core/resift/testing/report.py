"""`Report`: what came of the contract for one reranker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import resift
from resift.testing.contract import Check, ContractError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Outcome", "Report", "Status"]

Status: TypeAlias = Literal[
    "kept",
    "broken",
    "expected",
    "unexpected",
    "skipped",
    "replaced",
    "blocked",
    "unchecked",
]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one check.

    Args:
        check: The check.
        status: ``"kept"`` or ``"broken"``; ``"expected"``, broken as its author said,
            or ``"unexpected"``, kept although its author said it breaks; ``"skipped"``,
            it does not apply; ``"replaced"`` by a test of the author's;
            ``"blocked"``, a check that it builds on is broken; ``"unchecked"``, it
            needs the network.
        reason: Why, unless it is kept.
        error: What was raised, where it is broken.
    """

    check: Check
    status: Status
    reason: str = ""
    error: ContractError | None = None

    @property
    def ok(self) -> bool:
        return self.status in ("kept", "expected", "skipped", "replaced")

    def as_dict(self) -> dict[str, str]:
        """Return it as plain data."""
        data = {"check": self.check.name, "status": self.status}
        return {**data, "reason": self.reason} if self.reason else data


@dataclass(frozen=True, slots=True)
class Report:
    """What came of the whole contract for one reranker.

    Args:
        reranker: Its name.
        distribution: Where it comes from; empty where it was not given by name.
        version: The version of that.
        declares: What it declares: see `resift.hookspecs`.
        outcomes: One per check, in the order they ran.
    """

    reranker: str
    distribution: str
    version: str
    declares: Mapping[str, object]
    outcomes: Sequence[Outcome]

    @property
    def ok(self) -> bool:
        """Whether the reranker keeps the contract, and all of it was checked."""
        return all(outcome.ok for outcome in self.outcomes)

    @property
    def broken(self) -> list[str]:
        """Names of the checks that fail; those that they block are left out."""
        bad = ("broken", "unexpected")
        return [o.check.name for o in self.outcomes if o.status in bad]

    @property
    def verdict(self) -> str:
        """What it comes to, as a sentence."""
        if self.broken:
            return f"{self.reranker!r} breaks the contract: {', '.join(self.broken)}."
        if unchecked := self.count("unchecked"):
            return (
                f"{self.reranker!r} keeps what was checked of the contract, but "
                f"{unchecked} checks need the network."
            )
        return f"{self.reranker!r} keeps the contract: {self.count('kept')} checks."

    def count(self, status: Status) -> int:
        """Count the outcomes of one status."""
        return sum(outcome.status == status for outcome in self.outcomes)

    def raise_if_broken(self) -> None:
        """Raise for the first check that fails.

        Raises:
            ContractError: If the contract is not kept.
        """
        for outcome in self.outcomes:
            if not outcome.ok:
                raise outcome.error or ContractError(outcome.reason)

    def as_dict(self) -> dict[str, object]:
        """Return it as plain data, equal for equal results: no times, no paths."""
        return {
            "reranker": self.reranker,
            "distribution": self.distribution,
            "version": self.version,
            "contract": resift.__version__,
            "ok": self.ok,
            "declares": dict(self.declares),
            "outcomes": [outcome.as_dict() for outcome in self.outcomes],
        }

    def __str__(self) -> str:
        lines = [
            f"{outcome.status:<10}  {outcome.check.name}"
            + (f": {outcome.reason}" if outcome.reason else "")
            for outcome in self.outcomes
        ]
        return "\n".join([*lines, self.verdict])
