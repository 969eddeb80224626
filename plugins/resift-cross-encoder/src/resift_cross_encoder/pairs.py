"""`Pairs`: queries and documents as token ids, each pair one row without padding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["IntArray", "Layout", "Pairs"]

IntArray: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Layout:
    """How rows become one rectangle of the model's inputs.

    Args:
        pad_id: The token id that fills up a short row.
        pad_left: Whether it is filled up in front, as causal models need.
        types: Whether the model takes ``token_type_ids``.
        positions: Whether the model is told where each token stands.
        extra: Further inputs of the model, the same for every batch.
    """

    pad_id: int = 0
    pad_left: bool = False
    types: bool = False
    positions: bool = False
    extra: Mapping[str, object] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The model's inputs, in order."""
        names = ("input_ids", "attention_mask")
        return (*names, "token_type_ids") if self.types else names


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of a query and a document as token ids, cut to what the model reads.

    Args:
        ids: For each pair its token ids, shape ``(n_tokens,)``.
        types: For each pair its token types, likewise; None where the layout has none.
        cut: How many tokens of each document were left out, shape ``(n_pairs,)``.
        query_cut: The same of its query.
        layout: How rows become a rectangle.
    """

    ids: Sequence[IntArray]
    types: Sequence[IntArray] | None
    cut: IntArray
    query_cut: IntArray
    layout: Layout

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def lengths(self) -> IntArray:
        """Tokens of each pair, shape ``(n_pairs,)``."""
        return np.fromiter(map(len, self.ids), dtype=np.int64, count=len(self.ids))

    def inputs(self, rows: IntArray, width: int) -> dict[str, IntArray]:
        """Return some pairs as the model's inputs, each of shape ``(n_rows, width)``.

        Args:
            rows: Which pairs.
            width: Tokens per row, no less than the longest of them has.
        """
        ids = np.full((len(rows), width), self.layout.pad_id, dtype=np.int64)
        mask = np.zeros_like(ids)
        types = np.zeros_like(ids) if self.types is not None else None
        for at, row in enumerate(rows.tolist()):
            tokens = self.ids[row]
            start = width - len(tokens) if self.layout.pad_left else 0
            here = slice(start, start + len(tokens))
            ids[at, here] = tokens
            mask[at, here] = 1
            if types is not None and self.types is not None:
                types[at, here] = self.types[row]
        inputs = {"input_ids": ids, "attention_mask": mask}
        if self.layout.positions:
            inputs["position_ids"] = np.maximum(mask.cumsum(axis=1) - 1, 0)
        return inputs if types is None else inputs | {"token_type_ids": types}
