"""`mmr` keeps the contract of every reranker."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from resift.testing import CompositeSuite


class TestScored(CompositeSuite):
    """Relevance by bm25, likeness by vectors of letters."""

    name = "mmr"
    options = {"reranker": "bm25", "embeddings": "letters"}

    @classmethod
    def candidates(cls, documents: Sequence[str]) -> pa.Table:
        """Count letters."""
        counts = np.zeros((len(documents), 26), dtype=np.float32)
        for row, document in zip(counts, documents, strict=True):
            for letter in (document or "").lower():
                if "a" <= letter <= "z":
                    row[ord(letter) - ord("a")] += 1
        return pa.table({"letters": pa.array(list(counts), pa.list_(pa.float32()))})
