"""Several lists: one union of their documents, merged, and scored where wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar

import resift
from resift.errors import InputError
from resift_adapter.answer import Answer
from resift_adapter.ranking import fields_read, picked
from resift_adapter.reader import Reader

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["fuse"]

T = TypeVar("T")
_ID = "_rowid"
_SCORE = "_relevance_score"  # not `_score`, whose least possible value is 0
_TEXT = "text"


def fuse(
    reranker: resift.Reranker,
    query: str,
    lists: Mapping[str, Sequence[T]],
    reader: Reader[T],
    *,
    id_key: str | None = None,
    weights: Sequence[float] | Mapping[str, float] | None = None,
    top_k: int | None = None,
    timeout: float | None = None,
    explain: bool = False,
    notes: tuple[str, ...] = (),
    who: str = "fuse",
) -> Answer[T]:
    """Merge ranked lists by name, and score the best of their union.

    A document is the same in two lists where *id_key* is, else where the id is, if all
    have one, else where the text is. It counts once in a list, at its best rank, and
    is returned as the first list has it.

    Args:
        reranker: The reranker; one that only merges takes a blank query, too.
        query: The query.
        lists: The ranked lists by name, best document first.
        reader: How their documents are read.
        id_key: The field that tells documents apart; compared as text.
        weights: What each list counts for, in order or by its name.
        top_k: How many documents to return; the reranker's own *top_k* by default.
        timeout: Seconds for scoring, for rerankers that can honour it.
        explain: Whether to say where each list had a document.
        notes: What is to be said of the lists already.
        who: What messages call whoever asks.

    Raises:
        InputError: If a document has no *id_key*, or the arguments do not fit.
    """
    keys, guessed = _identities(lists, reader, id_key, who)
    given = list(chain(*lists.values()))
    numbers: dict[str, int] = {}
    first: list[int] = []  # (n_documents,): where each was found first
    for i, key in enumerate(keys):
        if numbers.setdefault(key, len(numbers)) == len(first):
            first.append(i)
    documents = [given[i] for i in first]
    payload = _payload(reranker, documents, reader, who) if reranker.can_score else None
    rows = iter([numbers[key] for key in keys])
    tables = [
        _table([next(rows) for _ in found], found, payload, reader)
        for found in lists.values()
    ]
    found = reranker.rerank(
        query,
        *tables,
        top_k=top_k,
        weights=weights,
        names=list(lists),
        explain=explain,
        timeout=timeout,
        drop=() if payload is None else payload.column_names,
    )
    order = found.column(_ID).to_pylist()
    evidence: list[Mapping[str, object]] = [{}] * len(order)
    if explain:
        rest = found.drop_columns([_ID, _SCORE]).to_pylist()
        evidence = [{"rank": rank, **row} for rank, row in enumerate(rest, start=1)]
    return Answer(
        [documents[number] for number in order],
        found.column(_SCORE).to_pylist(),
        [first[number] for number in order],
        evidence,
        (*notes, *guessed, *resift.notes_of(found)),
    )


def _identities(
    lists: Mapping[str, Sequence[T]], reader: Reader[T], id_key: str | None, who: str
) -> tuple[list[str], tuple[str, ...]]:
    """Return what tells each document apart, list after list, and notes on that."""
    documents = list(chain(*lists.values()))
    if id_key is not None:
        named = [
            (name, place, document)
            for name, found in lists.items()
            for place, document in enumerate(found, start=1)
        ]
        return [
            _key(reader.fields(d), id_key, name, i, who) for name, i, d in named
        ], ()
    ids = [reader.id(document) for document in documents]
    known = [id for id in ids if id is not None]
    if len(known) == len(documents):
        return known, ()
    texts = [reader.text(document) for document in documents]
    keys = [f"#{i}" if text is None else f"={text}" for i, text in enumerate(texts)]
    if not known:
        return keys, ()
    missing = len(documents) - len(known)
    text = (
        f"{who}: {missing} of {len(documents)} documents have no id, so all were told "
        "apart by their text"
    )
    return keys, (resift.Note(text, "told-apart-by-text"),)


def _key(
    fields: Mapping[str, object], id_key: str, name: str, place: int, who: str
) -> str:
    value = fields.get(id_key)
    if value is None:
        keys = ", ".join(map(repr, fields)) or "none"
        msg = (
            f"must be in the metadata of every document, but document {place} of "
            f"{name!r} has no {id_key!r}"
        )
        remedy = f"Keys: {keys}."
        raise InputError(msg, who=who, parameter="id_key", remedy=remedy)
    return str(value)


def _payload(
    reranker: resift.Reranker, documents: Sequence[T], reader: Reader[T], who: str
) -> pa.Table:
    """Return what the reranker reads of each document, and no more."""
    import pyarrow as pa

    columns: dict[str, list[Any]] = {}
    names = fields_read(reranker)
    if names != ():
        rows = [picked(reader.fields(document), names) for document in documents]
        for name in dict.fromkeys(name for row in rows for name in row):
            columns[name] = [row.get(name) for row in rows]
    if reranker.needs_text or reranker.reads_candidates:
        columns[_TEXT] = [reader.text(document) for document in documents]
    for own in (_ID, _SCORE):  # of the union, not of a document
        columns.pop(own, None)
    return pa.table({name: _array(name, v, who) for name, v in columns.items()})


def _array(name: str, values: Sequence[object], who: str) -> pa.Array:
    import pyarrow as pa

    try:
        return pa.array(values)
    except (pa.ArrowException, OverflowError, UnicodeError) as error:
        msg = (
            f"the values of {name!r} in the documents cannot be an Arrow array "
            f"({type(error).__name__})."
        )
        remedy = "Give values of one type."
        raise InputError(msg, who=who, remedy=remedy) from None  # it may quote a text


def _table(
    numbers: list[int],
    found: Sequence[T],
    payload: pa.Table | None,
    reader: Reader[T],
) -> pa.Table:
    import pyarrow as pa

    ids = pa.array(numbers, pa.int64())
    columns = {_ID: ids}
    scores = [reader.score(document) for document in found]
    if any(score is not None for score in scores):
        columns[_SCORE] = pa.array(scores, pa.float64())
    if payload is not None and payload.num_columns:
        rows = payload.take(ids)
        columns |= dict(zip(rows.column_names, rows.columns, strict=True))
    return pa.table(columns)
