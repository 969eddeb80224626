"""`colbert` keeps the contract of every reranker, in both of its ways to score."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from resift.testing import RerankerSuite
from resift_colbert import ColBERT
from resift_colbert.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class TestTexts(RerankerSuite):
    """Documents are encoded at the call."""

    name = "colbert"

    @pytest.fixture(scope="class")
    def reranker_options(self, model: str) -> Mapping[str, object]:
        """Return options that load a model with random weights."""
        return {"model": model, "device": "cpu"}


class TestStoredEmbeddings(RerankerSuite):
    """Token embeddings come from a column."""

    name = "colbert"
    model = ""

    @pytest.fixture(scope="class")
    def reranker_options(self, model: str) -> Mapping[str, object]:
        """Return options that read the column which `candidates` makes."""
        type(self).model = model
        return {"model": model, "device": "cpu", "embeddings": "colbert"}

    @cached_property
    def plugin(self) -> ColBERT:
        return ColBERT(model=self.model, device="cpu")

    def candidates(self, documents: Sequence[str]) -> pa.Table:
        """Encode the texts, a blank one to no token at all."""
        values: list[np.ndarray] = [np.empty((0, 16))] * len(documents)
        filled = [i for i, text in enumerate(documents) if text and text.strip()]
        texts = [documents[i] for i in filled]
        for batch in self.plugin.encoder().documents(texts, Deadline()):
            stops = np.cumsum(batch.tokens.lengths)[:-1]
            for row, part in zip(
                batch.rows, np.split(batch.tokens.values, stops), strict=True
            ):
                values[filled[row]] = part
        kind = pa.list_(pa.list_(pa.float32(), 16))
        return pa.table({"colbert": pa.array([v.tolist() for v in values], kind)})
