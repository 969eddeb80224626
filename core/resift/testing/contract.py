"""The contract: promises that every reranker keeps, each with one small check.

A check is a function of the subject under test that returns nothing where the promise
holds. It says what is wrong by `broken`, or by `require`, which looks for the
smallest case that is still wrong. The checks live in `resift.testing.checks`, one
module per topic; `contract` returns them in the order they run.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Literal, NoReturn, TypeAlias

from resift.errors import ResiftError
from resift.testing.breach import Breach

if TYPE_CHECKING:
    from collections.abc import Callable

    from resift.testing.cases import Case, Problem
    from resift.testing.subject import Subject

__all__ = [
    "Check",
    "ContractError",
    "broken",
    "check",
    "contract",
    "raised",
    "require",
]

Of: TypeAlias = Literal["any", "scorer", "merger", "composite"]
Reason: TypeAlias = str | None
TOPICS = (
    "packaging",
    "construction",
    "scores",
    "documents",
    "batches",
    "calls",
    "running",
    "state",
    "meaning",
    "resources",
    "drawn",
    "servers",
    "composites",
    "merging",
    "tables",
)
"""The modules of `resift.testing.checks`, in the order their checks run."""
_MOST_STEPS = 40


class ContractError(ResiftError, AssertionError):
    """A reranker breaks a promise; the message says which, by what, and how."""


@dataclass(frozen=True, slots=True)
class Check:
    """One promise, and how it is checked.

    Args:
        name: Name of the check.
        promise: What a reranker promises, as a sentence.
        usually: How authors usually break it, as a sentence.
        function: Calls `broken` where the promise is broken.
        topic: The module it stands in.
        of: Whom it is for: any reranker, one that scores, or one that merges.
        after: Checks that must hold before this one can tell anything.
        unless: Reasons why it may not apply: each is asked for one, or None.
        optional: Whether an author may leave it out, with a reason.
        offline: Whether a check of a scorer never reaches what may lie behind it.
        essential: Whether it is part of a quick run.
        follows: A check of *after* without which this one is left out, too.
    """

    name: str
    promise: str
    usually: str
    function: Callable[[Subject], None]
    topic: str
    of: Of = "any"
    after: tuple[str, ...] = ()
    unless: tuple[Callable[[Subject], Reason], ...] = ()
    optional: bool = False
    offline: bool = False
    essential: bool = False
    follows: str = ""

    def inapplicable(self, subject: Subject) -> Reason:
        """Return why the check does not apply to *subject*, or None."""
        return next((why for ask in self.unless if (why := ask(subject))), None)

    def run(self, subject: Subject) -> None:
        """Check *subject*.

        Raises:
            ContractError: If it breaks the promise, or anything else is raised.
        """
        try:
            self.function(subject)
        except Breach as breach:
            raise self.error(subject, breach) from breach.__cause__
        except Exception as error:
            raise self.error(subject, Breach(raised(error))) from error

    def error(self, subject: Subject, breach: Breach) -> ContractError:
        """Return the error that says what was found."""
        lines = [
            f"{subject.who} breaks {self.name!r}.",
            f"Promise: {self.promise}",
            *([f"Smallest input: {breach.case}"] if breach.case else []),
            f"Found: {breach.found.rstrip('.')}.",
            f"Usually {breach.usually or self.usually}",
        ]
        return ContractError("\n".join(lines))


_checks: dict[str, Check] = {}


def check(
    promise: str,
    *,
    usually: str,
    of: Of = "any",
    after: tuple[str, ...] = (),
    unless: tuple[Callable[[Subject], Reason], ...] = (),
    optional: bool = False,
    offline: bool = False,
    essential: bool = False,
    follows: str = "",
) -> Callable[[Callable[[Subject], None]], Check]:
    """Make the decorated function a check of the contract: see `Check`."""

    def register(function: Callable[[Subject], None]) -> Check:
        topic = function.__module__.rpartition(".")[2]
        made = Check(
            function.__name__,
            promise,
            usually,
            function,
            topic,
            of,
            after,
            unless,
            optional,
            offline,
            essential,
            follows,
        )
        _checks[made.name] = made
        return made

    return register


@cache
def contract() -> tuple[Check, ...]:
    """Return every check, in the order they run."""
    for topic in TOPICS:
        import_module(f"resift.testing.checks.{topic}")
    return tuple(sorted(_checks.values(), key=lambda c: TOPICS.index(c.topic)))


def broken(
    found: str,
    case: object = None,
    cause: BaseException | None = None,
    usually: str = "",
) -> NoReturn:
    """End a check: the promise is broken.

    Args:
        found: What is wrong, as a sentence.
        case: The smallest input that shows it, where there is one.
        cause: What was raised, where something was.
        usually: How authors usually come to this finding, where the check has several.
    """
    raise Breach(found, case, usually) from cause


def require(problem: Problem, *cases: Case) -> None:
    """Raise for the first of *cases* that has a problem, made as small as it goes.

    Raises:
        Breach: With the smallest case found and what is wrong with it.
    """
    for case in cases:
        if breach := _ask(problem, case):
            breach = _smallest(problem, case, breach)
            raise breach from breach.__cause__


def raised(error: Exception) -> str:
    """Say in a sentence what was raised."""
    text = " ".join(str(error).split())
    return f"it raised {type(error).__name__}: {text[:400]}"


def _smallest(problem: Problem, case: Case, breach: Breach) -> Breach:
    """Leave documents out for as long as something is wrong."""
    steps = 0
    smaller = case.smaller()
    while (candidate := next(smaller, None)) and steps < _MOST_STEPS:
        steps += 1
        if found := _ask(problem, candidate):
            breach = found
            smaller = candidate.smaller()
    return breach


def _ask(problem: Problem, case: Case) -> Breach | None:
    """Return what is wrong with *case*, or None."""
    try:
        found = problem(case)
    except Breach as breach:
        breach.case = case
        return breach
    except Exception as error:  # noqa: BLE001  # whatever a reranker may raise
        wrong = Breach(raised(error), case)
        wrong.__cause__ = error
        return wrong
    return Breach(found, case) if found else None
