"""Token embeddings of several texts, laid end to end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resift_colbert.maxsim import FloatArray, IntArray

__all__ = ["TokenEmbeddings"]


@dataclass(frozen=True, slots=True, eq=False)
class TokenEmbeddings:
    """The scored tokens of several texts, one text after another.

    Args:
        values: The embeddings, float16 or float32, shape ``(n_tokens, dim)``.
        lengths: Tokens of each text, int64, shape ``(n_texts,)``.
        ids: The tokens in the vocabulary, int64, shape ``(n_tokens,)``; None where
            only the embeddings are known.
        places: Where they stand in their text, in code points, int64, shape
            ``(n_tokens, 2)``, -1 for one that stands nowhere; None where unknown.
    """

    values: FloatArray
    lengths: IntArray
    ids: IntArray | None = None
    places: IntArray | None = None

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def nbytes(self) -> int:
        """How much memory its arrays take."""
        arrays = (self.values, self.lengths, self.ids, self.places)
        return sum(array.nbytes for array in arrays if array is not None)

    @classmethod
    def joined(cls, parts: Sequence[TokenEmbeddings]) -> TokenEmbeddings:
        """Return several as one, in their order; all know the same of their tokens."""
        values = np.concatenate([part.values for part in parts])
        lengths = np.concatenate([part.lengths for part in parts])
        ids = [part.ids for part in parts if part.ids is not None]
        places = [part.places for part in parts if part.places is not None]
        return cls(
            values,
            lengths,
            np.concatenate(ids) if ids else None,
            np.concatenate(places) if places else None,
        )

    def take(self, rows: Sequence[int]) -> TokenEmbeddings:
        """Return some texts, in the order of *rows*; all of them are not copied."""
        if list(rows) == list(range(len(self))):
            return self
        stops = np.cumsum(self.lengths)
        starts = stops - self.lengths
        tokens = np.concatenate(
            [np.arange(starts[row], stops[row]) for row in rows]
            or [np.empty(0, dtype=np.int64)]
        )
        ids = None if self.ids is None else self.ids[tokens]
        places = None if self.places is None else self.places[tokens]
        lengths = self.lengths[list(rows)]
        return TokenEmbeddings(self.values[tokens], lengths, ids, places)
