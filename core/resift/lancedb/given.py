"""What a search was given as its reranker."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

import resift
from resift.config import Config
from resift.lancedb.adapter import LanceReranker
from resift.lancedb.foreign import is_foreign, translated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Given", "given"]


class Given(NamedTuple):
    """A reranker, and what the object that held it says besides.

    Args:
        reranker: The reranker.
        column: The column that holds the text; None for the reranker's own.
        weights: What each leg counts for, by default.
        all_scores: Whether `_distance` and `_score` are shown.
    """

    reranker: resift.Reranker
    column: str | Sequence[str] | None = None
    weights: Mapping[str, float] | Sequence[float] | None = None
    all_scores: bool = False


def given(reranker: object) -> Given:
    """Return the reranker that a search names, built once per name and config.

    Raises:
        InputError: If it is a reranker of LanceDB's that has no equal here.
    """
    if isinstance(reranker, LanceReranker):
        shows_all = reranker.score == "all"
        return Given(reranker.reranker, reranker.column, reranker.weights, shows_all)
    if is_foreign(reranker):
        found, weights, return_score = translated(reranker, "search")
        return Given(found, weights=weights, all_scores=return_score == "all")
    if isinstance(reranker, str):
        reranker = _by_name(reranker)
    elif not isinstance(reranker, resift.Reranker):
        reranker = resift.Reranker(reranker)
    return Given(reranker, weights=reranker.defaults.weights)


def _by_name(name: str) -> resift.Reranker:
    config = Config.find()
    with _building:
        built_for, known = _built.get(name, (None, None))
        if known is None or known.closed or built_for != config:
            known = resift.load(name, config=config)
            _built[name] = (config, known)
        return known


# Not a `Registry`: that knows the names of a config only, and closes what a new config
# no longer names, while a search may still be using it.
_building = threading.Lock()
_built: dict[str, tuple[Config, resift.Reranker]] = {}
