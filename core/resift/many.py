"""Many queries at once: a table of them in and one table out, or a stream of blocks.

`rerank_many` works on the offsets of list columns: between the table that comes in and
the table that goes out there is no Python object per document, except its text.
"""

from __future__ import annotations

import functools
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from resift.arrow import RELEVANCE, as_list, as_table, is_list, text_of
from resift.blocks import Block, Limits
from resift.errors import InputError
from resift.notes import with_notes
from resift.pipeline import (
    answers_of,
    enough,
    is_second_best,
    rank_many,
    require_ranking,
    told,
)
from resift.ranking import D
from resift.scores import Scores, as_array, narrowed
from resift.threads import Deadline, off_loop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from concurrent.futures import Executor

    from numpy.typing import NDArray

    from resift.host import Host
    from resift.pipeline import OnError
    from resift.ranking import RankedDocuments
    from resift.settings import Settings

__all__ = [
    "RankStream",
    "is_stream",
    "pairs_of",
    "rank_blocks",
    "rerank_many",
]

_OURS = ("row", "index", "rank", RELEVANCE)
_NO_LIST = (str, bytes, Mapping, AbstractSet)


# Tables -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Lists:
    """A column of lists: all values end to end, and where each list starts.

    Args:
        values: The values; a null list has none.
        starts: Where each list starts, and the end, int64, shape ``(n_rows + 1,)``.
    """

    values: pa.Array
    starts: NDArray[np.int64]

    def place(self, value: int) -> str:
        """Return where a value stands, as messages call it."""
        row = int(np.searchsorted(self.starts, value, side="right")) - 1
        return f"document {value - int(self.starts[row])} of row {row}"


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What is shown of one query: which documents, their scores, and the answer."""

    order: NDArray[np.int64]
    scores: NDArray[np.float32]
    answer: Scores


def rerank_many(
    host: Host,
    queries: object,
    settings: Settings,
    *,
    query: str = "query",
    documents: str = "documents",
    ids: str | None = None,
    timeout: float | None = None,
) -> pa.Table:
    """Rank the documents of every row of a table; `Reranker.rerank_many` says how."""
    require_ranking(host)
    table = as_table(queries, "rerank_many: the queries")
    asked = text_of(_with(table, query, "query"), query, host.who)
    lists = _lists(_with(table, documents, "documents"), documents, "documents")
    fields = _fields(lists.values)
    columns = pa.table({documents: lists.values}) if fields is None else fields
    text = documents if fields is None else settings.text_column
    texts = text_of(columns, text, host.who, lists.place)
    found = None if ids is None else _ids(table, ids, lists, fields)
    chosen = []
    lengths = np.diff(lists.starts)
    sent = _sent(lists.starts, settings.window)
    answers = _scored(
        host,
        asked,  # type: ignore[arg-type]  # a null query is refused there
        [texts[i:j] for i, j in sent],
        [None if fields is None else fields.slice(i, j - i) for i, j in sent],
        settings,
        timeout,
    )
    for row, (scores, n) in enumerate(zip(answers, lengths.tolist(), strict=True)):
        if isinstance(scores, Exception):
            scores.add_note(f"It was asked by row {row} of the table.")
            raise scores
        chosen.append(_chosen(host, scores, n, settings))
    return _written(host, chosen, lists.starts, ids, found)


def _with(table: pa.Table, name: str, argument: str) -> pa.Table:
    """Return the table, if it has a column of that name."""
    if name in table.schema.names:
        return table
    columns = ", ".join(map(repr, table.column_names))
    msg = (
        f"the table has no column {name!r}. Columns: {columns}. Name the "
        f"right one with {argument}=...."
    )
    raise InputError(msg, who="rerank_many")


def _lists(table: pa.Table, name: str, argument: str) -> _Lists:
    column = table.column(name).combine_chunks()
    if not is_list(column.type):
        msg = f"{argument} must be a column of lists, got {column.type}."
        raise InputError(msg, who="rerank_many")
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy()
    starts = np.concatenate([[0], lengths]).cumsum(dtype=np.int64)
    return _Lists(pc.list_flatten(column), starts)


def _fields(values: pa.Array) -> pa.Table | None:
    """Return structs as a table of their fields, null where a struct is; else None."""
    if not pa.types.is_struct(values.type):
        return None
    names = [field.name for field in values.type]
    return pa.table(dict(zip(names, values.flatten(), strict=True)))


def _ids(
    table: pa.Table, ids: str, lists: _Lists, fields: pa.Table | None
) -> pa.Array | pa.ChunkedArray:
    """Return the ids of all documents: a list column, or a field of the documents."""
    if ids in _OURS:
        msg = f"ids must not be called {ids!r}, as an added column is."
        raise InputError(msg, who="rerank_many")
    if fields is not None and ids not in table.schema.names:
        return _with(fields, ids, "ids").column(ids)
    own = _lists(_with(table, ids, "ids"), ids, "ids")
    if not np.array_equal(own.starts, lists.starts):
        differ = np.diff(own.starts) != np.diff(lists.starts)
        msg = f"row {int(differ.argmax())} must have one id per document."
        raise InputError(msg, who="rerank_many")
    return own.values


def _sent(starts: NDArray[np.int64], window: int | None) -> list[tuple[int, int]]:
    """Return where the documents of each query start and stop that are scored."""
    stops = starts[1:]
    if window is not None:
        stops = np.minimum(stops, starts[:-1] + window)
    return list(zip(starts[:-1].tolist(), stops.tolist(), strict=True))


def _scored(
    host: Host,
    queries: Sequence[str],
    texts: Sequence[Sequence[str | None]],
    candidates: Sequence[pa.Table | None],
    settings: Settings,
    timeout: float | None,
) -> Iterator[Scores | Exception]:
    """Yield the scores of each query, all scored together where that is possible."""
    if host.packs and not host.traits.wants_candidates:
        yield from answers_of(host, queries, texts, settings, timeout, Limits())
        return
    deadline = Deadline(timeout)
    for query, own, table in zip(queries, texts, candidates, strict=True):
        left = deadline.left(host.who)
        try:
            yield host.score(
                query, own, table, settings.top_k, left, settings.instruction
            )
        except Exception as error:  # noqa: BLE001  # the caller says of which row
            yield error


def _chosen(host: Host, scores: Scores, n: int, settings: Settings) -> _Chosen:
    scores, shown = enough(host, told(scores, host.name), settings)
    order = scores.ranking()
    if len(order) < n:  # beyond the window
        order = np.concatenate([order, np.arange(len(order), n)])
    values = np.full(n, np.nan, dtype=np.float32)
    values[: len(scores)] = narrowed(scores.values, host.who)
    return _Chosen(order[:shown], values[order[:shown]], scores)


def _written(
    host: Host,
    chosen: Sequence[_Chosen],
    starts: NDArray[np.int64],
    ids: str | None,
    found: pa.Array | pa.ChunkedArray | None,
) -> pa.Table:
    """Return one row per document shown, query by query, best first."""
    lengths = np.array([len(one.order) for one in chosen], dtype=np.int64)
    rows = np.repeat(np.arange(len(chosen)), lengths)
    empty: list[NDArray[np.int64]] = [np.empty(0, dtype=np.int64)]
    index = np.concatenate(empty + [one.order for one in chosen])
    ranks = np.arange(len(rows)) - np.repeat(lengths.cumsum() - lengths, lengths) + 1
    narrow = np.concatenate(
        [np.empty(0, dtype=np.float32), *(one.scores for one in chosen)]
    )
    written = {
        "row": pa.array(rows, pa.int64()),
        "index": pa.array(index, pa.int64()),
        "rank": pa.array(ranks, pa.int64()),
        RELEVANCE: pa.array(narrow, mask=np.isnan(narrow)),
    }
    if ids is not None and found is not None:
        written[ids] = found.take(pa.array(starts[rows] + index))
    for name, column in _evidence(chosen).items():
        if name in written:
            msg = f"two added columns would be called {name!r}."
            raise InputError(msg, who=host.who)
        written[name] = column
    answers = [one.answer for one in chosen]
    usage: Counter[str] = Counter()
    for answer in answers:
        usage.update(answer.usage)
    return with_notes(
        pa.table(written),
        (note for answer in answers for note in answer.notes),
        usage,
        degraded=any(map(is_second_best, answers)),
    )


def _evidence(chosen: Sequence[_Chosen]) -> dict[str, pa.ChunkedArray]:
    """Return the extra columns of all answers, null where an answer has none."""
    shown = [
        [name for name in one.answer.columns if not name.startswith("_")]
        for one in chosen
    ]
    names = dict.fromkeys(name for own in shown for name in own)
    if not names:
        return {}
    parts = []
    for one, own in zip(chosen, shown, strict=True):
        place = pa.array(one.order, mask=one.order >= len(one.answer))
        columns = {name: pa.nulls(len(one.order)) for name in names}
        for name in own:
            columns[name] = as_array(one.answer.columns[name]).take(place)
        parts.append(pa.table(columns))
    rows = pa.concat_tables(parts, promote_options="permissive").combine_chunks()
    return dict(zip(names, rows.columns, strict=True))


# Streams ------------------------------------------------------------------------


def is_stream(values: object) -> bool:
    """Return whether *values* has no length: an iterator, a generator, a reader."""
    return isinstance(values, Iterable) and not hasattr(values, "__len__")


def pairs_of(
    host: Host, queries: Iterable[str], documents: Iterable[Iterable[D]]
) -> Iterator[tuple[str, Iterable[D]]]:
    """Return each query with its documents, of which one or both are a stream.

    Raises:
        InputError: If one of the two is no list of anything; while they are read, if
            one of them ends before the other.
    """
    given: tuple[object, object] = (queries, documents)
    if any(isinstance(v, _NO_LIST) or not isinstance(v, Iterable) for v in given):
        host.refuse_pairs(queries, documents)
    return _paired(host, queries, documents)


def _paired(
    host: Host, queries: Iterable[str], documents: Iterable[Iterable[D]]
) -> Iterator[tuple[str, Iterable[D]]]:
    ends = object()
    lists = iter(documents)
    n = 0
    for n, query in enumerate(queries, 1):
        given = next(lists, ends)
        if given is ends:
            msg = (
                f"rank_many needs one list of documents per query, got no list for "
                f"query {n}, counted from 1."
            )
            raise InputError(msg, who=host.who)
        yield query, given  # type: ignore[misc]  # the sentinel is not among them
    if next(lists, ends) is not ends:
        msg = (
            f"rank_many needs one list of documents per query, got {n} queries and "
            "more lists."
        )
        raise InputError(msg, who=host.who)


def rank_blocks(
    host: Host,
    pairs: Iterable[tuple[str, Iterable[D]]],
    settings: Settings,
    limits: Limits,
    *,
    timeout: float | None,
    on_error: OnError,
) -> Iterator[list[RankedDocuments[D] | Exception]]:
    """Yield the rankings of as many pairs as are scored together, in order."""
    queries: list[str] = []
    lists: list[Sequence[D]] = []
    block = Block(limits)
    ranked = functools.partial(
        rank_many,
        host,
        settings=settings,
        timeout=timeout,
        on_error=on_error,
        limits=None,
    )
    for query, given in pairs:
        documents = as_list(given, host.who)
        n = len(documents) if hasattr(documents, "__len__") else 0
        n = n if settings.window is None else min(n, settings.window)
        if not block.takes(n, _letters(documents[:n], settings) if n else 0):
            yield ranked(queries, lists)
            queries, lists = [], []
        queries.append(query)
        lists.append(documents)
    if queries:
        yield ranked(queries, lists)


class RankStream(Iterator["RankedDocuments[D] | Exception"], Generic[D]):
    """The rankings of all blocks, one by one; holds those of one block.

    Args:
        blocks: The rankings of each block, made when they are asked for.
    """

    def __init__(self, blocks: Iterator[list[RankedDocuments[D] | Exception]]) -> None:
        self._blocks = blocks
        self._ready: deque[RankedDocuments[D] | Exception] = deque()

    def __next__(self) -> RankedDocuments[D] | Exception:
        if not self._ready:
            self._ready.extend(next(self._blocks))
        return self._ready.popleft()

    async def awaited(
        self, executor: Executor | None
    ) -> AsyncIterator[RankedDocuments[D] | Exception]:
        """Yield the same, each block read and ranked in a worker thread."""
        while block := await off_loop(executor, next, self._blocks, None):
            self._ready.extend(block)
            block.clear()
            while self._ready:
                yield self._ready.popleft()


def _letters(documents: Sequence[object], settings: Settings) -> int:
    """Return how long the texts of strings and mappings are together."""
    text = settings.text_column
    names = [text] if isinstance(text, str) else text
    return sum(
        len(part)
        for document in documents
        for part in (
            [document.get(name) for name in names]
            if isinstance(document, Mapping)
            else [document]
        )
        if isinstance(part, str)
    )
