"""LanceDB's own rerankers: which of them resift knows by another name."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lancedb.rerankers import (
    LinearCombinationReranker,
    MRRReranker,
    Reranker,
    RRFReranker,
)

import resift
from resift.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Translated", "is_foreign", "translated"]


class Translated(NamedTuple):
    """What one of LanceDB's rerankers is here."""

    reranker: resift.Reranker
    weights: Mapping[str, float] | None
    return_score: str


def is_foreign(reranker: object) -> bool:
    """Return whether *reranker* is one of LanceDB's, or such a class."""
    is_class = isinstance(reranker, type) and issubclass(reranker, Reranker)
    return is_class or isinstance(reranker, Reranker)


def translated(reranker: object, who: str) -> Translated:
    """Return the resift reranker that orders and scores as one of LanceDB's does.

    Args:
        reranker: What `is_foreign`.
        who: Who was given it, as messages name it.

    Raises:
        InputError: If there is none.
    """
    if isinstance(reranker, RRFReranker):
        return Translated(resift.load("rrf", k=reranker.K), None, reranker.score)
    if isinstance(reranker, MRRReranker):
        weights = {"vector": reranker.weight_vector, "fts": reranker.weight_fts}
        return Translated(resift.load("rrf", k=0), weights, reranker.score)
    name = getattr(reranker, "__name__", type(reranker).__name__)
    if isinstance(reranker, LinearCombinationReranker):
        if reranker.fill == 1:
            convex = resift.load("convex", alpha=reranker.weight)
            return Translated(convex, None, reranker.score)
        remedy = "Only fill=1.0 has an equal here: load('convex', alpha=weight)."
    elif isinstance(reranker, type):
        remedy = f"Pass an instance: {name}()."
    else:
        remedy = (
            "Load the resift reranker for the same model by its name; the page on "
            "migration has a row for each. A class of your own becomes a function "
            "(query, documents) -> scores."
        )
    msg = f"reranker must be one of resift's, got LanceDB's {name}. {remedy}"
    raise InputError(msg, who=who)
