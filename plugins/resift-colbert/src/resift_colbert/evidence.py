"""Which document token each query token matched, and where that stands in the text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from resift.authors import SPANS
from resift_colbert.maxsim import best_matches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resift.authors import WeightedSpan
    from resift_colbert.maxsim import FloatArray, IntArray
    from resift_colbert.tokens import TokenEmbeddings

__all__ = ["MATCHES", "matches", "spans"]

_MATCH = pa.struct(
    [
        ("query_token", pa.string()),
        ("document_token", pa.string()),
        ("position", pa.int32()),
        ("similarity", pa.float32()),
    ]
)
MATCHES = pa.list_(_MATCH)
"""One match per query token. ``position`` counts the document's scored tokens from 0;
``document_token`` is null where only the embeddings are known."""


def matches(
    query: FloatArray,
    query_names: Sequence[str],
    documents: TokenEmbeddings,
    document_names: Sequence[str] | None,
) -> pa.ListArray:
    """Name the best match of every query token in every document.

    Args:
        query: Its token embeddings, shape ``(n_query_tokens, dim)``.
        query_names: Its tokens, ``n_query_tokens`` of them.
        documents: The documents.
        document_names: Their tokens, document after document; None where unknown.

    Returns:
        A `MATCHES` array, one list per document, null for one without tokens. The
        similarities of a list sum to the document's score.
    """
    places, values = best_matches(query, documents.values, documents.lengths)
    filled = documents.lengths > 0
    places, values = places[filled], values[filled]  # (n_filled, n_query_tokens)
    starts = (np.cumsum(documents.lengths) - documents.lengths)[filled]
    asked = np.tile(np.arange(len(query_names)), len(places))
    found = pa.StructArray.from_arrays(
        [
            _named(query_names, asked),
            _named(document_names, (starts[:, None] + places).ravel()),
            pa.array(places.ravel(), pa.int32()),
            pa.array(values.ravel()),
        ],
        fields=list(_MATCH),
    )
    offsets = np.concatenate([[0], np.cumsum(filled * len(query_names))])
    return pa.ListArray.from_arrays(
        pa.array(offsets, pa.int32()), found, type=MATCHES, mask=pa.array(~filled)
    )


def spans(found: pa.ListArray, documents: TokenEmbeddings) -> pa.Array:
    """Return where the matched tokens stand in each text.

    Tokens that touch are one span: a word is. Its score is the sum of the similarities
    of the query tokens that it matched.

    Args:
        found: The matches, as `matches` returns them.
        documents: The documents.

    Returns:
        A `SPANS` array, null where nobody knows where tokens stand.
    """
    if documents.places is None:
        return pa.nulls(len(found), SPANS)
    starts = np.cumsum(documents.lengths) - documents.lengths
    return pa.array(
        [
            None if own is None else _joined(own, documents.places[start:])
            for own, start in zip(found.to_pylist(), starts.tolist(), strict=True)
        ],
        SPANS,
    )


def _joined(found: Sequence[dict[str, float]], places: IntArray) -> list[WeightedSpan]:
    """Return the spans of the tokens that one document matched."""
    scores: dict[tuple[int, int], float] = {}
    for match in found:
        start, end = places[int(match["position"])].tolist()
        if start >= 0:
            scores[start, end] = scores.get((start, end), 0.0) + match["similarity"]
    joined: list[WeightedSpan] = []
    for (start, end), score in sorted(scores.items()):
        if joined and start <= joined[-1]["end"]:
            joined[-1]["end"] = max(end, joined[-1]["end"])
            joined[-1]["score"] += score
        else:
            joined.append({"start": start, "end": end, "score": score})
    return joined


def _named(names: Sequence[str] | None, tokens: IntArray) -> pa.Array:
    if names is None:
        return pa.nulls(len(tokens), pa.string())
    return pa.array(names, pa.string()).take(pa.array(tokens))
