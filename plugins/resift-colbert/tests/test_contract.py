"""`colbert` keeps the contract of every reranker, in both of its ways to score."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from resift.testing import RerankerSuite
from resift_colbert import ColBERT
from resift_colbert.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

RANDOM = "its weights are random: it knows no meaning"


class TestTexts(RerankerSuite):
    """Documents are encoded at the call."""

    name = "colbert"
    failing_options = {"model": "./no-such-folder"}  # never changed
    skipped = {"obvious_document_wins": RANDOM}  # never changed

    @pytest.fixture(scope="class")
    @classmethod
    def reranker_options(cls, model: str) -> Mapping[str, object]:
        """Return options that load a small model."""
        return {"model": model, "device": "cpu"}


class TestStoredEmbeddings(RerankerSuite):
    """Token embeddings come from a column."""

    name = "colbert"
    failing_options = {"model": "./no-such-folder"}  # never changed
    skipped = {"obvious_document_wins": RANDOM}  # never changed
    texts = ColBERT()

    @pytest.fixture(scope="class")
    @classmethod
    def reranker_options(cls, checkpoint: Callable[[str], str]) -> Mapping[str, object]:
        """Return options that read the column which `candidates` makes."""
        options = {"model": checkpoint("native"), "device": "cpu"}
        cls.texts = ColBERT(**options)
        return {**options, "embeddings": "colbert"}

    @classmethod
    def candidates(cls, documents: Sequence[str]) -> pa.Table:
        """Encode the texts, a blank one to no token at all."""
        values: list[np.ndarray] = [np.empty((0, 16))] * len(documents)
        filled = [i for i, text in enumerate(documents) if text and text.strip()]
        texts = [documents[i] for i in filled]
        for batch in cls.texts.encoder().documents(texts, Deadline()):
            stops = np.cumsum(batch.tokens.lengths)[:-1]
            parts = np.split(batch.tokens.values, stops)
            for row, part in zip(batch.rows, parts, strict=True):
                values[filled[row]] = part
        kind = pa.list_(pa.list_(pa.float32(), 16))
        return pa.table({"colbert": pa.array([v.tolist() for v in values], kind)})
