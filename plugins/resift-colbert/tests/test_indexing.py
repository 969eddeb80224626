"""Filling a column of a real LanceDB table, and reranking what it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

import resift
from resift.errors import InputError
from resift_colbert import ColBERT
from resift_colbert.indexing import KEY, Indexed, index
from resift_colbert.stored import MODEL

lancedb = pytest.importorskip("lancedb", reason="lancedb is not installed")

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lancedb.table import Table

TEXTS = [
    "paris is the capital of france",
    "the quick red fox jumps over the lazy dog",
    None,
    "a blue whale swims in the sea",
    "  ",
    "fox " * 80,
]
KIND = pa.list_(pa.list_(pa.float32(), 16))


@pytest.fixture
def table(tmp_path: Path) -> Table:
    """A table of six rows in two fragments, with a vector column."""
    rows = pa.table(
        {
            "id": pa.array(range(6)),
            "text": TEXTS,
            "vector": pa.array(
                np.eye(6, 4, dtype="f4").tolist(), pa.list_(pa.float32(), 4)
            ),
        }
    )
    created = lancedb.connect(tmp_path).create_table("docs", rows[:4])
    created.add(rows[4:])
    return created


@pytest.fixture(scope="module")
def colbert(model: str) -> ColBERT:
    """The reranker whose model encodes."""
    return ColBERT(model=model, device="cpu", batch_size=2)


def test_every_row_is_filled(table: Table, colbert: ColBERT, model: str) -> None:
    """Each row gets its text's token embeddings, a row without text an empty list."""
    from sentence_transformers import MultiVectorEncoder

    done = index(table, colbert, rows=2)

    encoder = MultiVectorEncoder(model, device="cpu")
    found = {row["id"]: row["colbert"] for row in table.to_arrow().to_pylist()}
    for i, text in enumerate(TEXTS):
        if text and text.strip():
            expected = encoder.encode_document(text).numpy()
            np.testing.assert_allclose(found[i], expected, atol=1e-5)
        else:
            assert found[i] == []
    tokens = sum(map(len, found.values()))
    assert done == Indexed(rows=6, kept=0, blank=2, cut=1, tokens=tokens)


def test_the_rest_of_the_table_stays(table: Table, colbert: ColBERT) -> None:
    """Other columns keep values and types; the column says which model wrote it."""
    before = table.to_arrow().sort_by("id")

    index(table, colbert, column="tokens", float16=True)

    after = table.to_arrow().sort_by("id")
    assert after.select(before.column_names).equals(before)
    field = table.schema.field("tokens")
    assert field.type == pa.list_(pa.list_(pa.float16(), 16))
    assert field.metadata == {MODEL.encode(): colbert.model.encode()}
    assert table.schema.names == [*before.column_names, "tokens"]


def test_progress_is_told_before_and_after_each_commit(
    table: Table, colbert: ColBERT
) -> None:
    """The callback gets rows done and rows to do."""
    told: list[tuple[int, int]] = []

    index(table, colbert, rows=4, on_progress=lambda *step: told.append(step))

    assert told == [(0, 6), (4, 6), (6, 6)]


def test_a_run_that_stopped_is_resumed(table: Table, colbert: ColBERT) -> None:
    """What was committed before a failure stays, and only the rest is done again."""

    def stop(done: int, _total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        index(table, colbert, rows=2, on_progress=stop)
    assert table.count_rows("colbert IS NULL") == 4
    assert KEY not in table.schema.names

    done = index(table, colbert)

    assert (done.rows, done.kept) == (4, 2)
    assert table.count_rows("colbert IS NULL") == 0


def test_a_leftover_key_is_replaced(table: Table, colbert: ColBERT) -> None:
    """The key column of a run that was killed does not disturb the next one."""
    table.add_columns({KEY: "'the same for all'"})

    index(table, colbert)

    assert table.count_rows("colbert IS NULL") == 0
    assert KEY not in table.schema.names


def test_new_rows_are_added_later(table: Table, colbert: ColBERT) -> None:
    """Rows that came after the first run are null until the next, which fills them."""
    index(table, colbert)
    table.add([{"id": 6, "text": "bread and wine", "vector": [0.0] * 4}])
    assert table.count_rows("colbert IS NULL") == 1

    done = index(table, colbert)

    assert (done.rows, done.kept) == (1, 6)
    assert index(table, colbert) == Indexed(kept=7)


def test_a_changed_text_is_encoded_again(table: Table, colbert: ColBERT) -> None:
    """Setting the column to null with the text marks the row for the next run."""
    index(table, colbert)
    table.update(where="id = 0", values={"text": "lyon", "colbert": None})

    done = index(table, colbert)

    assert done.rows == 1
    (row,) = table.search().where("id = 0").to_list()
    expected = colbert.encoder()._model.encode_document("lyon").numpy()
    np.testing.assert_allclose(row["colbert"], expected, atol=1e-5)


def test_it_can_be_written_afresh(
    table: Table, colbert: ColBERT, checkpoint: Callable[[str], str]
) -> None:
    """With overwrite another model and another precision take over the column."""
    index(table, colbert)
    other = ColBERT(model=checkpoint("pylate"), device="cpu")

    done = index(table, other, float16=True, overwrite=True)

    assert (done.rows, done.kept) == (6, 0)
    field = table.schema.field("colbert")
    assert field.metadata[MODEL.encode()].decode() == checkpoint("pylate")


def test_what_search_returns_is_reranked(table: Table, colbert: ColBERT) -> None:
    """Rows found by LanceDB score from their column what their texts score."""
    index(table, colbert, float16=True)
    found = table.search([1.0, 0.0, 0.0, 0.0]).limit(4).with_row_id(True).to_arrow()
    model = colbert.model
    stored = resift.load(
        "colbert", config=None, model=model, device="cpu", embeddings="colbert"
    )
    texts = resift.load("colbert", config=None, model=model, device="cpu")

    ranked = stored.rerank("the red fox", found)

    expected = texts.rerank("the red fox", found)
    assert ranked["id"].to_pylist() == expected["id"].to_pylist()
    for row, wanted in zip(ranked.to_pylist(), expected.to_pylist(), strict=True):
        assert row["_relevance_score"] == pytest.approx(
            wanted["_relevance_score"], abs=0.05
        )


def test_lancedb_reranks_with_it(table: Table, colbert: ColBERT) -> None:
    """LanceDB's own .rerank() takes it, with the column among the results."""
    adapter = pytest.importorskip("resift.lancedb", reason="no adapter in this resift")
    index(table, colbert)
    reranker = adapter.load(
        "colbert",
        config=None,
        model=colbert.model,
        device="cpu",
        embeddings="colbert",
    )

    query = table.search([1.0, 0.0, 0.0, 0.0]).limit(4)
    rows = query.rerank(reranker, query_string="the red fox").to_arrow()

    scores = rows["_relevance_score"].to_pylist()
    scored = [score for score in scores if score is not None]
    assert len(rows) == 4
    assert scored == sorted(scored, reverse=True)


def test_lancedb_searches_the_column_too(table: Table, colbert: ColBERT) -> None:
    """The column is a multivector column: LanceDB itself finds by it."""
    index(table, colbert)
    (query,) = colbert.encoder()._model.encode_query(["the red fox"])

    found = (
        table.search(query.numpy(), vector_column_name="colbert").limit(3).to_arrow()
    )

    assert len(found) == 3


# What cannot work ----------------------------------------------------------------


def test_a_missing_text_column_is_named(table: Table, colbert: ColBERT) -> None:
    """The message lists the columns that there are."""
    with pytest.raises(InputError) as error:
        index(table, colbert, text="body")

    assert str(error.value) == (
        "colbert: the table 'docs' has no text column 'body'. Columns: 'id', 'text', "
        "'vector'. Name the right one with text."
    )


def test_a_text_column_must_hold_text(table: Table, colbert: ColBERT) -> None:
    """Numbers are no texts."""
    with pytest.raises(InputError) as error:
        index(table, colbert, text="id")

    assert str(error.value) == (
        "colbert: the text column 'id' must hold strings, got int64."
    )


def test_a_column_of_another_type_is_left_alone(table: Table, colbert: ColBERT) -> None:
    """A column that is something else is not filled, nor dropped."""
    with pytest.raises(InputError) as error:
        index(table, colbert, column="vector")

    assert str(error.value) == (
        "colbert: the column 'vector' is fixed_size_list<item: float>[4], but would be "
        "filled with list<item: fixed_size_list<item: float>[16]>. Use the model and "
        "the float16 setting it was written with, another column, or overwrite."
    )


def test_a_column_of_another_model_is_left_alone(
    table: Table, colbert: ColBERT, checkpoint: Callable[[str], str]
) -> None:
    """Embeddings of two models are not mixed in one column."""
    index(table, colbert)
    other = ColBERT(model=checkpoint("pylate"), device="cpu")

    with pytest.raises(InputError, match="was written by the model"):
        index(table, other)


def test_a_column_name_cannot_break_out(table: Table, colbert: ColBERT) -> None:
    """The name stands in SQL, so it may not hold the quote."""
    with pytest.raises(InputError) as error:
        index(table, colbert, column="a` OR `b")

    assert str(error.value) == (
        "colbert: column must be a name without backticks, got 'a` OR `b'."
    )
