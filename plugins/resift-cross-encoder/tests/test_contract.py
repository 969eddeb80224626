from __future__ import annotations

import pytest

from resift.testing import RerankerSuite


class TestCrossEncoder(RerankerSuite):
    name = "cross-encoder"
    tolerance = 1e-3  # in bfloat16, the size of a batch shows in the last digits
    skipped = {"obvious_document_wins": "its weights are random: it knows no meaning"}

    @pytest.fixture(scope="class")
    @classmethod
    def reranker_options(cls, model):
        """Return the tiny model's folder."""
        return {"model": str(model)}
