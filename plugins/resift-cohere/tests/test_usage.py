from __future__ import annotations

import re

import pytest

import resift
from resift_cohere.answer import read_usage
from resift_remote.testing import RerankServer

KEY = "secret-key-123456"


def test_search_units_are_added_up():
    """Two requests of one call cost two search units and two calls."""
    with (
        RerankServer("cohere") as server,
        resift.load(
            "cohere", config=None, base_url=server.url, api_key=KEY, max_documents=2
        ) as reranker,
    ):
        ranked = reranker.rank("capital of France", ["Paris", "Lyon", "Berlin"])

    assert ranked.usage == {"calls": 2, "search_units": 2}


def test_a_table_tells_them_in_its_metadata():
    """An Arrow answer carries the cost where `resift.usage_of` reads it."""
    import pyarrow as pa

    hits = pa.table({"_rowid": [1, 2], "text": ["Paris", "Lyon"]})
    with (
        RerankServer("cohere") as server,
        resift.load(
            "cohere", config=None, base_url=server.url, api_key=KEY
        ) as reranker,
    ):
        found = reranker.rerank("capital of France", hits)

    assert resift.usage_of(found) == {"calls": 1, "search_units": 1}


@pytest.mark.parametrize("response", [None, object()])
def test_an_answer_that_tells_nothing_is_one_call(response):
    """A server without billing is no failure."""
    assert read_usage(response) == {"calls": 1}


def test_an_instruction_is_refused():
    """The API takes none, so that it would have no effect."""
    reranker = resift.load("cohere", config=None, api_key=KEY)
    expected = (
        "Reranker 'cohere' (resift-cohere 0.1.0) does not read an instruction, so "
        "that it would have no effect. Leave it out, or use a reranker that reads one."
    )

    with pytest.raises(resift.InputError, match=f"^{re.escape(expected)}$"):
        reranker.rank("q", ["a"], instruction="Only cities count.")
