"""Scores as entries of the store, and back: Arrow IPC where a number is not enough."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from resift import Note, Scores
from resift.authors import as_array
from resift_cache.store import Entry

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["aligned", "decoded", "encoded", "rows_of", "text_columns"]

_SAID = b"said"
_OWN = ("score", "place")  # our columns come first, whatever the others are called


def rows_of(scores: Scores) -> Iterable[Scores]:
    """Return the scores of each document by itself, with all that was said of them."""
    arrays = {name: as_array(column) for name, column in scores.columns.items()}
    for i, value in enumerate(scores.values):
        columns = {name: array[i : i + 1] for name, array in arrays.items()}
        yield replace(
            scores, values=np.array([value]), columns=columns, order=None, usage={}
        )


def text_columns(scores: Scores) -> list[str]:
    """Return the names of the columns that hold text."""
    columns = scores.columns.items()
    return [name for name, column in columns if _has_text(as_array(column).type)]


def encoded(scores: Scores, without: Sequence[str] = ()) -> Entry:
    """Return an entry that holds *scores*, but not the columns *without*."""
    import pyarrow as pa

    said = scores.notes or scores.unscored or scores.kind
    if len(scores) == 1 and not scores.columns and not said:
        return Entry(float(scores.values[0]))
    kept = {n: c for n, c in scores.columns.items() if n not in without}
    notes = [_entry_of(note) for note in scores.notes]
    notes += [
        (f"cache: {name!r} is text, kept only with keep_text", "not-kept", "cache")
        for name in without
    ]
    about = {
        "notes": notes,
        "unscored": scores.unscored,
        "kind": scores.kind,
        "score_range": scores.score_range,
    }
    place = pa.nulls(len(scores), pa.int64())
    if scores.order is not None:
        place = pa.array(scores.order)
    batch = pa.record_batch(
        [pa.array(scores.values), place, *kept.values()], [*_OWN, *kept]
    ).replace_schema_metadata({_SAID: json.dumps(about)})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return Entry(np.nan, sink.getvalue().to_pybytes())


def decoded(entry: Entry) -> Scores:
    """Return the scores that an entry holds."""
    import pyarrow as pa

    if entry.extra is None:
        return Scores(np.array([entry.score]))
    batch = pa.ipc.open_stream(entry.extra).read_next_batch()
    values, place, *columns = batch.columns
    names = batch.schema.names[len(_OWN) :]
    order = None if place.null_count else place.to_numpy()
    about = json.loads(batch.schema.metadata[_SAID])
    bounds = about["score_range"]
    return Scores(
        values.to_numpy(),
        dict(zip(names, columns, strict=True)),
        tuple(Note(*note) for note in about["notes"]),
        order,
        unscored=about["unscored"],
        kind=about["kind"],
        score_range=None if bounds is None else tuple(bounds),
    )


def aligned(
    pieces: Sequence[tuple[NDArray[np.int64], Scores]], n: int
) -> tuple[NDArray[np.float64], dict[str, pa.Array]]:
    """Lay the scores of some documents each over all *n* of them.

    Args:
        pieces: Which documents, and their scores.
        n: How many documents there are; each is in one piece.

    Returns:
        The values, shape ``(n,)``, and the columns, null where a piece has none.
    """
    import pyarrow as pa

    values = np.empty(n)
    for documents, scores in pieces:
        values[documents] = scores.values
    if not any(scores.columns for _, scores in pieces):
        return values, {}
    tables = [
        pa.table([pa.array(documents), *scores.columns.values()], ["", *scores.columns])
        for documents, scores in pieces
    ]
    whole = pa.concat_tables(tables, promote_options="permissive").combine_chunks()
    whole = whole.take(np.argsort(whole.column(0).to_numpy()))
    names = whole.column_names[1:]
    return values, {name: whole[name].combine_chunks() for name in names}


def _entry_of(note: str) -> tuple[str, str, str]:
    """Return a note as what `Note` is made of, with where it now comes from."""
    code, reranker = getattr(note, "code", ""), getattr(note, "reranker", "")
    return f"{note} (from the cache)", code, reranker


def _has_text(kind: pa.DataType) -> bool:
    """Tell whether a type holds strings or bytes, at any depth."""
    import pyarrow as pa

    tests = (
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_string_view,
        pa.types.is_binary,
        pa.types.is_large_binary,
        pa.types.is_binary_view,
        pa.types.is_fixed_size_binary,
    )
    if any(test(kind) for test in tests):
        return True
    if pa.types.is_dictionary(kind):
        return _has_text(kind.value_type)
    return any(_has_text(kind.field(i).type) for i in range(kind.num_fields))
