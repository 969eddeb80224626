"""Layouts: how queries and their candidates stand in the rows of a table."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from resift.errors import InputError
from resift_batch.queries import Queries
from resift_batch.rows import Columns, Rows

__all__ = ["Columned", "Extent", "Layout", "Lists", "Pairs", "layout_of"]

_QUERY = ("query", "question", "query_text", "queries", "text")
_QID = ("qid", "query_id", "queryid", "query-id", "_id", "id")
_CANDIDATES = (
    *("candidates", "documents", "docs", "passages", "contexts", "ctxs"),
    *("hits", "results", "texts"),
)
_ID = (
    *("docno", "doc_id", "docid", "document_id", "pid", "passage_id", "corpus_id"),
    *("corpus-id", "id", "_id"),
)
_IDS = (
    *("ids", "doc_ids", "docids", "docnos", "pids", "candidate_ids"),
    *("document_ids", "passage_ids"),
)
_TEXT = ("text", "contents", "content", "passage", "document", "body")
_TRIPLE = ({"positive", "negative"}, {"pos", "neg"}, {"anchor", "positive"})


@dataclass(frozen=True)
class Columned:
    """The columns that the caller named, and more that a reranker reads.

    Args:
        query: That of the query's text.
        qid: That of the query's id.
        candidates: That of the lists of candidates.
        id: That of the candidates' ids.
        text: That of their texts.
        more: Columns of the candidates that the reranker reads.
    """

    query: str | None = None
    qid: str | None = None
    candidates: str | None = None
    id: str | None = None
    text: str | None = None
    more: Sequence[str] = ()


@dataclass(frozen=True)
class Extent:
    """Where queries stand, as planning needs it: one item per query.

    Args:
        rows: The first row of each, counted in the whole table.
        pairs: How many candidates each has.
        qids: Their ids, or None where there are none.
    """

    rows: NDArray[np.int64]
    pairs: NDArray[np.int64]
    qids: Sequence[object]


class Layout(ABC):
    """How queries and candidates stand in the rows of a table."""

    name: str

    @abstractmethod
    def extents(self, rows: Rows) -> Iterator[Extent]:
        """Yield where the queries stand, in order."""

    @abstractmethod
    def read(self, rows: Rows, start: int, n: int) -> Queries:
        """Return the queries in *n* rows from *start*."""

    def table(self) -> dict[str, object]:
        """Return it as plain data, from which `layout_of` makes it again."""
        return {"layout": self.name, **asdict(self)}  # type: ignore[call-overload]  # a dataclass


@dataclass(frozen=True)
class Lists(Layout):
    """A row per query, with a list of candidates.

    Args:
        query: The column of the query's text.
        qid: That of its id; None where the row number is.
        candidates: The column of lists, of structs or of texts.
        id: The field of the structs that holds the id, or a column of lists beside it;
            None where the place in the list is the id.
        text: The field of the structs that holds the text; "" for lists of texts.
        more: More fields that the reranker reads.
    """

    query: str
    qid: str | None
    candidates: str
    id: str | None
    text: str
    more: Sequence[str] = ()
    name = "lists"

    @classmethod
    def of(cls, schema: pa.Schema, given: Columned, where: str) -> Self:
        """Find the columns of a table by their names and types."""
        lists = [f.name for f in schema if _item(f.type) is not None]
        query = _column(schema.names, given.query, _QUERY, "query", where)
        candidates = _column(lists, given.candidates, _CANDIDATES, "candidates", where)
        qid = _optional(schema.names, given.qid, _QID, "qid", where)
        item = _item(schema.field(candidates).type)
        if item is None or not pa.types.is_struct(item):
            others = [name for name in lists if name != candidates]
            ids = _optional(others, given.id, _IDS, "id", where)
            _refuse(given.text, "text", f"{where}: {candidates!r} holds the texts")
            _require(not given.more, given.more, where)
            return cls(query, qid, candidates, ids, "")
        place = f"{where}: the candidates"
        fields = [f.name for f in item]
        text = _column(fields, given.text, _TEXT, "text", place)
        ids = _optional(fields, given.id, _ID, "id", place)
        _require(set(given.more) <= set(fields), given.more, where)
        return cls(query, qid, candidates, ids, text, tuple(given.more))

    def extents(self, rows: Rows) -> Iterator[Extent]:
        fields = (self.id or self.text,) if self.text else ()
        wanted: dict[str, Sequence[str]] = {self.candidates: fields}
        if self.qid is not None:
            wanted[self.qid] = ()
        start = 0
        for table in rows.scan(wanted):
            lengths = pc.fill_null(pc.list_value_length(table[self.candidates]), 0)
            qids = table[self.qid] if self.qid is not None else None
            yield Extent(
                np.arange(start, start + len(table)),
                lengths.to_numpy().astype(np.int64),
                [None] * len(table) if qids is None else decoded(qids),
            )
            start += len(table)

    def read(self, rows: Rows, start: int, n: int) -> Queries:
        table = rows.read(start, n, self._columns())
        lists = _one(table[self.candidates])
        lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
        offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        items = lists.flatten()
        documents = items.field(self.text) if self.text else items
        if self.text and items.null_count:  # a null struct is a null text
            documents = pc.if_else(items.is_valid(), documents, None)
        if self.id is None:
            ids = pa.array(np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths))
        elif self.text:
            ids = items.field(self.id)
        else:
            ids = _aligned(_one(table[self.id]), lengths)
        numbers = np.arange(start, start + n)
        return Queries(
            rows=numbers,
            qids=pa.array(numbers) if self.qid is None else identity(table[self.qid]),
            texts=as_text(table[self.query]),
            offsets=offsets,
            ids=identity(ids),
            documents=as_text(documents),
            columns=pa.table({name: items.field(name) for name in self.more})
            if self.more
            else None,
        )

    def _columns(self) -> Columns:
        fields = {self.id, self.text, *self.more} - {None, ""} if self.text else ()
        wanted: dict[str, Sequence[str]] = {self.query: ()}
        wanted[self.candidates] = sorted(map(str, fields))
        for name in (self.qid, None if self.text else self.id):
            if name is not None:
                wanted[name] = ()
        return wanted


@dataclass(frozen=True)
class Pairs(Layout):
    """A row per pair of query and candidate; those of a query stand together.

    Args:
        query: The column of the query's text.
        qid: That of its id; None where the text is.
        id: That of the candidate's id; None where its place is.
        text: That of its text.
        more: More columns that the reranker reads.
    """

    query: str
    qid: str | None
    id: str | None
    text: str
    more: Sequence[str] = ()
    name = "pairs"

    @classmethod
    def of(cls, schema: pa.Schema, given: Columned, where: str) -> Self:
        """Find the columns of a table by their names."""
        _refuse(given.candidates, "candidates", f"{where} has a row per pair")
        query = _column(schema.names, given.query, _QUERY[:-1], "query", where)
        names = [name for name in schema.names if name != query]
        qid = _optional(names, given.qid, _QID[:-2], "qid", where)
        ids = _optional([n for n in names if n != qid], given.id, _ID, "id", where)
        text = _column(names, given.text, _TEXT, "text", where)
        _require(set(given.more) <= set(schema.names), given.more, where)
        return cls(query, qid, ids, text, tuple(given.more))

    def extents(self, rows: Rows) -> Iterator[Extent]:
        key = self.qid or self.query
        start, open_row, open_key = 0, 0, None  # of the query whose rows go on
        for table in rows.scan({key: ()}, step=65_536):
            column = _one(table[key])
            first = np.flatnonzero(_starts(column))
            keys = decoded(column.take(pa.array(first)))
            if start and keys[0] == open_key:  # it began in the rows before
                first, keys = first[1:], keys[1:]
            if len(first):
                begun = first + start
                if start:
                    begun, keys = np.append(open_row, begun), [open_key, *keys]
                yield Extent(begun[:-1], np.diff(begun), keys[:-1])
                open_row, open_key = int(begun[-1]), keys[-1]
            start += len(table)
        if start:
            yield Extent(np.array([open_row]), np.array([start - open_row]), [open_key])

    def read(self, rows: Rows, start: int, n: int) -> Queries:
        key = self.qid or self.query
        named = (key, self.query, self.id, self.text, *self.more)
        table = rows.read(start, n, {name: () for name in named if name is not None})
        first = np.flatnonzero(_starts(_one(table[key])))
        offsets = np.append(first, n)
        places = np.arange(n) - np.repeat(first, np.diff(offsets))
        at = pa.array(first)
        return Queries(
            rows=first + start,
            qids=identity(_one(table[key]).take(at)),
            texts=as_text(_one(table[self.query]).take(at)),
            offsets=offsets,
            ids=pa.array(places) if self.id is None else identity(table[self.id]),
            documents=as_text(table[self.text]),
            columns=table.select(list(self.more)) if self.more else None,
        )


def layout_of(
    schema: pa.Schema, layout: str, given: Columned, where: str
) -> Lists | Pairs:
    """Return the layout of a table: the one that is named, or what it looks like.

    Raises:
        InputError: If the columns are not there, or the table is for training.
    """
    names = {name.casefold() for name in schema.names}
    for triple in _TRIPLE:
        if triple <= names and not given.text and not given.candidates:
            both = " and ".join(map(repr, sorted(triple)))
            msg = f"{where} has {both} for each query: examples to train with."
            remedy = "Give candidates in one column: a list of them, or a row each."
            raise InputError(msg, remedy=remedy)
    if layout == "auto":
        has_lists = any(_item(field.type) is not None for field in schema)
        layout = "lists" if has_lists else "pairs"
    return (Lists if layout == "lists" else Pairs).of(schema, given, where)


def _item(kind: pa.DataType) -> pa.DataType | None:
    """Return what a list of texts or structs holds; None for all else."""
    lists = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    if not any(is_list(kind) for is_list in lists):
        return None
    item = kind.value_type
    if pa.types.is_struct(item) or _is_text(item) or pa.types.is_integer(item):
        return item
    return None


def _is_text(kind: pa.DataType) -> bool:
    texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(is_text(kind) for is_text in texts)


def _column(
    names: Sequence[str],
    given: str | None,
    usual: Sequence[str],
    what: str,
    where: str,
) -> str:
    """Return the column that is named, or else is called as usual.

    Raises:
        InputError: If there is none.
    """
    found = _optional(names, given, usual, what, where)
    if found is None:
        known = ", ".join(map(repr, names)) or "none"
        msg = f"no column of the {what} was found. Columns: {known}."
        raise InputError(msg, remedy=f"Name it: --{what} COLUMN.", place=where)
    return found


def _optional(
    names: Sequence[str],
    given: str | None,
    usual: Sequence[str],
    what: str,
    where: str,
) -> str | None:
    if given is None:
        known = {name.casefold(): name for name in reversed(names)}
        return next((known[name] for name in usual if name in known), None)
    if given not in names:
        known_names = ", ".join(map(repr, names)) or "none"
        msg = f"unknown column {given!r} (--{what}). Columns: {known_names}."
        raise InputError(msg, place=where)
    return given


def _refuse(given: str | None, option: str, why: str) -> None:
    if given is not None:
        msg = f"--{option} has no effect: {why}."
        raise InputError(msg)


def _require(found: object, columns: Sequence[str], where: str) -> None:
    """Refuse candidates that lack what the reranker reads."""
    if not found:
        wanted = ", ".join(map(repr, columns))
        msg = f"the reranker reads {wanted}, which the candidates do not have."
        raise InputError(msg, place=where)


def _one(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return a column in one piece."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    return column.storage if isinstance(column, pa.ExtensionArray) else column


def _starts(keys: pa.Array) -> NDArray[np.bool_]:
    """Return where another key begins; null is a key of its own."""
    if not len(keys):
        return np.zeros(0, dtype=bool)
    ended = pc.run_end_encode(keys).run_ends.to_numpy()
    starts = np.zeros(len(keys), dtype=bool)
    starts[0] = True
    starts[ended[:-1]] = True
    return starts


def _aligned(lists: pa.Array, lengths: NDArray[np.int64]) -> pa.Array:
    """Return the ids of all candidates, null where a list is not as long as theirs."""
    own = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    items = lists.flatten()
    if (own == lengths).all():
        return items
    starts = np.concatenate([[0], np.cumsum(own)[:-1]])
    found: list[int | None] = []
    for start, has, wanted in zip(starts, own, lengths, strict=True):
        mine = range(int(start), int(start + wanted))
        found += mine if has == wanted else [None] * int(wanted)
    return items.take(pa.array(found, pa.int64()))


def decoded(column: pa.Array | pa.ChunkedArray) -> list[object]:
    """Return values to compare; bytes where a text cannot be decoded."""
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:
        return list(column.cast(pa.large_binary()).to_pylist())


def identity(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return ids as whole numbers where they are some, else as strings."""
    array = _one(column)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    kind = pa.int64() if pa.types.is_integer(array.type) else pa.string()
    return array.cast(kind)


def as_text(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return a column of texts.

    Raises:
        InputError: If it holds anything else.
    """
    array = _one(column)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_null(array.type) or _is_text(array.type):
        return array.cast(pa.large_string())
    msg = f"A column of texts must hold strings, got {array.type}."
    raise InputError(msg)
