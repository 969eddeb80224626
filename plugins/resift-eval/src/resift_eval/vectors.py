"""Vectors of documents and queries: stored in a file, or made by a reranker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

import numpy as np

from resift.errors import InputError
from resift_eval.collection import examples

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    import resift

    Floats: TypeAlias = NDArray[np.float32]

__all__ = ["Embeds", "Vectors", "embedder", "read_vectors"]

Vectors: TypeAlias = "Mapping[str, Floats]"


@runtime_checkable
class Embeds(Protocol):
    """A reranker that can hand out its vectors, such as `bi-encoder`."""

    def embed(self, query: str, documents: Sequence[str]) -> tuple[Floats, Floats]:
        """Return the vector of the query, and those of the documents."""
        ...


def embedder(reranker: resift.Reranker) -> Embeds:
    """Return what embeds texts.

    Raises:
        InputError: If the reranker has no vectors to give.
    """
    if not isinstance(reranker.plugin, Embeds):
        msg = (
            "--embed must name a reranker that embeds texts, as 'bi-encoder' does, "
            f"got {reranker.name!r}."
        )
        raise InputError(msg)
    return reranker.plugin


def read_vectors(
    path: Path, array: str, ids: Sequence[str], needed: Iterable[str] | None = None
) -> Vectors:
    """Read one array of an ``.npz``, ``docs`` or ``queries``.

    Its rows belong to the ids in the array ``doc_ids`` or ``query_ids``, in any order;
    where that is not there, to *ids*, one by one.

    Args:
        path: The file.
        array: The name of the array.
        ids: All ids, in the order of their file.
        needed: The ids whose vectors are returned; all by default.

    Raises:
        InputError: If an array is missing, a vector is not finite, or rows and ids do
            not fit.
    """
    name = {"docs": "doc_ids", "queries": "query_ids"}[array]
    try:
        with np.load(path) as arrays:
            values = np.asarray(arrays[array])
            found = [str(i) for i in arrays[name]] if name in arrays else list(ids)
    except (OSError, ValueError, KeyError) as error:
        msg = f"{path} must be an .npz with the array {array!r}: {error}."
        raise InputError(msg, who=str(path)) from error
    if values.ndim != 2 or len(values) != len(found):
        msg = f"{array!r} must have {len(found)} rows, got shape {values.shape}."
        raise InputError(msg, who=str(path))
    asked = list(ids if needed is None else needed)
    if missing := sorted(set(asked) - set(found)):
        msg = f"{name!r} lacks {len(missing)} ids, {examples(missing)}."
        raise InputError(msg, who=str(path))
    rows = values.astype(np.float32)
    if not np.isfinite(rows).all():
        msg = f"{array!r} must be finite, got NaN or infinity."
        raise InputError(msg, who=str(path))
    vectors = dict(zip(found, rows, strict=True))
    return {i: vectors[i] for i in asked}
