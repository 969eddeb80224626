"""The union: the documents of several ranked result tables, each numbered once.

Ids are encoded once. Everything after that works on integer positions; payload is
touched once, when the chosen rows are taken. For short lists the time is that of the
calls into numpy and Arrow, whatever the number of rows, so there are few of them.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from resift.arrow import OURS, RELEVANCE, decoded, gather, plain, take
from resift.errors import InputError
from resift.ranking import Ranking
from resift.settings import column_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

__all__ = ["Union", "list_names"]

_FLOATS = frozenset({pa.float16(), pa.float32(), pa.float64()})
_FEW = 400  # rows: up to here a dict beats Arrow's hash table
_MANY = 5_000  # documents: from here on sorting by index is slower than by value
_SHORT = 100_000  # rows: up to here what depends on lengths alone is kept


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
        stops = accumulate(map(len, tables), initial=0)
        self._spans = list(pairwise(stops))  # first and last row of each list, plus one
        self._codes, self.n_documents = _encode(tables, self._rows, id)
        self.rankings = [
            _ranking(table, self._codes[i:j], self.n_documents, weight, name)
            for table, (i, j), weight, name in zip(
                tables,
                self._spans,
                (1.0,) * n if weights is None else weights,
                list_names(names, n),
                strict=True,
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
            return (-merged).argsort(kind="stable")
        return _falling(merged)

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
        taken = gather(rows, self._first()[documents])
        for place, having in self._later(rows.schema.names):
            values = take(rows.select([place]), self._first(having)[documents])
            taken = taken.set_column(place, rows.schema.field(place), values.column(0))
        return taken

    def _later(self, names: Sequence[str]) -> Iterator[tuple[int, list[int]]]:
        """Yield each column that a list lacks and a later one has, and who has it.

        All others are right in a document's first row: all lists have them, or none
        after the first that lacks them.
        """
        known = [table.schema.names for table in self.tables]
        everywhere = set(known[0]).intersection(*known[1:])
        for name in set(names) - everywhere:
            having = [i for i, other in enumerate(known) if name in other]
            if having[-1] >= len(having):
                yield names.index(name), having

    def _first(self, having: Sequence[int] = ()) -> NDArray[np.int64]:
        """Return each document's first row, in one of the lists *having* if it can be.

        A document that none of those holds keeps its row in a list that lacks the
        column, and so gets a null.
        """
        rows = np.empty(self.n_documents, dtype=np.int64)
        last = len(self._codes) - 1
        rows[self._codes[::-1]] = np.arange(last, -1, -1)  # backwards: the first stays
        for start, stop in (self._spans[i] for i in having[::-1]):
            rows[self._codes[start:stop][::-1]] = np.arange(stop - 1, start - 1, -1)
        return rows


def _falling(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the indices of *values*, greatest first, equal ones as they came.

    The index takes the place of the last bits of each value, which is then sorted as
    an integer. Where these bits would have mattered, values are sorted as they are.
    """
    n = len(values)
    index = (1 << n.bit_length()) - 1
    bits = (values + 0.0).view(np.int64)  # there is one zero only
    bits ^= (bits >> 63) & np.iinfo(np.int64).max  # as integers in the order of floats
    key = (~bits & ~index) | np.arange(n)
    key.sort()
    order = key & index
    ranked = values[order]
    if (ranked[1:] > ranked[:-1]).any():
        return (-values).argsort(kind="stable")
    return order


def _end_to_end(tables: Sequence[pa.Table], id: str | None) -> pa.Table:
    """Return all rows as one table, nulls where a list lacks a column; no copy."""
    try:
        rows = pa.concat_tables(tables, promote_options="default")
    except pa.ArrowException as error:
        problem = _mismatch(tables, id)
        if problem is None and not all(map(len, tables)):
            return pa.concat_tables(_fitted(tables), promote_options="default")
        raise InputError(problem or f"rerank: {error}") from None
    if len(set(rows.schema.names)) < rows.num_columns:
        raise InputError(_mismatch(tables, id))
    if not rows.num_columns and any(map(len, tables)):
        msg = "rerank: the results have rows, but no columns. Select some."
        raise InputError(msg)
    if all(field.nullable for field in rows.schema):
        return rows
    return pa.table(rows.columns, schema=_nullable(tables, rows.schema))


def _nullable(tables: Sequence[pa.Table], schema: pa.Schema) -> pa.Schema:
    """Return the schema with nulls allowed in the columns that a list lacks."""
    lacking = {n for n in schema.names for t in tables if n not in t.schema.names}
    return pa.schema(
        (field.with_nullable(field.nullable or field.name in lacking))
        for field in schema
    ).with_metadata(schema.metadata)


def _fitted(tables: Sequence[pa.Table]) -> list[pa.Table]:
    """Return the tables, empty ones in the column types of the others.

    A frame without rows has whatever types its library falls back to.
    """
    known: dict[str, pa.DataType] = {}
    for table in sorted(tables, key=len, reverse=True):
        for field in table.schema:
            known.setdefault(field.name, field.type)
    return [
        table
        if len(table)
        else pa.schema((name, known[name]) for name in table.schema.names).empty_table()
        for table in tables
    ]


def _mismatch(tables: Sequence[pa.Table], id: str | None) -> str | None:
    """Return what is wrong with the first column found twice, or of several types."""
    for number, table in enumerate(tables, start=1):
        names = table.schema.names
        if twice := [name for name in names if names.count(name) > 1]:
            return (
                f"rerank: list {number} has several columns {twice[0]!r}. Rename them."
            )
    types: dict[str, dict[pa.DataType, None]] = {}
    for table in filter(len, tables):
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
    sizes = tuple(map(len, tables))
    step = _in_step(sizes) if total <= _SHORT else _in_step.__wrapped__(sizes)
    if id is None or total == 0:
        n, numbers = total, np.arange(total, dtype=np.int64)
    else:
        n, numbers = _numbered(_ids(tables, rows, id), step, id)
    codes = np.empty(total, dtype=np.int64)
    codes[step] = numbers
    return codes, n


@lru_cache(maxsize=8)
def _in_step(sizes: tuple[int, ...]) -> NDArray[np.int64]:
    """Return the rows of lists laid end to end, rank by rank."""
    longest = max(sizes)
    if longest * len(sizes) > 4 * sum(sizes):  # of such unlike lengths, do not lay out
        return np.concatenate([np.arange(n) for n in sizes]).argsort(kind="stable")
    ranks = np.arange(longest)[:, None]  # (longest, 1)
    rows = ranks + np.cumsum((0, *sizes[:-1]))  # (longest, n_lists)
    in_step: NDArray[np.int64] = rows[ranks < np.array(sizes)]
    return in_step


def _ids(tables: Sequence[pa.Table], rows: pa.Table, id: str) -> pa.ChunkedArray:
    for number, table in enumerate(tables, start=1):
        if id not in table.schema.names and len(table):
            msg = (
                f"rerank: list {number} has no id column {id!r}. Columns: "
                f"{', '.join(map(repr, table.column_names))}. Name another with "
                "id=..., or pass id=None where every row is a document of its own."
            )
            raise InputError(msg)
    ids = rows.column(id)
    if pa.types.is_dictionary(ids.type):
        ids = decoded(ids)
    if ids.null_count:
        starts = accumulate(map(len, tables), initial=0)
        nulls = [
            ids.slice(start, len(table)).null_count
            for table, start in zip(tables, starts, strict=False)
        ]
        number = next(i for i, count in enumerate(nulls, start=1) if count)
        msg = (
            f"rerank: the id column {id!r} of list {number} has "
            f"{nulls[number - 1]} nulls. An id must tell documents apart."
        )
        raise InputError(msg)
    return ids


def _numbered(
    ids: pa.ChunkedArray, step: NDArray[np.int64], id: str
) -> tuple[int, NDArray[np.int64]]:
    """Return how many ids differ, and their numbers in the order of *step*."""
    kind = ids.type
    try:
        if pa.types.is_integer(kind):
            values = ids.to_numpy()[step]
            if len(values) <= _FEW:
                known: dict[int, int] = {}
                numbers = [known.setdefault(i, len(known)) for i in values.tolist()]
                return len(known), np.fromiter(numbers, np.int64, len(numbers))
            stepped = pa.array(values)
        else:
            stepped = ids.cast(plain(kind)).take(pa.array(step)).combine_chunks()
        encoded = stepped.dictionary_encode()
    except pa.ArrowException:
        msg = (
            f"rerank: the id column {id!r} must hold numbers or strings, got {kind}. "
            "Name another with id=...."
        )
        raise InputError(msg) from None
    return len(encoded.dictionary), encoded.indices.to_numpy()


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
        keep = finite.nonzero()[0]
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
            if name == "_distance":
                return np.negative(values, dtype=np.float64), None
            return values.astype(np.float64), 0.0 if name == "_score" else None
    return None, None


def _numbers(column: pa.ChunkedArray, name: str) -> NDArray[np.floating]:
    """Return a column of scores, NaN where null."""
    kind = column.type
    if kind not in _FLOATS:
        if pa.types.is_null(kind) or not len(column):
            return np.full(len(column), np.nan)
        if not (pa.types.is_integer(kind) or pa.types.is_decimal(kind)):
            msg = f"rerank: column {name!r} must hold numbers, got {kind}."
            raise InputError(msg)
        column = column.cast(pa.float64(), safe=False)
    numbers: NDArray[np.floating] = column.to_numpy()
    return numbers


def list_names(names: Sequence[str] | None, n: int) -> Sequence[str]:
    """Return what each of *n* lists is called; ``list_1``, ``list_2`` by default.

    Raises:
        InputError: If there are not as many different names as lists.
    """
    if names is None:
        return [f"list_{i + 1}" for i in range(n)]
    names = column_names("names", names)
    if len(names) != n or len(set(names)) != n:
        msg = f"rerank: names must be {n} different names, one per list, got {names}."
        raise InputError(msg)
    return names
