"""For authors of composites, wrappers and commands: what they may use of the core.

Authors of scorers and mergers need only `resift`, `resift.errors` and
`resift.hookspecs`. Every name below is imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resift.arrow import RELEVANCE as RELEVANCE
    from resift.arrow import as_table as as_table
    from resift.arrow import take as take
    from resift.arrow import text_of as text_of
    from resift.building import build as build
    from resift.catalog import COMMANDS as COMMANDS
    from resift.catalog import CORE as CORE
    from resift.catalog import RERANKERS as RERANKERS
    from resift.catalog import WRAPPERS as WRAPPERS
    from resift.catalog import Catalog as Catalog
    from resift.catalog import Provider as Provider
    from resift.catalog import catalog as catalog
    from resift.catalog import is_almost_ours as is_almost_ours
    from resift.catalog import normalized as normalized
    from resift.catalog import published as published
    from resift.config import Config as Config
    from resift.config import Entry as Entry
    from resift.loading import Loader as Loader
    from resift.loading import config_of as config_of
    from resift.notes import DEGRADED as DEGRADED
    from resift.notes import notes_of as notes_of
    from resift.options import RESERVED as RESERVED
    from resift.options import Option as Option
    from resift.options import Schema as Schema
    from resift.plugin import implementation as implementation
    from resift.redaction import quoted as quoted
    from resift.rerankers.composites import Evidence as Evidence
    from resift.rerankers.composites import instruction_for as instruction_for
    from resift.rerankers.composites import labels as labels
    from resift.scores import MergedLike as MergedLike
    from resift.scores import ScoresLike as ScoresLike
    from resift.scores import as_array as as_array
    from resift.scores import expand as expand
    from resift.scores import take_columns as take_columns
    from resift.spans import SPANS as SPANS
    from resift.spans import Span as Span
    from resift.spans import WeightedSpan as WeightedSpan
    from resift.spans import sentences as sentences
    from resift.threads import AllHangError as AllHangError
    from resift.threads import Deadline as Deadline
    from resift.threads import NoWorkerError as NoWorkerError
    from resift.threads import OverdueError as OverdueError
    from resift.threads import Workers as Workers

_HOMES = {
    "AllHangError": "threads",
    "COMMANDS": "catalog",
    "CORE": "catalog",
    "Catalog": "catalog",
    "Config": "config",
    "DEGRADED": "notes",
    "Deadline": "threads",
    "Entry": "config",
    "Evidence": "rerankers.composites",
    "Loader": "loading",
    "MergedLike": "scores",
    "NoWorkerError": "threads",
    "Option": "options",
    "OverdueError": "threads",
    "Provider": "catalog",
    "RELEVANCE": "arrow",
    "RERANKERS": "catalog",
    "RESERVED": "options",
    "SPANS": "spans",
    "Schema": "options",
    "ScoresLike": "scores",
    "Span": "spans",
    "WRAPPERS": "catalog",
    "WeightedSpan": "spans",
    "Workers": "threads",
    "as_array": "scores",
    "as_table": "arrow",
    "build": "building",
    "catalog": "catalog",
    "config_of": "loading",
    "expand": "scores",
    "implementation": "plugin",
    "instruction_for": "rerankers.composites",
    "is_almost_ours": "catalog",
    "labels": "rerankers.composites",
    "normalized": "catalog",
    "notes_of": "notes",
    "published": "catalog",
    "quoted": "redaction",
    "sentences": "spans",
    "take": "arrow",
    "take_columns": "scores",
    "text_of": "arrow",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605  # one list of names is enough


def __getattr__(name: str) -> object:
    if home := _HOMES.get(name):
        from importlib import import_module

        module = import_module(f"resift.{home}")
        value: object = getattr(module, name)
        globals()[name] = value
        return value
    msg = f"module 'resift.authors' has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return __all__
