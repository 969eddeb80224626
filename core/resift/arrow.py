"""Arrow in and out: result tables become one union of documents, and rows again.

Ids are encoded once. Everything after that works on integer positions; payload is
touched once, when the chosen rows are taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from resift.errors import InputError
from resift.ranking import Ranking

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["RELEVANCE", "Union", "as_table", "text_columns", "text_of"]

RELEVANCE = "_relevance_score"
_SPARSE = 4  # take before concatenating where fewer than 1 row in 4 is wanted


def as_table(result: object) -> pa.Table:
    """Return *result* as an Arrow table, without copying where it can be avoided.

    Args:
        result: A table, a record batch, a pandas or polars frame, or anything else
            that exports an Arrow stream.

    Raises:
        InputError: If it is nothing of the kind.
    """
    if isinstance(result, pa.Table):
        return result
    if isinstance(result, pa.RecordBatch):
        return pa.Table.from_batches([result])
    if type(result).__module__.partition(".")[0] == "pandas":
        return pa.Table.from_pandas(result, preserve_index=False)
    if hasattr(result, "__arrow_c_stream__"):
        return pa.table(result)
    msg = (
        "rerank: each result must be an Arrow table or a pandas or polars frame, got "
        f"{type(result).__name__}. Strings are ranked by Reranker.rank."
    )
    raise InputError(msg)


@dataclass(frozen=True, slots=True)
class _Group:
    """Columns that the same tables have, laid end to end, and their rows."""

    names: list[str]
    batches: list[pa.RecordBatch]
    rows: NDArray[np.int64]  # (n_documents,) row of each document, -1 for none

    def take(self, documents: NDArray[np.int64], names: list[str]) -> pa.RecordBatch:
        rows = self.rows[documents]
        batches = self.batches
        if names != self.names:
            batches = [batch.select(names) for batch in batches]
        if len(batches) > 1 and len(rows) * _SPARSE < sum(map(len, batches)):
            batches, rows = _take_each(batches, rows)
        whole = batches[0] if len(batches) == 1 else pa.concat_batches(batches)
        return whole.take(_indices(rows))


class Union:
    """The documents of several ranked result tables.

    Args:
        tables: The ranked lists, best row first.
        id: The column that tells documents apart; None where every row is its own.
        weights: What each list counts for; 1 each by default.
        names: What each list is called; ``list_1``, ``list_2`` by default.

    Raises:
        InputError: If the tables do not fit together.
    """

    def __init__(
        self,
        tables: Sequence[pa.Table],
        *,
        id: str | None,
        weights: Sequence[float] | None = None,
        names: Sequence[str] | None = None,
    ) -> None:
        self.tables = tables
        n = len(tables)
        self._codes, self.n_documents = _encode(tables, id)
        self.rankings = [
            _ranking(table, documents, self.n_documents, weight, name)
            for table, documents, weight, name in zip(
                tables, self._codes, _weights(weights, n), _names(names, n), strict=True
            )
        ]

    def order(self, merged: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the documents best first, shape ``(n_documents,)``.

        Equal scores: the better best rank first, then the earlier list. That is the
        order in which the union numbers its documents, so a stable sort suffices.
        """
        return np.argsort(-merged, kind="stable")

    def take(
        self, documents: NDArray[np.int64], columns: Sequence[str] | None = None
    ) -> pa.Table:
        """Gather rows from the source tables.

        A value comes from the first list that has both the document and the column.

        Args:
            documents: Positions in the union, shape ``(n,)``.
            columns: Names of the columns to take; all by default.

        Returns:
            A table of ``n`` rows; types are those of the source tables.
        """
        wanted = self.columns if columns is None else list(columns)
        taken: dict[str, pa.Array] = {}
        for group in self._groups:
            if names := [name for name in group.names if name in wanted]:
                batch = group.take(documents, names)
                if names == wanted:
                    return pa.Table.from_batches([batch])
                taken.update(zip(names, batch.columns, strict=True))
        if not wanted:
            return pa.table({"": pa.nulls(len(documents))}).select([])
        schema = pa.schema(
            [self.schema.field(name) for name in wanted], self.schema.metadata
        )
        return pa.Table.from_arrays([taken[name] for name in wanted], schema=schema)

    @cached_property
    def columns(self) -> list[str]:
        """Names of all columns, in the order they are first seen."""
        names: list[str] = self.schema.names
        return names

    @cached_property
    def schema(self) -> pa.Schema:
        """The schema of all columns; null-typed ones take another list's type."""
        first = self.tables[0].schema
        if all(first.equals(table.schema) for table in self.tables[1:]):
            return first
        types: dict[str, pa.Field] = {}
        for table in self.tables:
            for field in table.schema:
                known = types.get(field.name)
                if known is None or pa.types.is_null(known.type):
                    types[field.name] = field
                elif not (pa.types.is_null(field.type) or field.type == known.type):
                    msg = (
                        f"rerank: column {field.name!r} is {known.type} in one list "
                        f"and {field.type} in another. Cast one of them."
                    )
                    raise InputError(msg)
        return pa.schema(
            [field.with_nullable(True) for field in types.values()], first.metadata
        )

    @cached_property
    def _groups(self) -> list[_Group]:
        known = [table.schema.names for table in self.tables]
        by_tables: dict[tuple[int, ...], list[str]] = {}
        if all(names == self.columns for names in known):
            by_tables[tuple(range(len(known)))] = self.columns
        else:
            for name in self.columns:
                having = tuple(i for i, names in enumerate(known) if name in names)
                by_tables.setdefault(having, []).append(name)
        return [
            _Group(
                names,
                [_batch(self.tables[i], names, self.schema) for i in having],
                self._rows(having),
            )
            for having, names in by_tables.items()
        ]

    def _rows(self, having: tuple[int, ...]) -> NDArray[np.int64]:
        """Return each document's first row among the tables *having*, or -1."""
        codes = [self._codes[i] for i in having]
        seen = codes[0] if len(codes) == 1 else np.concatenate(codes)
        rows = np.full(self.n_documents, -1, dtype=np.int64)
        rows[seen[::-1]] = np.arange(len(seen) - 1, -1, -1)  # the first one stays
        return rows


def text_of(
    table: pa.Table, column: str | Sequence[str], who: str
) -> list[str | None]:
    """Return the documents' texts as Python strings, None where null.

    Args:
        table: One row per document.
        column: A string column; ``"meta.title"`` reads a field of a struct; several
            are joined by a newline, nulls left out.
        who: The reranker, as messages name it.

    Raises:
        InputError: If a column is missing or does not hold strings.
    """
    if isinstance(column, str):
        texts: list[str | None] = _strings(table, column, who).to_pylist()
        return texts
    parts = [_strings(table, name, who).to_pylist() for name in column]
    return [
        "\n".join(part for part in row if part is not None) or None
        for row in zip(*parts, strict=True)
    ]


def text_columns(column: str | Sequence[str], available: Sequence[str]) -> list[str]:
    """Return the table columns that *column* reads, in their order."""
    names = [column] if isinstance(column, str) else list(column)
    return [n if n in available else n.partition(".")[0] for n in names]


def _strings(table: pa.Table, name: str, who: str) -> pa.ChunkedArray:
    column, *path = [name] if name in table.column_names else name.split(".")
    if column not in table.column_names:
        msg = (
            f"{who}: the results have no text column {name!r}. Columns: "
            f"{', '.join(map(repr, table.column_names))}. Name the right one with "
            "text=..., and select it in the search."
        )
        raise InputError(msg)
    values = table[column]
    for part in path:
        known = [f.name for f in values.type] if pa.types.is_struct(values.type) else []
        if part not in known:
            msg = f"{who}: text column {name!r}: {column!r} has no field {part!r}."
            raise InputError(msg)
        values = pc.struct_field(values, part)
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    kind = values.type
    if pa.types.is_null(kind):
        return values
    if not any(
        test(kind)
        for test in (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_string_view,
        )
    ):
        msg = (
            f"{who}: the text column {name!r} must hold strings, got {kind}. "
            "Name another with text=..., or cast it."
        )
        raise InputError(msg)
    return values


def _encode(
    tables: Sequence[pa.Table], id: str | None
) -> tuple[list[NDArray[np.int64]], int]:
    """Number the documents; return those of every table's rows, and how many.

    The lists are read in step, all first rows before all second rows. So documents
    are numbered by their best rank, then by list, which settles every tie.
    """
    stops = [0, *accumulate(map(len, tables))]
    total = stops[-1]
    step = None if len(tables) == 1 else _in_step(tuple(map(len, tables)))
    if id is None or total == 0:
        n, numbers = total, np.arange(total, dtype=np.int64)
    else:
        ids = _one_type(_id_chunks(tables, id), id)
        ids = ids if step is None else ids.take(pa.array(step))
        encoded = _dictionary(ids, id)
        n, numbers = len(encoded.dictionary), encoded.indices.to_numpy()
    codes = np.empty(total, dtype=np.int64)
    codes[slice(None) if step is None else step] = numbers
    return [codes[i:j] for i, j in pairwise(stops)], n


@lru_cache(maxsize=8)
def _in_step(sizes: tuple[int, ...]) -> NDArray[np.int64]:
    """Return the rows of lists laid end to end, rank by rank."""
    ranks = np.concatenate([np.arange(size) for size in sizes])
    return np.argsort(ranks, kind="stable")


def _id_chunks(tables: Sequence[pa.Table], id: str) -> list[pa.Array]:
    chunks: list[pa.Array] = []
    for number, table in enumerate(tables, start=1):
        place = table.schema.get_field_index(id)
        if place < 0:
            msg = (
                f"rerank: list {number} has no id column {id!r}. Columns: "
                f"{', '.join(map(repr, table.column_names))}. Name another with "
                "id=..., or pass id=None where every row is a document of its own."
            )
            raise InputError(msg)
        column = table.column(place)
        if column.null_count:
            msg = (
                f"rerank: the id column {id!r} of list {number} has "
                f"{column.null_count} nulls. An id must tell documents apart."
            )
            raise InputError(msg)
        chunks.extend(column.chunks)
    return [chunk for chunk in chunks if len(chunk)]


def _dictionary(ids: pa.Array, id: str) -> pa.DictionaryArray:
    try:
        return ids.dictionary_encode()
    except pa.ArrowException:
        msg = (
            f"rerank: the id column {id!r} must hold numbers or strings, got "
            f"{ids.type}. Name another with id=...."
        )
        raise InputError(msg) from None


def _one_type(chunks: list[pa.Array], id: str) -> pa.Array:
    kinds = {chunk.type for chunk in chunks}
    if any(pa.types.is_dictionary(kind) for kind in kinds):
        chunks = [_decoded(chunk) for chunk in chunks]
        kinds = {chunk.type for chunk in chunks}
    try:
        if len(kinds) > 1:
            if not all(pa.types.is_integer(kind) for kind in kinds):
                raise pa.ArrowTypeError  # noqa: TRY301  # one message for both
            chunks = [chunk.cast(chunks[0].type) for chunk in chunks]
        return chunks[0] if len(chunks) == 1 else pa.concat_arrays(chunks)
    except pa.ArrowException:
        found = ", ".join(sorted(map(str, kinds)))
        msg = f"rerank: the id column {id!r} must have one type, got {found}. Cast it."
        raise InputError(msg) from None


def _decoded(chunk: pa.Array) -> pa.Array:
    return chunk.dictionary_decode() if pa.types.is_dictionary(chunk.type) else chunk


def _ranking(
    table: pa.Table,
    documents: NDArray[np.int64],
    n_documents: int,
    weight: float,
    name: str,
) -> Ranking:
    """Return one table as a ranked list: best rank kept, unscored rows removed."""
    scores, lowest = _scores_of(table)
    keep = None
    if scores is not None and not (finite := np.isfinite(scores)).all():
        keep = np.flatnonzero(finite)
        documents = documents[keep]
    seen = np.zeros(n_documents, dtype=bool)
    seen[documents] = True
    if np.count_nonzero(seen) != len(documents):
        first = np.sort(np.unique(documents, return_index=True)[1])
        documents = documents[first]
        keep = first if keep is None else keep[first]
    if scores is not None and keep is not None:
        scores = scores[keep]
    return Ranking(documents, scores, weight, name, lowest)


def _scores_of(
    table: pa.Table,
) -> tuple[NDArray[np.float64] | None, float | None]:
    """Return the list's scores, higher is better, and their theoretical minimum."""
    names = table.schema.names
    for name, sign, lowest in (
        ("_distance", -1.0, None),
        ("_score", 1.0, 0.0),
        (RELEVANCE, 1.0, None),
    ):
        if name in names:
            column = table.column(name)
            if pa.types.is_null(column.type):
                return np.full(len(table), np.nan), lowest
            values = column.chunk(0) if column.num_chunks == 1 else column
            return sign * values.to_numpy(zero_copy_only=False).astype(np.float64), lowest
    return None, None


def _weights(weights: Sequence[float] | None, n: int) -> Sequence[float]:
    if weights is None:
        return (1.0,) * n
    values = [float(weight) for weight in weights]
    if len(values) != n:
        msg = f"rerank: weights must have one value per list ({n}), got {len(values)}."
        raise InputError(msg)
    if not all(0 <= weight < float("inf") for weight in values) or not any(values):
        msg = (
            f"rerank: weights must be finite, not negative and not all 0, got {values}."
        )
        raise InputError(msg)
    return values


def _names(names: Sequence[str] | None, n: int) -> Sequence[str]:
    if names is None:
        return [f"list_{i + 1}" for i in range(n)]
    if len(names) != n or len(set(names)) != n:
        msg = f"rerank: names must be {n} different names, one per list, got {names}."
        raise InputError(msg)
    return names


def _batch(table: pa.Table, names: list[str], schema: pa.Schema) -> pa.RecordBatch:
    """Return some columns as one batch, null-typed ones as nulls of the right type."""
    if names != table.column_names:
        table = table.select(names)
    batches = table.to_batches()
    if len(batches) != 1:
        batches = table.combine_chunks().to_batches()
    batch = batches[0] if batches else pa.RecordBatch.from_pylist([], table.schema)
    if table.schema is schema or batch.schema.equals(schema):
        return batch
    fields = [schema.field(name) for name in names]
    arrays = [
        pa.nulls(len(batch), field.type) if pa.types.is_null(array.type) else array
        for array, field in zip(batch.columns, fields, strict=True)
    ]
    return pa.RecordBatch.from_arrays(
        arrays, schema=pa.schema(fields, schema.metadata)
    )


def _take_each(
    batches: list[pa.RecordBatch], rows: NDArray[np.int64]
) -> tuple[list[pa.RecordBatch], NDArray[np.int64]]:
    """Take the wanted rows of each batch first: far less to lay end to end."""
    stops = np.cumsum([len(batch) for batch in batches])
    source = np.where(rows < 0, -1, np.searchsorted(stops, rows, side="right"))
    place = np.full(len(rows), -1, dtype=np.int64)
    taken = []
    done = 0
    for i, batch in enumerate(batches):
        mine = np.flatnonzero(source == i)
        taken.append(batch.take(pa.array(rows[mine] - (stops[i] - len(batch)))))
        place[mine] = np.arange(done, done + len(mine))
        done += len(mine)
    return taken, place


def _indices(rows: NDArray[np.int64]) -> pa.Array:
    missing = rows < 0
    return pa.array(rows, mask=missing) if missing.any() else pa.array(rows)
