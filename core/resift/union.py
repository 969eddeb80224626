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
import pyarrow.compute as pc

from resift.arrow import column_at, compact, decoded, gather, pick, plain, stored
from resift.common_type import in_one_type
from resift.errors import InputError
from resift.list_scores import ListScores, scores_of_lists
from resift.ranking import Ranking
from resift.settings import column_names, shares

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from resift.list_scores import Columns
    from resift.settings import Weights

__all__ = ["Union"]

_FEW = 400  # rows: up to here a dict beats Arrow's hash table, and texts are compared
_DENSE = 16  # times the rows: ids within such a span are numbered without hashing
_SAMPLE = 8  # texts: as many of more than _FEW are compared, beside all lengths
_MANY = 5_000  # documents: from here on sorting by index is slower than by value
_CHUNKS = 20  # chunks of a column: beyond, small ones are laid end to end
_SHORT = 100_000  # rows: up to here what depends on lengths alone is kept


class Union:
    """The documents of several ranked result tables.

    Args:
        tables: The ranked lists, best row first.
        id: The column that tells documents apart, or several that do so together; None
            where every row is its own.
        weights: What each list counts for, in order or by name; 1 each by default.
        names: What each list is called; ``list_1``, ``list_2`` by default.
        text: The column that holds the text, or several; only read to notice rows of
            one id that are not one document.
        score: The column of scores: one for all lists that have it, or one for each,
            None where it is found by its usual name.
        distance: The same, where less is better.
        reads_scores: Whether anyone reads the scores; the rankings have none if not.

    Raises:
        InputError: If the tables do not fit together.
    """

    def __init__(
        self,
        tables: Sequence[pa.Table],
        *,
        id: str | Sequence[str] | None,
        weights: Weights | None = None,
        names: Sequence[str] | None = None,
        text: str | Sequence[str] = (),
        score: Columns = None,
        distance: Columns = None,
        reads_scores: bool = True,
    ) -> None:
        ids = () if id is None else (id,) if isinstance(id, str) else tuple(id)
        names = _list_names(names, len(tables))
        weights = shares(weights, names)
        self.tables, self._rows = _end_to_end(tables, ids)
        stops = accumulate(map(len, tables), initial=0)
        self._spans = list(pairwise(stops))  # first and last row of each list, plus one
        self._codes, self.n_documents = _encode(self.tables, self._rows, ids)
        self._first_rows = self._first()
        scores = [_NO_SCORES] * len(tables)
        if reads_scores or score is not None or distance is not None:
            scores = scores_of_lists(self.tables, names, score=score, distance=distance)
        self.score_notes = [note for own in scores for note in own.notes]
        self.rankings: list[Ranking] = []
        self.raw_scores: list[NDArray[np.float64] | None] = []
        for own, (i, j), weight, name in zip(
            scores, self._spans, weights, names, strict=True
        ):
            documents, raw, values = self._codes[i:j], own.raw, own.values
            if (best := _best_ranks(documents, self.n_documents)) is not None:
                documents = documents[best]
                if raw is not None and values is not None:
                    raw, values = raw[best], values[best]
            self.raw_scores.append(raw)
            self.rankings.append(Ranking(documents, values, weight, name, own.lowest))
        self.notes = self._unlike(text, ids)

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

        A value comes from the first list that has one for the document.

        Args:
            documents: Positions in the union, shape ``(n,)``.
            columns: Names of the columns to take; all by default.

        Returns:
            A table of ``n`` rows; types are those of the source tables.
        """
        rows = self._rows if columns is None else self._rows.select(columns)
        if not rows.num_columns:
            return pa.table({"": pa.nulls(len(documents))}).select([])
        taken = gather(rows, self._first_rows[documents])
        if len(self._rows) == self.n_documents:
            return taken
        for place, column in enumerate(rows.columns):
            if not column.null_count:
                continue
            known = self._known(rows.schema.names[place], column)
            if known is not None:
                first = self._first_rows.copy()
                first[self._codes[known]] = known
                filled = pick(column, first[documents])
                taken = taken.set_column(place, rows.schema.field(place), filled)
        return taken

    def place(self, document: int) -> str:
        """Return where a document was found first, as messages call it."""
        row = int(self._first_rows[document])
        spans = enumerate(self._spans, start=1)
        return next(f"row {row - i} of list {n}" for n, (i, j) in spans if row < j)

    def _known(self, name: str, column: pa.ChunkedArray) -> NDArray[np.int64] | None:
        """Return the rows that have a value, last one first.

        None where a value is never missing in the first list that has the document:
        each list has all values of the column or none, those that have them first.
        """
        having = [
            (i, j)
            for (i, j), table in zip(self._spans, self.tables, strict=True)
            if name in table.schema.names
        ]
        if column.null_count + sum(j - i for i, j in having) == len(column):
            rows = np.concatenate([np.arange(i, j) for i, j in having])
        else:
            rows = column.is_valid().to_numpy().nonzero()[0]
        if not len(rows) or rows[-1] == len(rows) - 1:
            return None
        return rows[::-1]

    def _unlike(self, text: str | Sequence[str], ids: Sequence[str]) -> list[str]:
        """Return a note where rows of one id have different texts."""
        if len(self._rows) == self.n_documents:
            return []
        first = self._first_rows[self._codes]
        notes = []
        for name in (text,) if isinstance(text, str) else text:
            try:
                texts = column_at(self._rows, name)
            except LookupError:  # a reranker that only merges reads no text
                continue
            if len(first) <= _FEW and pick(texts, first).equals(texts):
                continue
            again = (first != np.arange(len(first))).nonzero()[0]
            unlike = _differing(texts, again, first[again])
            if len(unlike):
                n = len(np.unique(self._codes[unlike]))
                notes.append(_unlike_note(n, name, ids))
        return notes

    def _first(self) -> NDArray[np.int64]:
        """Return the first row of each document, in the first list that has it."""
        rows = np.empty(self.n_documents, dtype=np.int64)
        rows[self._codes[::-1]] = np.arange(len(self._codes) - 1, -1, -1)
        return rows


_NO_SCORES = ListScores()


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


def _end_to_end(
    tables: Sequence[pa.Table], ids: Sequence[str]
) -> tuple[Sequence[pa.Table], pa.Table]:
    """Return the tables in the same types, and all rows as one table.

    Nulls stand where a list lacks a column. Nothing is copied, but for columns that
    need another type, and chunks so small that each would cost more than its rows.
    """
    try:
        rows = pa.concat_tables(tables, promote_options="default")
    except pa.ArrowException:
        tables = _in_same_types(tables, ids)
        rows = pa.concat_tables(tables, promote_options="default")
    names = rows.schema.names
    if len(set(names)) < len(names):
        _require_different_names(tables)
    if not names:
        if any(map(len, tables)):
            msg = "the results have rows, but no columns. Select some."
            raise InputError(msg, who="rerank")
        return tables, rows
    if rows.column(0).num_chunks > _CHUNKS:  # as a stream has in every column
        tables = [compact(table) for table in tables]
        rows = pa.concat_tables(tables, promote_options="default")
    if all(field.nullable for field in rows.schema):
        return tables, rows
    return tables, pa.table(rows.columns, schema=_nullable(tables, rows.schema))


def _nullable(tables: Sequence[pa.Table], schema: pa.Schema) -> pa.Schema:
    """Return the schema with nulls allowed in the columns that a list lacks."""
    lacking = {n for n in schema.names for t in tables if n not in t.schema.names}
    return pa.schema(
        (field.with_nullable(field.nullable or field.name in lacking))
        for field in schema
    ).with_metadata(schema.metadata)


def _require_different_names(tables: Sequence[pa.Table]) -> None:
    for number, table in enumerate(tables, start=1):
        names = table.schema.names
        if twice := [name for name in names if names.count(name) > 1]:
            msg = f"list {number} has several columns {twice[0]!r}. Rename them."
            raise InputError(msg, who="rerank")


def _in_same_types(
    tables: Sequence[pa.Table], ids: Sequence[str]
) -> Sequence[pa.Table]:
    """Return the tables, each column in one type, that of the first list if it can be.

    Raises:
        InputError: If the values of a column are too unlike.
    """
    _require_different_names(tables)
    tables = list(tables)
    for name in dict.fromkeys(n for table in tables for n in table.schema.names):
        having = [i for i, table in enumerate(tables) if name in table.schema.names]
        columns = [tables[i].column(name) for i in having]
        if len({column.type for column in columns}) == 1:
            continue
        cast = in_one_type(columns)
        if cast is None:
            raise InputError(_mismatch(name, columns, is_id=name in ids))
        for i, column in zip(having, cast, strict=True):
            place = tables[i].schema.names.index(name)
            field = tables[i].schema.field(place).with_type(column.type)
            tables[i] = tables[i].set_column(place, field, column)
    return tables


def _mismatch(name: str, columns: Sequence[pa.ChunkedArray], *, is_id: bool) -> str:
    """Return what is wrong with a column of several types."""
    told = [column for column in columns if column.null_count < len(column)]
    one, *others = dict.fromkeys(str(column.type) for column in told)
    if is_id:
        found = ", ".join(sorted([one, *others]))
        return (
            f"rerank: the id column {name!r} must have one type, got {found}. Cast it."
        )
    return (
        f"rerank: column {name!r} is {one} in one list and {others[0]} in another. "
        "Cast one of them."
    )


def _encode(
    tables: Sequence[pa.Table], rows: pa.Table, ids: Sequence[str]
) -> tuple[NDArray[np.int64], int]:
    """Number the documents; return that of every row, and how many there are.

    The lists are read in step, all first rows before all second rows. So documents
    are numbered by their best rank, then by list, which settles every tie.
    """
    total = len(rows)
    sizes = tuple(map(len, tables))
    step = _in_step(sizes) if total <= _SHORT else _in_step.__wrapped__(sizes)
    if total and ids:
        id, *more = ids
        n, numbers = _numbered(_ids(tables, rows, id), step, id)
        for id in more:
            n, numbers = _both(numbers, *_numbered(_ids(tables, rows, id), step, id))
    else:
        n, numbers = total, np.arange(total)
    codes = np.empty(total, dtype=np.int64)
    codes[step] = numbers
    return codes, n


def _both(
    numbers: NDArray[np.int64], n_more: int, more: NDArray[np.int64]
) -> tuple[int, NDArray[np.int64]]:
    """Number pairs of numbers in the order in which they are first seen."""
    pairs = pa.array(numbers.astype(np.int64) * n_more + more).dictionary_encode()
    return len(pairs.dictionary), pairs.indices.to_numpy()


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
    try:
        ids = rows.column(id)
    except KeyError:
        raise InputError(_without_id(tables, id)) from None
    kind = ids.type
    if pa.types.is_integer(kind) and not ids.null_count:  # as row ids are
        return ids
    if isinstance(kind, pa.BaseExtensionType):
        ids = stored(ids)
    elif pa.types.is_run_end_encoded(kind):
        ids = pc.run_end_decode(ids)
    if pa.types.is_dictionary(ids.type):
        ids = decoded(ids)
    if ids.null_count:
        raise InputError(_without_id(tables, id) or _with_nulls(tables, ids, id))
    return ids


def _without_id(tables: Sequence[pa.Table], id: str) -> str:
    """Return that a list lacks the id column; empty where all have it."""
    for number, table in enumerate(tables, start=1):
        if id not in table.schema.names and len(table):
            return (
                f"rerank: list {number} has no id column {id!r}. Columns: "
                f"{', '.join(map(repr, table.column_names))}. Name another with "
                "id=..., or pass id=None where every row is a document of its own."
            )
    return ""


def _with_nulls(tables: Sequence[pa.Table], ids: pa.ChunkedArray, id: str) -> str:
    """Return which list has ids that are null."""
    starts = accumulate(map(len, tables), initial=0)
    nulls = [
        ids.slice(start, len(table)).null_count
        for table, start in zip(tables, starts, strict=False)
    ]
    number = next(i for i, count in enumerate(nulls, start=1) if count)
    return (
        f"rerank: the id column {id!r} of list {number} has "
        f"{nulls[number - 1]} nulls. An id must tell documents apart."
    )


def _numbered(
    ids: pa.ChunkedArray, step: NDArray[np.int64], id: str
) -> tuple[int, NDArray[np.int64]]:
    """Return how many ids differ, and their numbers in the order of *step*."""
    kind = ids.type
    try:
        if pa.types.is_integer(kind):
            values = ids.to_numpy()[step]
            low, high = np.minimum.reduce(values), np.maximum.reduce(values)
            if (span := int(high) - int(low)) < _DENSE * len(values):
                return _numbered_in_span((values - low).astype(np.int64), span)
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
            f"the id column {id!r} must hold numbers or strings, got {kind}. "
            "Name another with id=...."
        )
        raise InputError(msg, who="rerank") from None
    return len(encoded.dictionary), encoded.indices.to_numpy()


def _numbered_in_span(
    values: NDArray[np.int64], highest: int
) -> tuple[int, NDArray[np.int64]]:
    """Number integers from 0 to *highest*, as the row ids of a small table are."""
    here = np.arange(len(values))
    first = np.empty(highest + 1, dtype=np.int64)  # where each is seen first
    first[values[::-1]] = here[::-1]
    seen = first[values]
    numbers = (seen == here).cumsum() - 1
    return int(numbers[-1]) + 1, numbers[seen]


def _best_ranks(
    documents: NDArray[np.int64], n_documents: int
) -> NDArray[np.int64] | None:
    """Return the rows that are the first of their document; None if all are."""
    seen = np.zeros(n_documents, dtype=bool)
    seen[documents] = True
    if np.count_nonzero(seen) == len(documents):
        return None
    return np.sort(np.unique(documents, return_index=True)[1])


def _differing(
    texts: pa.ChunkedArray, some: NDArray[np.int64], others: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return those of *some* rows whose text is not that of the row in *others*.

    A null is like any text. Of many rows all lengths are compared, and a sample of the
    texts; all texts only where these differ.
    """
    alike = some[:0]
    if len(some) > _FEW and not _look_unlike(texts, some, others):
        return alike
    both = pick(texts, np.concatenate([some, others]))
    a, b = both.slice(0, len(some)), both.slice(len(some))
    if a.equals(b):
        return alike
    try:
        differ = pc.fill_null(pc.not_equal(a, b), False).to_numpy()  # noqa: FBT003
    except pa.ArrowException:  # lists, views in lists
        return alike
    return np.asarray(some[differ])


def _look_unlike(
    texts: pa.ChunkedArray, some: NDArray[np.int64], others: NDArray[np.int64]
) -> bool:
    """Tell whether texts differ in length, or those of a sample differ at all."""
    if pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type):
        lengths = pc.binary_length(texts).to_numpy()  # NaN where null
        if (np.abs(lengths[some] - lengths[others]) > 0).any():
            return True
    places = np.linspace(0, len(some) - 1, _SAMPLE, dtype=np.int64)
    for i, j in zip(some[places].tolist(), others[places].tolist(), strict=True):
        one, other = texts[i], texts[j]
        if one.is_valid and other.is_valid and not one.equals(other):
            return True
    return False


def _unlike_note(n: int, text: str, ids: Sequence[str]) -> str:
    same = " and ".join(map(repr, ids))
    return (
        f"rerank: {n} documents have rows of one {same} that differ in {text!r}; the "
        "first list's is used. If they are rows of different tables, name the column "
        f"that tells the tables apart, too: id=('table', {ids[-1]!r})."
    )


def _list_names(names: Sequence[str] | None, n: int) -> Sequence[str]:
    """Return what each of *n* lists is called; ``list_1``, ``list_2`` by default.

    Raises:
        InputError: If there are not as many different names as lists.
    """
    if names is None:
        return [f"list_{i + 1}" for i in range(n)]
    names = column_names("names", names)
    if len(names) != n or len(set(names)) != n:
        msg = f"names must be {n} different names, one per list, got {names}."
        raise InputError(msg, who="rerank")
    return names
