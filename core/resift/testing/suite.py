"""`RerankerSuite` and its like: the contract as pytest tests, one per check.

The whole test module of a reranker::

    from resift.testing import RerankerSuite


    class TestMine(RerankerSuite):
        name = "mine"
        options = {"model": "tiny"}

Needs the extra ``resift[test]``. Nothing else of `resift` imports pytest.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar

from resift.errors import InputError, PluginError
from resift.loading import load
from resift.testing.checking import Run
from resift.testing.contract import Check, contract
from resift.testing.subject import Settings, Subject

try:
    import pytest
except ModuleNotFoundError as error:
    msg = "RerankerSuite and MergerSuite need pytest: pip install 'resift[test]'"
    raise ModuleNotFoundError(msg, name="pytest") from error

if TYPE_CHECKING:
    import pyarrow as pa

    from resift.reranker import Reranker

__all__ = [
    "CompositeSuite",
    "MergerSuite",
    "RerankerSuite",
    "WrapperSuite",
    "replaces",
]

_F = TypeVar("_F", bound=Callable[..., object])
_S = TypeVar("_S", bound="_Suite")
_REASON = "resift_reason"
_REPORTS = "RESIFT_CONTRACT_REPORTS"
"""The folder that reports are written into, for the directory of rerankers."""


def replaces(reason: str) -> Callable[[_F], _F]:
    """Let the decorated test stand in for the contract's test of the same name.

    Args:
        reason: Why the contract's own cannot be used: it goes into the report.

    Raises:
        InputError: If there is no reason.
    """
    if callable(reason) or not reason.strip():  # callable: used without parentheses
        msg = f"replaces: reason must be a sentence, got {reason!r}."
        raise InputError(msg)

    def mark(test: _F) -> _F:
        setattr(test, _REASON, reason)
        return test

    return mark


def _tests_of(suite: type[_Suite]) -> list[Check]:
    of = getattr(suite, "of", None)
    return [check for check in contract() if of and check.of in ("any", *of)]


def _test(check: Check) -> Callable[..., None]:
    def test(self: _Suite, contract_run: Run) -> None:  # noqa: ARG001  # a method
        __tracebackhide__ = True
        outcome = contract_run.outcome(check)
        if outcome.status in ("skipped", "unchecked", "blocked"):
            pytest.skip(outcome.reason)
        if outcome.status == "expected":
            pytest.xfail(outcome.reason)
        if outcome.error is not None and outcome.error.__cause__ is not None:
            raise outcome.error
        if not outcome.ok:
            pytest.fail(outcome.reason, pytrace=False)

    test.__name__ = f"test_{check.name}"
    test.__qualname__ = test.__name__
    test.__doc__ = check.promise
    return test


class _Suite:
    """What both suites share: what is tested, and how."""

    of: ClassVar[tuple[str, ...]]
    name: ClassVar[str | None] = None
    target: ClassVar[object] = None
    options: ClassVar[Mapping[str, object]] = {}
    declares: ClassVar[Mapping[str, object]] = {}
    expected_failures: ClassVar[Mapping[str, str]] = {}
    skipped: ClassVar[Mapping[str, str]] = {}
    failing_options: ClassVar[Mapping[str, object] | None] = None
    network: ClassVar[bool] = False
    tolerance: ClassVar[float] = 1e-4
    limit: ClassVar[float] = 20.0
    slow: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for check in _tests_of(cls):
            name = f"test_{check.name}"
            if name in cls.__dict__ and not hasattr(cls.__dict__[name], _REASON):
                msg = (
                    f"{cls.__name__}.{name} hides a test of the contract. "
                    "Mark it with @resift.testing.replaces('the reason'), or say in "
                    "expected_failures or skipped why the contract's own cannot hold."
                )
                raise TypeError(msg)

    @classmethod
    def candidates(cls, documents: Sequence[str]) -> pa.Table | None:
        """Make the columns that the reranker declares: one row per text.

        Equal texts must give equal rows, wherever they stand. None where the reranker
        declares no columns.
        """
        del documents
        return None

    @pytest.fixture(scope="class")
    @classmethod
    def reranker_options(cls) -> Mapping[str, object]:
        """Return the options; redefine it where they come from other fixtures."""
        return cls.options

    @pytest.fixture(scope="class")
    @classmethod
    def contract_run(cls, reranker_options: Mapping[str, object]) -> Iterator[Run]:
        """Hold the reranker and the outcomes, for all tests of the class."""
        subject = _subject(cls, reranker_options)
        _require_kind(cls, subject)
        run = Run(subject, cls.expected_failures, cls.skipped)
        for check in _tests_of(cls):
            test = getattr(cls, f"test_{check.name}")
            if reason := getattr(test, _REASON, None):
                run.replace(check, reason)
        yield run
        run.close()
        if folder := os.environ.get(_REPORTS):
            report = run.report()
            path = Path(folder, f"{report.reranker}--{cls.__name__}.json")
            path.write_text(json.dumps(report.as_dict(), indent=1), encoding="utf-8")


def _with_tests(suite: type[_S]) -> type[_S]:
    """Add one test per check to *suite*."""
    for check in _tests_of(suite):
        setattr(suite, f"test_{check.name}", _test(check))
    return suite


@_with_tests
class RerankerSuite(_Suite):
    """The contract of a reranker that scores, as tests. Subclass it, and set *name*.

    Each check of the contract is a test of its own. A test that is redefined must say
    why, by `replaces`; so must each entry of *expected_failures* and *skipped*.

    Attributes:
        name: The installed reranker.
        target: Instead of *name*, a class, an instance or a function.
        options: Its options. Where they come from a fixture, redefine the fixture
            ``reranker_options``, a class method of class scope.
        declares: Attributes of `resift.hookspecs` that the class itself leaves open.
        expected_failures: Checks that it breaks, each with a reason. Strict: one that
            is kept all the same fails.
        skipped: Optional checks to leave out, each with a reason.
        failing_options: Options with which its backend cannot work.
        network: Whether it may use the network, where its class says it needs it.
        tolerance: How far equal scores may lie apart, as a share of the largest.
        limit: Seconds that a call may take before it is given up as hung.
        slow: Whether to try large sizes, too.
    """

    of: ClassVar[tuple[str, ...]] = ("scorer",)


@_with_tests
class CompositeSuite(RerankerSuite):
    """The contract of a reranker made of others, as tests: see `RerankerSuite`.

    Its children are exchanged for some of the contract's own, which record how they
    are asked and answer in every legal form: with an order, with notes, with an error.
    *options* must name the children that it is made of.
    """

    of = ("scorer", "composite")


@_with_tests
class WrapperSuite(RerankerSuite):
    """The contract of a wrapper, as tests: it stands around a reranker that scores.

    *target* is the wrapper, an instance or a class; *name* one of those installed.
    """

    of = ("scorer", "composite")


@_with_tests
class MergerSuite(_Suite):
    """The contract of a merger, as tests: see `RerankerSuite` for the attributes."""

    of = ("merger",)


def _subject(suite: type[_Suite], options: Mapping[str, object]) -> Subject:
    target = suite.name if suite.target is None else suite.target
    if target is None:
        msg = f"{suite.__name__} must set 'name', the reranker under test."
        raise InputError(msg)
    own = suite.candidates.__func__ is not _Suite.candidates.__func__  # type: ignore[attr-defined]
    settings = Settings(
        candidates=suite.candidates if own else None,
        failing_options=suite.failing_options,
        network=suite.network,
        tolerance=suite.tolerance,
        declares=suite.declares,
        limit=suite.limit,
        slow=suite.slow,
    )
    if issubclass(suite, WrapperSuite):
        return Subject(_wrapped(target, options), settings=settings)
    return Subject(target, options, settings)


def _wrapped(wrapper: object, options: Mapping[str, object]) -> Reranker:
    """Return a reranker with *wrapper* around it."""
    if isinstance(wrapper, str):
        wrapper = {"use": wrapper, "options": dict(options)}
    elif isinstance(wrapper, type):
        wrapper = wrapper(**options)
    return load("bm25", config=None, wrappers=[wrapper])


def _require_kind(suite: type[_Suite], subject: Subject) -> None:
    """Refuse to test a merger as a scorer, where nothing would be tested."""
    try:
        found = subject.implementation
    except PluginError:  # it cannot be imported: a check says so
        return
    scores = "scorer" in suite.of
    if not (found.can_score if scores else found.can_merge):
        other = "MergerSuite" if scores else "RerankerSuite"
        verb = "score" if scores else "merge"
        msg = f"{suite.__name__}: {subject.who} does not {verb}. Inherit from {other}."
        raise InputError(msg)
