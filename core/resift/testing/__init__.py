"""What a reranker is tested with: the contract, and made-up distributions.

Three ways in, which run the same checks:

* ``resift check NAME`` needs no file at all;
* ``class TestMine(RerankerSuite): name = "mine"`` in a pytest module, where each check
  is a test of its own (`MergerSuite` for a merger, `CompositeSuite` for a reranker
  made of others, `WrapperSuite` for a wrapper);
* ``check_reranker(obj)`` returns a `Report`, without pytest.

Nothing here is loaded by `import resift`, nor by pytest on its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resift.testing.checking import Run as Run
    from resift.testing.checking import check_reranker as check_reranker
    from resift.testing.contract import ContractError as ContractError
    from resift.testing.overlap import word_overlap as word_overlap
    from resift.testing.report import Outcome as Outcome
    from resift.testing.report import Report as Report
    from resift.testing.subject import Settings as Settings
    from resift.testing.subject import Subject as Subject
    from resift.testing.suite import CompositeSuite as CompositeSuite
    from resift.testing.suite import MergerSuite as MergerSuite
    from resift.testing.suite import RerankerSuite as RerankerSuite
    from resift.testing.suite import WrapperSuite as WrapperSuite
    from resift.testing.suite import replaces as replaces

_HOMES = {
    "CompositeSuite": "suite",
    "ContractError": "contract",
    "MergerSuite": "suite",
    "Outcome": "report",
    "Report": "report",
    "RerankerSuite": "suite",
    "Run": "checking",
    "Settings": "subject",
    "Subject": "subject",
    "WrapperSuite": "suite",
    "check_reranker": "checking",
    "replaces": "suite",
    "word_overlap": "overlap",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605  # one list of names is enough


def __getattr__(name: str) -> object:
    if home := _HOMES.get(name):
        from importlib import import_module

        value: object = getattr(import_module(f"resift.testing.{home}"), name)
        globals()[name] = value
        return value
    msg = f"module 'resift.testing' has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return __all__
