"""A real embedded LanceDB with a few rows that every test can count by hand."""

from __future__ import annotations

import lancedb
import numpy as np
import pyarrow as pa
import pytest
from lancedb.embeddings import get_registry
from lancedb.index import FTS

import resift
from embedding import NAME

TEXTS = [
    "the quick red fox",
    "a red apple and a green apple",
    "blue whales sing",
    "the fox and the whale",
    "green tea",
    "a red bicycle",
    "cat",
    "an apple a day",
]


def vectors() -> np.ndarray:
    """Return one unit vector per row, each a little further from the first axis."""
    angles = np.linspace(0, 1.4, len(TEXTS))
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


@pytest.fixture
def rows() -> pa.Table:
    """Return the rows of the table: several types that must survive."""
    values = pa.FixedSizeListArray.from_arrays(pa.array(vectors().ravel()), 2)
    return pa.table(
        {
            "id": pa.array(range(len(TEXTS)), pa.int32()),
            "text": TEXTS,
            "kind": pa.array(["a", "b"] * 4).dictionary_encode(),
            "vector": values,
        }
    )


@pytest.fixture
def table(tmp_path, rows):
    """Return a LanceDB table with vectors and a full-text index."""
    created = lancedb.connect(tmp_path).create_table("rows", rows)
    created.create_index("text", config=FTS(stem=False, remove_stop_words=False))
    return created


@pytest.fixture
def query_vector() -> list[float]:
    return [1.0, 0.0]


class Longest:
    """Score a text by its length, and remember every text that was sent."""

    def __init__(self) -> None:
        self.sent: list[list[str]] = []
        self.queries: list[str] = []

    @resift.hookimpl
    def score(self, query, documents):
        self.sent.append(list(documents))
        self.queries.append(query)
        return [float(len(text)) for text in documents]


@pytest.fixture
def longest() -> Longest:
    return Longest()


@pytest.fixture
def embedding_table(tmp_path, rows):
    """Return a table that makes query vectors itself."""
    function = get_registry().get(NAME).create()
    config = lancedb.embeddings.EmbeddingFunctionConfig(
        vector_column="vector", source_column="text", function=function
    )
    return lancedb.connect(tmp_path).create_table(
        "embedded", rows, embedding_functions=[config]
    )
