"""Keys: what a score depends on, as 16 bytes; never the text itself."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from hashlib import blake2b
from itertools import repeat
from typing import TYPE_CHECKING

from resift.authors import catalog
from resift.errors import PluginError

if TYPE_CHECKING:
    import pyarrow as pa

    from resift import Reranker

__all__ = ["description", "is_identified", "list_key", "pair_keys"]

_BYTES = 16
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def description(reranker: Reranker, version: str) -> str:
    """Return what the scores of *reranker* depend on, as canonical JSON.

    That is its name, version and options, and those of the rerankers in it, without
    secrets and without the options that its class declares `neutral_options`: a
    timeout or a batch size changes no score.
    """
    made_of = reranker.describe() | ({"cache_version": version} if version else {})
    return json.dumps(_without_neutral(made_of), sort_keys=True, ensure_ascii=False)


def _without_neutral(made_of: object) -> object:
    if isinstance(made_of, list):
        return [_without_neutral(part) for part in made_of]
    if not isinstance(made_of, Mapping):
        return made_of
    neutral = _neutral_options(str(made_of["use"])) if "use" in made_of else ()
    return {
        name: {k: _without_neutral(v) for k, v in part.items() if k not in neutral}
        if name == "options" and isinstance(part, Mapping)
        else _without_neutral(part)
        for name, part in made_of.items()
    }


def _neutral_options(use: str) -> Collection[str]:
    """Return the options of a reranker that change no score, as its class says."""
    try:
        cls = catalog().find(use).load()
    except PluginError:  # an instance that was not built by name
        return ()
    return tuple(getattr(cls, "neutral_options", ()))


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
