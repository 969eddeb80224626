"""`check_reranker`: run the contract. Needs neither pytest nor a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resift.errors import InputError, PluginError
from resift.testing.breach import Breach
from resift.testing.contract import Check, ContractError, contract
from resift.testing.report import Outcome, Report
from resift.testing.subject import Settings, Subject
from resift.testing.watchdog import Hung, Watchdog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

__all__ = ["Run", "check_reranker", "concerns"]


class Run:
    """One subject and the outcomes so far: each check runs once, those it needs first.

    Args:
        subject: The reranker under test.
        expected_failures: Names of checks that it breaks, each with a reason. One that
            is kept all the same is a failure too.
        skipped: Names of optional checks to leave out, each with a reason.
        quick: Whether to run the essential third only.
        only: A part of the names of the checks to run.
        stop: Whether to stop at the first check that is broken.

    Raises:
        InputError: If a name is unknown, a reason is missing, or a check to leave out
            is required.
    """

    def __init__(
        self,
        subject: Subject,
        expected_failures: Mapping[str, str] | None = None,
        skipped: Mapping[str, str] | None = None,
        *,
        quick: bool = False,
        only: str = "",
        stop: bool = False,
    ) -> None:
        self.subject = subject
        self._quick = quick
        self._only = only.replace("-", "_").replace(" ", "_")
        self._stop = stop
        self._watchdog = Watchdog(subject.pulse, subject.settings.limit)
        self._hung: Check | None = None
        self._checks = {check.name: check for check in contract()}
        self._expected = dict(expected_failures or {})
        self._skipped = dict(skipped or {})
        self._outcomes: dict[str, Outcome] = {}
        self._require_reasons("expected_failures", self._expected)
        self._require_reasons("skipped", self._skipped)
        for name in self._skipped:
            if not self._checks[name].optional:
                optional = [c.name for c in self._checks.values() if c.optional]
                msg = (
                    f"skipped: the check {name!r} is required. If it cannot hold, say "
                    f"why in expected_failures. Optional: {_listed(optional)}."
                )
                raise InputError(msg)

    def outcome(self, check: Check) -> Outcome:
        """Return what came of *check*, which runs the first time only."""
        if check.name not in self._outcomes:
            self._outcomes[check.name] = self._judge(check)
        return self._outcomes[check.name]

    def replace(self, check: Check, reason: str) -> None:
        """Note that the author's own test stands in for *check*."""
        self._outcomes[check.name] = Outcome(check, "replaced", reason)

    def __iter__(self) -> Iterator[Outcome]:
        """Run every check that concerns the subject, then close what was built."""
        try:
            for check in self.chosen():
                outcome = self.outcome(check)
                yield outcome
                if self._stop and outcome.status in ("broken", "unexpected"):
                    return
        finally:
            self.close()

    def chosen(self) -> list[Check]:
        """Return the checks that concern the subject and are wanted."""
        checks = [c for c in self._checks.values() if self._only in c.name]
        if not checks:
            known = _listed(self._checks)
            msg = f"only: no check is called {self._only!r}. Checks: {known}."
            raise InputError(msg)
        if self._quick:
            checks = [check for check in checks if check.essential]
        return [check for check in checks if concerns(check, self.subject)]

    def close(self) -> None:
        """Close what was built; what hangs is left alone."""
        if self._hung is None:
            self.subject.release(shared=True)
        self._watchdog.close()

    def everything(self) -> Report:
        """Run every check that concerns the subject, and report."""
        list(self)
        return self.report()

    def report(self) -> Report:
        """Report the checks that have run."""
        ran = [c for name, c in self._checks.items() if name in self._outcomes]
        return Report(
            **_identity(self.subject),
            declares=self.subject.declared,
            outcomes=[self._outcomes[check.name] for check in ran],
        )

    def _judge(self, check: Check) -> Outcome:
        if outcome := self._left_out(check):
            return outcome
        expected = self._expected.get(check.name)
        try:
            self._run(check)
        except ContractError as error:
            if expected:
                return Outcome(check, "expected", expected, error)
            return Outcome(check, "broken", str(error), error)
        if expected:
            text = f"expected to break ({expected}), but it is kept: expect it no more"
            return Outcome(check, "unexpected", text)
        return Outcome(check, "kept")

    def _run(self, check: Check) -> None:
        def run() -> None:
            try:
                check.run(self.subject)
            finally:
                self.subject.release()

        try:
            self._watchdog.run(run)
        except Hung as hung:
            self._hung = check
            case = self.subject.pulse.case
            raise check.error(self.subject, Breach(str(hung), case)) from None

    def _left_out(self, check: Check) -> Outcome | None:
        """Return the outcome of a check that is not to run."""
        if self._hung is not None:
            return Outcome(check, "blocked", f"mend {self._hung.name!r} first: it hung")
        if reason := self._skipped.get(check.name):
            return Outcome(check, "skipped", reason)
        return self._unready(check) or self._inapplicable(check)

    def _unready(self, check: Check) -> Outcome | None:
        """Return the outcome of a check that builds on one which does not hold."""
        for first in (self._checks[name] for name in check.after):
            if not concerns(first, self.subject):
                continue
            status = self.outcome(first).status
            if status == "skipped" and first.name == check.follows:
                return Outcome(check, "skipped", self._outcomes[first.name].reason)
            if status in ("broken", "blocked"):
                return Outcome(check, "blocked", f"mend {first.name!r} first")
            if status == "expected":
                reason = f"it builds on {first.name!r}, which is expected to break"
                return Outcome(check, "skipped", reason)
        return None

    def _inapplicable(self, check: Check) -> Outcome | None:
        """Return the outcome of a check that tells nothing about the subject."""
        if reason := check.inapplicable(self.subject):
            return Outcome(check, "skipped", reason)
        if (
            check.of in ("scorer", "composite")
            and not check.offline
            and not self.subject.reachable
        ):
            reason = "it needs the network: allow it by --network, or network=True"
            return Outcome(check, "unchecked", reason)
        return None

    def _require_reasons(self, what: str, reasons: Mapping[str, str]) -> None:
        for name, reason in reasons.items():
            if name not in self._checks:
                known = _listed(self._checks)
                msg = f"{what}: there is no check {name!r}. Checks: {known}."
                raise InputError(msg)
            if not str(reason or "").strip():
                msg = f"{what}: {name!r} needs a reason, got {reason!r}."
                raise InputError(msg)


def check_reranker(
    reranker: object,
    options: Mapping[str, object] | None = None,
    *,
    expected_failures: Mapping[str, str] | None = None,
    skipped: Mapping[str, str] | None = None,
    candidates: Callable[[Sequence[str]], pa.Table] | None = None,
    failing_options: Mapping[str, object] | None = None,
    network: bool = False,
    tolerance: float = 1e-4,
    limit: float = 20.0,
    quick: bool = False,
    slow: bool = False,
    only: str = "",
    stop: bool = False,
) -> Report:
    """Check that a reranker keeps the contract.

    Args:
        reranker: A name, a class, an instance, a function ``(query, documents)``, or a
            `resift.Reranker`.
        options: Options, where it is a name or a class.
        expected_failures: Checks that it breaks, each with a reason.
        skipped: Optional checks to leave out, each with a reason.
        candidates: Makes the columns that the reranker declares from the texts, one
            row each; equal texts must give equal rows.
        failing_options: Options with which its backend cannot work.
        network: Whether a reranker that needs the network may use it.
        tolerance: How far equal scores may lie apart, as a share of the largest.
        limit: Seconds that a call may take before it is given up as hung.
        quick: Whether to run the essential third of the checks only.
        slow: Whether to try large sizes, too.
        only: A part of the names of the checks to run; those they build on run, too.
        stop: Whether to stop at the first check that is broken.

    Returns:
        One outcome per check that concerns the reranker.

    Raises:
        InputError: If an argument makes no sense. What is wrong with the reranker is
            in the report, never raised.

    Example:
        >>> from resift.testing import check_reranker
        >>> report = check_reranker(lambda query, documents: [0.0])
        >>> report.broken
        ['one_score_per_document']
    """
    settings = Settings(
        candidates, failing_options, network, tolerance, limit=limit, slow=slow
    )
    subject = Subject(reranker, options or {}, settings)
    run = Run(subject, expected_failures, skipped, quick=quick, only=only, stop=stop)
    return run.everything()


def concerns(check: Check, subject: Subject) -> bool:
    """Tell whether *check* is for rerankers like *subject*."""
    if check.of == "any":
        return True
    try:
        found = subject.implementation
    except PluginError:  # it cannot be found or imported: other checks say so
        return False
    if check.of == "composite":
        return found.can_score and subject.composite
    return found.can_score if check.of == "scorer" else found.can_merge


def _identity(subject: Subject) -> dict[str, str]:
    try:
        provider = subject.provider
    except PluginError:
        provider = None
    if provider is None:
        name = subject.who.removeprefix("Reranker ").strip("'")
        return {"reranker": name, "distribution": "", "version": ""}
    return {
        "reranker": provider.name,
        "distribution": provider.distribution,
        "version": provider.version,
    }


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))
