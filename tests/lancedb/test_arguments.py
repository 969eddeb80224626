"""The arguments of a search: what is refused, in which words, and what is taken."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import lancedb
import numpy as np
import pytest
from lancedb.index import FTS

import resift.lancedb
from resift.errors import InputError

VECTOR = [1.0, 0.0]
TIMEOUT = "search: timeout must be seconds, a number above 0, or None"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"limit": 0}, "search: limit must be an integer >= 1, got 0."),
        ({"offset": -1}, "search: offset must be an integer >= 0, got -1."),
        ({"window": 2.5}, "search: window must be an integer >= 1, got 2.5."),
        ({"timeout": 0}, f"{TIMEOUT}, got 0."),
        ({"timeout": "3"}, f"{TIMEOUT}, got '3'."),
        ({"limit": True}, "search: limit must be an integer >= 1, got True."),
        (
            {"weights": ["a"]},
            "search: weights must be numbers, one per leg ['text'], got ['a'].",
        ),
        (
            {"weights": 3},
            "search: weights must be numbers, one per leg ['text'], got 3.",
        ),
        (
            {"vectors": {"vector": ["a", "b"]}},
            "search: the query vector for 'vector' must be numbers.",
        ),
        (
            {"text": 5},
            "search: text must be the name of a column, or a list of names, got 5.",
        ),
        ({"select": ["id", "id"]}, "search: select names 'id' twice."),
        (
            {"weights": "1"},
            "search: weights must be numbers, one per leg ['text'], got '1'.",
        ),
        ({"fts": 5}, "search: fts must be a column or a list of them, got 5."),
        (
            {"vectors": {"vec": VECTOR}},
            "search: vectors names 'vec', which is unknown. Known: 'vector'.",
        ),
        (
            {"vectors": {"vector": [1.0, 2.0, 3.0]}},
            "search: the query vector for 'vector' must have 2 numbers, got an array "
            "of shape (3,).",
        ),
        (
            {"vectors": {"vector": [1.0, float("nan")]}},
            "search: the query vector for 'vector' must be finite, got NaN or inf.",
        ),
        (
            {"vectors": ["vector"]},
            "search: column 'vector' has no embedding function, so that it needs a "
            "query vector. Give vectors={'vector': vector}.",
        ),
        (
            {"fts": "kind"},
            "search: column 'kind' has no full-text index. Indexed: ['text']. Create "
            "one with table.create_index('kind', config=FTS()).",
        ),
        (
            {"select": ["title"]},
            "search: select names 'title', which is unknown. Known: 'id', "
            "'text', 'kind', 'vector'.",
        ),
        (
            {"weights": {"title": 1}},
            "search: weights names 'title', which is unknown. Known: 'text'.",
        ),
        (
            {"weights": [1, 2]},
            "search: weights must have one value per leg ['text'], got [1.0, 2.0].",
        ),
        (
            {"fts": False},
            "search: there is nothing to search by. Vector columns: ['vector']; "
            "full-text indexed: ['text']. Give vectors={column: vector}, index a text "
            "column (table.create_index(column, config=FTS())), or add an embedding "
            "function.",
        ),
    ],
)
def test_wrong_arguments_say_what_to_do(table, options, message):
    """A wrong argument names itself, what exists, and the remedy."""
    with pytest.raises(InputError) as error:
        resift.lancedb.search(table, "apple", **options)

    assert str(error.value) == message


def test_a_blank_query_is_told_as_that(table):
    """There is an index; what is missing are the words."""
    with pytest.raises(InputError) as error:
        resift.lancedb.search(table, " ")

    assert str(error.value) == (
        "search: the query is blank. Give words, or vectors={column: vector}."
    )


def test_an_unknown_argument_of_asearch_is_named_as_its_own(table):
    """As Python names one of `search`."""
    with pytest.raises(TypeError) as error:
        asyncio.run(resift.lancedb.asearch(table, "apple", limt=3))  # type: ignore[call-arg]

    assert str(error.value) == "asearch() got an unexpected keyword argument 'limt'"


def test_numbers_of_numpy_and_huge_timeouts_are_taken(table):
    """They come out of arithmetic, and mean what they say."""
    for timeout in (float("inf"), 1e12, np.float32(5)):
        page = resift.lancedb.search(table, "apple", limit=np.int64(2), timeout=timeout)

        assert page["id"].to_pylist() == [1, 7]


def test_the_column_of_an_adapter_is_the_text(tmp_path, rows):
    """What was set for LanceDB's `.rerank()` holds in `search` too."""
    table = lancedb.connect(tmp_path).create_table(
        "titled", rows.append_column("title", rows["text"].take(list(range(7, -1, -1))))
    )
    table.create_index("text", config=FTS())
    adapter = resift.lancedb.load("bm25", column="title")

    mine = resift.lancedb.search(table, "apple", reranker=adapter)
    named = resift.lancedb.search(table, "apple", reranker="bm25", text="title")
    awaited = asyncio.run(resift.lancedb.asearch(table, "apple", reranker=adapter))

    assert mine.equals(named)
    assert awaited.equals(named)


def test_a_missing_lancedb_is_an_extra_to_install():
    """The module that is missing is named, and the line that installs it."""
    code = (
        "import sys\n"
        "sys.modules['lancedb'] = None\n"
        "try:\n"
        "    import resift.lancedb\n"
        "except ModuleNotFoundError as error:\n"
        "    print(error, error.name)\n"
    )

    answer = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )

    assert answer.stdout == (
        "resift.lancedb needs LanceDB. Install it: pip install 'resift[lancedb]'. "
        "lancedb\n"
    )
