from __future__ import annotations

import pytest

from resift.testing import RerankerSuite


class TestCrossEncoder(RerankerSuite):
    name = "cross-encoder"

    @pytest.fixture(scope="class")
    @classmethod
    def reranker_options(cls, model):
        """Return the tiny model's folder."""
        return {"model": str(model)}
