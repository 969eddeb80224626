"""Write token embeddings into a LanceDB table, so that they need not be made again.

LanceDB can fill an empty column by key (`merge_insert`), but not by row id. So
every row gets a temporary key, `KEY`, which SQL's ``uuid()`` fills in and which is
dropped at the end. Each commit is atomic: a run that was killed leaves the rows of its
last commits filled, and the next one goes on with those that are still null.

Filled rows move to the end of the table, as with any update in LanceDB. Run
``table.optimize()`` afterwards: it joins the pieces, and brings indexes on other
columns up to date. Only one run at a time may fill a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from resift.errors import InputError
from resift_colbert.deadline import Deadline
from resift_colbert.stored import MODEL, check_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lancedb.table import Table

    from resift_colbert.encoder import Encoder
    from resift_colbert.maxsim import FloatArray
    from resift_colbert.reranker import ColBERT

__all__ = ["KEY", "Indexed", "index"]

KEY = "_resift_key"


@dataclass(frozen=True, slots=True)
class Indexed:
    """What `index` did.

    Args:
        rows: Rows that were filled now.
        kept: Rows that were filled before and left as they are.
        blank: Rows among *rows* without text: an empty list, never scored.
        cut: Rows among *rows* that are longer than the model reads.
        tokens: Token embeddings that were written.
    """

    rows: int = 0
    kept: int = 0
    blank: int = 0
    cut: int = 0
    tokens: int = 0

    def __add__(self, other: Indexed) -> Indexed:
        return Indexed(
            self.rows + other.rows,
            self.kept + other.kept,
            self.blank + other.blank,
            self.cut + other.cut,
            self.tokens + other.tokens,
        )


def index(
    table: Table,
    reranker: ColBERT,
    *,
    text: str = "text",
    column: str = "colbert",
    float16: bool = False,
    rows: int = 1024,
    overwrite: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Indexed:
    """Fill a column of a LanceDB table with the token embeddings of its texts.

    Rows that have embeddings are left alone, so a run that was stopped is resumed by
    running it again, and new rows are added the same way.

    Args:
        table: The table.
        reranker: Whose model encodes; the same options score the column later.
        text: The column of texts. Null and blank ones get an empty list.
        column: The column to fill; added if the table does not have it.
        float16: Store half precision: half the size, similarities right to 3 digits.
        rows: How many rows to write at once: what a kill can lose.
        overwrite: Drop the column first, and fill all of it.
        on_progress: Called with rows done and rows to do, before the first and after
            each commit.

    Returns:
        What was done.

    Raises:
        InputError: If the text column is missing, or the column was filled by another
            model or in another type.
        ModelError: If the model cannot be loaded.
    """
    _require_text(table, text)
    if KEY in table.schema.names:  # of a run that was killed
        table.drop_columns([KEY])
    encoder = reranker.encoder()
    kind = _kind(encoder, float16=float16)
    _prepare(table, column, kind, str(reranker.model), overwrite=overwrite)
    empty = f"`{column}` IS NULL"
    total = table.count_rows(empty)
    done = Indexed(kept=table.count_rows() - total)
    report = on_progress or (lambda _done, _total: None)
    report(0, total)
    if not total:
        return done
    table.add_columns({KEY: "uuid()"})
    try:
        for batch in _batches(table, [KEY, text], empty, rows):
            filled, counts = _encoded(batch[text].to_pylist(), encoder, kind)
            table.merge_insert(KEY).when_matched_update_all().execute(
                pa.table({KEY: batch[KEY], column: filled})
            )
            done += counts
            report(done.rows, total)
    finally:
        table.drop_columns([KEY])
    return done


def _kind(encoder: Encoder, *, float16: bool) -> pa.DataType:
    """Return the type of a column of this model's token embeddings."""
    (probe,) = encoder.queries(["width"], Deadline())
    number = pa.float16() if float16 else pa.float32()
    return pa.list_(pa.list_(number, probe.values.shape[1]))


def _require_text(table: Table, text: str) -> None:
    schema = table.schema
    if text not in schema.names:
        msg = (
            f"the table {table.name!r} has no text column {text!r}. Columns: "
            f"{', '.join(map(repr, schema.names))}. Name the right one with text."
        )
        raise InputError(msg, who="colbert")
    kind = schema.field(text).type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        msg = f"the text column {text!r} must hold strings, got {kind}."
        raise InputError(msg, who="colbert")


def _prepare(
    table: Table, column: str, kind: pa.DataType, model: str, *, overwrite: bool
) -> None:
    """Add the column, or check that what it holds can stand beside new embeddings."""
    if "`" in column:
        msg = f"column must be a name without backticks, got {column!r}."
        raise InputError(msg, who="colbert")
    if overwrite and column in table.schema.names:
        table.drop_columns([column])
    if column not in table.schema.names:
        table.add_columns(pa.field(column, kind, metadata={MODEL: model}))
        return
    check_model(table.schema, column, model)
    found = table.schema.field(column).type
    if found != kind:
        msg = (
            f"the column {column!r} is {found}, but would be filled with "
            f"{kind}. Use the model and the float16 setting it was written with, "
            "another column, or overwrite."
        )
        raise InputError(msg, who="colbert")


def _batches(
    table: Table, columns: list[str], where: str, rows: int
) -> Iterator[pa.Table]:
    """Read the rows that are to be filled, *rows* at a time, as they are now."""
    reader = table.search().where(where).select(columns).to_batches(rows)
    waiting: list[pa.RecordBatch] = []
    for batch in reader:
        waiting.append(batch)
        if sum(map(len, waiting)) >= rows:
            yield pa.Table.from_batches(waiting)
            waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting)


def _encoded(
    texts: Sequence[str | None], encoder: Encoder, kind: pa.ListType
) -> tuple[pa.ListArray, Indexed]:
    """Return the token embeddings of *texts*, an empty list for a blank one."""
    number, width = kind.value_type.value_type, kind.value_type.list_size
    values: list[FloatArray] = [np.empty((0, width), np.float32)] * len(texts)
    written = [i for i, text in enumerate(texts) if text and text.strip()]
    cut = 0
    some = [texts[i] or "" for i in written]
    for batch in encoder.documents(some, Deadline()):
        cut += int(np.count_nonzero(batch.tokens_cut))
        parts = np.split(batch.tokens.values, np.cumsum(batch.tokens.lengths)[:-1])
        for row, part in zip(batch.rows, parts, strict=True):
            values[written[row]] = part
    flat = np.concatenate(values).astype(number.to_pandas_dtype())  # (n_tokens, width)
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(flat.ravel()), width)
    offsets = np.cumsum([0, *map(len, values)])
    filled = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), vectors, type=kind)
    blank = len(texts) - len(written)
    return filled, Indexed(len(texts), blank=blank, cut=cut, tokens=len(flat))
