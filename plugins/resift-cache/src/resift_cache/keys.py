"""Keys: what a score depends on, as 16 bytes; never the text itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from itertools import repeat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from resift import Reranker

__all__ = ["description", "is_identified", "list_key", "pair_keys"]

_BYTES = 16
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def description(reranker: Reranker, version: str) -> str:
    """Return what *reranker* is made of, secrets left out, as canonical JSON."""
    made_of = reranker.describe() | ({"cache_version": version} if version else {})
    return json.dumps(made_of, sort_keys=True, ensure_ascii=False)


def is_identified(made_of: object) -> bool:
    """Tell whether a description says everything that a score depends on.

    An instance or a function that was not built by name has options nobody can read.
    """
    if isinstance(made_of, Mapping):
        unnamed = "use" in made_of and "version" not in made_of
        return not unnamed and all(map(is_identified, made_of.values()))
    if isinstance(made_of, list):
        return all(map(is_identified, made_of))
    return not (isinstance(made_of, str) and _ADDRESS.search(made_of))


def pair_keys(
    made_of: str, query: str, documents: Sequence[str], candidates: pa.Table | None
) -> list[bytes]:
    """Return one key per document: the reranker, the query, the text, the row."""
    start = blake2b(digest_size=_BYTES)
    _feed(start, made_of.encode(), _encoded(query))
    rows: Iterable[tuple[bytes, ...]] = repeat(())
    if candidates is not None:
        _feed(start, str(candidates.schema.remove_metadata()).encode())
        columns = map(candidates.column, candidates.column_names)
        rows = zip(*map(_cells, columns), strict=True)
    keys = []
    for document, cells in zip(documents, rows, strict=False):
        key = start.copy()
        _feed(key, _encoded(document), *cells)
        keys.append(key.digest())
    return keys


def list_key(
    made_of: str, query: str, documents: Sequence[str], candidates: pa.Table | None
) -> bytes:
    """Return one key for the whole list, the order of its documents included."""
    parts = pair_keys(made_of, query, documents, candidates)
    return blake2b(b"".join(parts), digest_size=_BYTES, person=b"list").digest()


def _feed(key: blake2b, *parts: bytes) -> None:
    """Add parts and their lengths, so that no two sequences of parts look alike."""
    for part in parts:
        key.update(len(part).to_bytes(8, "little"))
        key.update(part)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _cells(column: pa.ChunkedArray) -> list[bytes]:
    """Return the content of each cell; vectors without a detour over Python floats."""
    import pyarrow as pa

    array = column.combine_chunks()
    if pa.types.is_fixed_size_list(array.type) and not array.null_count:
        values = array.flatten()
        if pa.types.is_floating(values.type) and not values.null_count:
            matrix = values.to_numpy(zero_copy_only=False).reshape(len(array), -1)
            return [row.tobytes() for row in matrix]
    return [_encoded(repr(cell)) for cell in array.to_pylist()]
