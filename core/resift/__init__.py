"""Rerank search results with any reranker, picked by name.

Every name below is imported on first use, so that `import resift` stays cheap: it
pulls in neither numpy nor pyarrow, and never a model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resift.config import Config as Config
    from resift.errors import *  # noqa: F403  # the whole exception tree is public
    from resift.hookspecs import hookimpl as hookimpl
    from resift.loading import load as load
    from resift.loading import redacted as redacted
    from resift.notes import Note as Note
    from resift.notes import notes_of as notes_of
    from resift.notes import usage_of as usage_of
    from resift.ranking import RankedDocument as RankedDocument
    from resift.ranking import RankedDocuments as RankedDocuments
    from resift.ranking import Ranking as Ranking
    from resift.registry import Registry as Registry
    from resift.reranker import Reranker as Reranker
    from resift.scores import Scores as Scores

__version__ = "0.1.0"

_HOMES = {
    "AmbiguousRerankerError": "errors",
    "AuthenticationError": "errors",
    "BackendError": "errors",
    "BackendTimeoutError": "errors",
    "BadRequestError": "errors",
    "BrokenRerankerError": "errors",
    "ClosedError": "errors",
    "Config": "config",
    "ConfigError": "errors",
    "IncompatibleRerankerError": "errors",
    "InputError": "errors",
    "InvalidRerankerError": "errors",
    "MergeError": "errors",
    "ModelError": "errors",
    "Note": "notes",
    "NotAllowedError": "errors",
    "OptionsError": "errors",
    "PluginError": "errors",
    "RankedDocument": "ranking",
    "RankedDocuments": "ranking",
    "Ranking": "ranking",
    "RateLimitError": "errors",
    "Registry": "registry",
    "Reranker": "reranker",
    "ResiftError": "errors",
    "ScoreError": "errors",
    "Scores": "scores",
    "ServerError": "errors",
    "UnknownRerankerError": "errors",
    "UnsetVariableError": "errors",
    "hookimpl": "hookspecs",
    "load": "loading",
    "redacted": "loading",
    "notes_of": "notes",
    "usage_of": "notes",
}

__all__ = sorted([*_HOMES, "__version__"])  # noqa: PLE0605  # one list of names is enough


def __getattr__(name: str) -> object:
    if home := _HOMES.get(name):
        from importlib import import_module

        value: object = getattr(import_module(f"resift.{home}"), name)
        globals()[name] = value
        return value
    msg = f"module 'resift' has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return __all__
