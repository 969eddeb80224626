"""Arrow in and out: result tables become one union of documents, and rows again.

Ids are encoded once. Everything after that works on integer positions; payload is
touched once, when the chosen rows are taken.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from resift.errors import InputError
from resift.ranking import Ranking

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

_Rows = TypeVar("_Rows", pa.Table, pa.ChunkedArray)

__all__ = ["OURS", "RELEVANCE", "Union", "as_table", "text_columns", "text_of"]

RELEVANCE = "_relevance_score"
OURS = {b"resift": b"output"}  # marks the columns that resift itself has added
_FLOATS = frozenset({pa.float16(), pa.float32(), pa.float64()})
_PLAIN = {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}
_MANY = 5000  # documents: from here on sorting is most of the work
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
        try:
            return pa.Table.from_pandas(result, preserve_index=False)
        except (pa.ArrowException, ValueError) as error:  # mixed types, a name twice
            msg = f"rerank: the frame cannot be an Arrow table: {_reason(error)}"
            raise InputError(msg) from None  # the cause may quote a document
    if hasattr(result, "__arrow_c_stream__"):
        return pa.table(result)
    msg = (
        "rerank: each result must be an Arrow table or a pandas or polars frame, got "
        f"{type(result).__name__}. Strings are ranked by Reranker.rank."
    )
    raise InputError(msg)


def _reason(error: Exception) -> str:
    """Return what Arrow says of a column, without what it says of a value."""
    return f"{str(error.args[-1]).rstrip('.')}."


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
        self._rows = _end_to_end(tables, id)
        stops = [0, *accumulate(map(len, tables))]
        self._spans = list(pairwise(stops))  # first and last row of each list, plus one
        self._codes, self.n_documents = _encode(tables, self._rows, id)
        self.rankings = [
            _ranking(table, self._codes[i:j], self.n_documents, weight, name)
            for table, (i, j), weight, name in zip(
                tables, self._spans, _weights(weights, n), _names(names, n), strict=True
            )
        ]

    @property
    def columns(self) -> list[str]:
        """Names of all columns, in the order they are first seen."""
        names: list[str] = self._rows.schema.names
        return names

    def order(self, merged: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the documents best first, shape ``(n_documents,)``.

        Equal scores: the better best rank first, then the earlier list. That is the
        order in which the union numbers its documents, so a stable sort suffices.
        """
        if len(merged) < _MANY:
            return np.argsort(-merged, kind="stable")
        order = np.argsort(-merged)  # unstable, and several times as fast
        falling = merged[order]
        run = np.cumsum(np.append(0, falling[1:] != falling[:-1]))
        key = run << 32 | order  # equal scores are a run: sort each by document
        key.sort()
        return key & 0xFFFFFFFF

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
        rows = self._rows if columns is None else self._rows.select(columns)
        if not rows.num_columns:
            return pa.table({"": pa.nulls(len(documents))}).select([])
        taken = _gather(rows, self._first()[documents])
        for place, having in self._later(rows.schema.names):
            values = _take(rows.column(place), self._first(having)[documents])
            taken = taken.set_column(place, rows.schema.field(place), values)
        return taken

    def _later(self, names: Sequence[str]) -> Iterator[tuple[int, list[int]]]:
        """Yield each column that a list lacks and a later one has, and who has it.

        All others are right in a document's first row: all lists have them, or none
        after the first that lacks them.
        """
        known = [table.schema.names for table in self.tables]
        if all(other == names for other in known):
            return
        for place, name in enumerate(names):
            having = [i for i, other in enumerate(known) if name in other]
            if having[-1] >= len(having):
                yield place, having

    def _first(self, having: Sequence[int] = ()) -> NDArray[np.int64]:
        """Return each document's first row, in one of the lists *having* if it can be.

        A document that none of those holds keeps its row in a list that lacks the
        column, and so gets a null.
        """
        rows = np.empty(self.n_documents, dtype=np.int64)
        spans = [(0, len(self._codes)), *(self._spans[i] for i in having[::-1])]
        for start, stop in spans:  # backwards, so that the first row stays
            rows[self._codes[start:stop][::-1]] = np.arange(stop - 1, start - 1, -1)
        return rows


def text_of(table: pa.Table, column: str | Sequence[str], who: str) -> list[str | None]:
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


def _end_to_end(tables: Sequence[pa.Table], id: str | None) -> pa.Table:
    """Return all rows as one table, nulls where a list lacks a column; no copy."""
    for number, table in enumerate(tables, start=1):
        names = table.schema.names
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            msg = f"rerank: list {number} has several columns {twice!r}. Rename them."
            raise InputError(msg)
    first = tables[0].schema
    same = all(first.equals(table.schema) for table in tables[1:])
    try:
        return pa.concat_tables(tables, promote_options="none" if same else "default")
    except pa.ArrowException as error:
        raise InputError(_mismatch(tables, id) or f"rerank: {error}") from None


def _mismatch(tables: Sequence[pa.Table], id: str | None) -> str | None:
    """Return what is wrong with the first column that has several types."""
    types: dict[str, dict[pa.DataType, None]] = {}
    for table in tables:
        for field in table.schema:
            if not pa.types.is_null(field.type):
                types.setdefault(field.name, {})[field.type] = None
    if id in types and len(types[id]) > 1:
        found = ", ".join(sorted(map(str, types[id])))
        return f"rerank: the id column {id!r} must have one type, got {found}. Cast it."
    for name, (one, *others) in types.items():
        if others:
            return (
                f"rerank: column {name!r} is {one} in one list and {others[0]} in "
                "another. Cast one of them."
            )
    return None


def _encode(
    tables: Sequence[pa.Table], rows: pa.Table, id: str | None
) -> tuple[NDArray[np.int64], int]:
    """Number the documents; return that of every row, and how many there are.

    The lists are read in step, all first rows before all second rows. So documents
    are numbered by their best rank, then by list, which settles every tie.
    """
    total = len(rows)
    step = slice(None) if len(tables) == 1 else _in_step(tuple(map(len, tables)))
    if id is None or total == 0:
        n, numbers = total, np.arange(total, dtype=np.int64)
    else:
        ids = _ids(tables, rows, id)
        if pa.types.is_integer(ids.type):
            ids = pa.array(ids.to_numpy()[step])
        else:
            ids = ids.take(pa.array(np.arange(total)[step])).combine_chunks()
        encoded = _dictionary(ids, id)
        n, numbers = len(encoded.dictionary), encoded.indices.to_numpy()
    codes = np.empty(total, dtype=np.int64)
    codes[step] = numbers
    return codes, n


@lru_cache(maxsize=8)
def _in_step(sizes: tuple[int, ...]) -> NDArray[np.int64]:
    """Return the rows of lists laid end to end, rank by rank."""
    ranks = np.concatenate([np.arange(size) for size in sizes])
    return np.argsort(ranks, kind="stable")


def _ids(tables: Sequence[pa.Table], rows: pa.Table, id: str) -> pa.ChunkedArray:
    for number, table in enumerate(tables, start=1):
        if table.schema.get_field_index(id) < 0:
            msg = (
                f"rerank: list {number} has no id column {id!r}. Columns: "
                f"{', '.join(map(repr, table.column_names))}. Name another with "
                "id=..., or pass id=None where every row is a document of its own."
            )
            raise InputError(msg)
    ids = rows.column(id)
    if ids.null_count:
        nulls = [table.column(id).null_count for table in tables]
        number = next(i for i, count in enumerate(nulls, start=1) if count)
        msg = (
            f"rerank: the id column {id!r} of list {number} has "
            f"{nulls[number - 1]} nulls. An id must tell documents apart."
        )
        raise InputError(msg)
    if pa.types.is_dictionary(ids.type):
        ids = ids.cast(ids.type.value_type)
    return ids.cast(_PLAIN[ids.type]) if ids.type in _PLAIN else ids


def _dictionary(ids: pa.Array, id: str) -> pa.DictionaryArray:
    try:
        return ids.dictionary_encode()
    except pa.ArrowException:
        msg = (
            f"rerank: the id column {id!r} must hold numbers or strings, got "
            f"{ids.type}. Name another with id=...."
        )
        raise InputError(msg) from None


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
    """Return the list's scores, higher is better, and their theoretical minimum.

    What resift itself has ranked is read by the score it was ranked by: of the legs'
    own scores many are null there.
    """
    names = table.schema.names
    columns: tuple[str, ...] = ("_distance", "_score", RELEVANCE)
    if RELEVANCE in names:
        written = table.schema.field(RELEVANCE).metadata or {}
        columns = (RELEVANCE,) if written.items() >= OURS.items() else columns
    for name in columns:
        if name in names:
            values = _numbers(table.column(name), name)
            convert = np.negative if name == "_distance" else np.positive
            lowest = 0.0 if name == "_score" else None
            return convert(values, dtype=np.float64), lowest
    return None, None


def _numbers(column: pa.ChunkedArray, name: str) -> NDArray[np.floating]:
    """Return a column of scores, NaN where null."""
    kind = column.type
    if kind not in _FLOATS:
        if pa.types.is_null(kind):
            return np.full(len(column), np.nan)
        if not (pa.types.is_integer(kind) or pa.types.is_decimal(kind)):
            msg = f"rerank: column {name!r} must hold numbers, got {kind}."
            raise InputError(msg)
        column = column.cast(pa.float64(), safe=False)
    numbers: NDArray[np.floating] = column.to_numpy()
    return numbers


def _weights(weights: Sequence[float] | None, n: int) -> Sequence[float]:
    if weights is None:
        return (1.0,) * n
    try:
        values = [float(weight) for weight in weights]
    except (TypeError, ValueError):
        msg = f"rerank: weights must be {n} numbers, one per list, got {weights!r}."
        raise InputError(msg) from None
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


def _gather(table: pa.Table, rows: NDArray[np.int64]) -> pa.Table:
    """Take rows; where few are wanted, of each chunk before laying them end to end."""
    if len(rows) * _SPARSE < len(table) and len(batches := table.to_batches()) > 1:
        stops = np.cumsum([len(batch) for batch in batches])
        source = np.searchsorted(stops, rows, side="right")
        place = np.argsort(np.argsort(source, kind="stable"))
        chunks = [pa.Table.from_batches([batch]) for batch in batches]
        table = pa.concat_tables(
            _take(chunk, rows[source == i] - (stops[i] - len(chunk)))
            for i, chunk in enumerate(chunks)
        )
        rows = place
    return _take(table, rows)


def _take(rows: _Rows, indices: NDArray[np.int64]) -> _Rows:
    """Take rows of a table or of a column."""
    wanted = pa.array(indices)
    try:
        return rows.take(wanted)
    except pa.ArrowNotImplementedError as error:
        reason = _reason(error)
    if isinstance(rows, pa.ChunkedArray):
        plain = _PLAIN.get(rows.type, rows.type)
        target = rows.type
    else:  # views, which polars exports, cannot be taken
        plain = pa.schema(
            field.with_type(_PLAIN.get(field.type, field.type)) for field in rows.schema
        )
        target = rows.schema
    try:
        return rows.cast(plain).take(wanted).cast(target)
    except pa.ArrowNotImplementedError:  # run-end encoded, say
        msg = f"rerank: a column cannot be reordered: {reason} Cast it."
        raise InputError(msg) from None
