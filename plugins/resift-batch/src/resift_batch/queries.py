"""Queries with their candidates, as Arrow arrays: what every layout is read into."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

__all__ = ["Limits", "Queries", "Reject"]


@dataclass(frozen=True)
class Limits:
    """What a query may have at most; what has more is set aside.

    Args:
        candidates: Candidates of one query.
        text: Bytes of one text.
    """

    candidates: int
    text: int


@dataclass(frozen=True)
class Reject:
    """A query without an answer, and why.

    Args:
        row: Where it stands in the input, counted from 0.
        qid: Its id; None where that is unreadable.
        code: What kind of fault it is.
        reason: A sentence, without the text of a query or document.
    """

    row: int
    qid: int | str | None
    code: str
    reason: str


@dataclass(frozen=True)
class Queries:
    """Some queries of the input, one after the other.

    Args:
        rows: Where each stands in the input, shape ``(n_queries,)``.
        qids: Their ids.
        texts: Their texts.
        offsets: Where the candidates of each begin, shape ``(n_queries + 1,)``.
        ids: The ids of all candidates.
        documents: The texts of all candidates.
        columns: More columns of the candidates, for rerankers that read them.
    """

    rows: NDArray[np.int64]
    qids: pa.Array
    texts: pa.Array
    offsets: NDArray[np.int64]
    ids: pa.Array
    documents: pa.Array
    columns: pa.Table | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def blocks(self, pairs: int) -> Iterator[range]:
        """Yield runs of queries that have *pairs* pairs together, or little more."""
        start = 0
        for i in range(len(self)):
            if self.offsets[i + 1] - self.offsets[start] >= pairs or i + 1 == len(self):
                yield range(start, i + 1)
                start = i + 1

    def rejects(self, limits: Limits) -> dict[int, Reject]:
        """Return the queries that cannot be ranked, by their number here."""
        found: dict[int, Reject] = {}
        readable = {
            name: _readable(array)
            for name, array in (
                ("query id", self.qids),
                ("query", self.texts),
                ("candidate id", self.ids),
                ("text", self.documents),
            )
        }
        sizes = _sizes(self.documents)
        no_id = self.ids.is_null().to_numpy(zero_copy_only=False)
        for i in range(len(self)):
            fault = next(self._faults(i, limits, readable, sizes, no_id), None)
            if fault is not None:
                qid = self.qids[i].as_py() if readable["query id"][i] else None
                found[i] = Reject(int(self.rows[i]), qid, *fault)
        return found

    def _faults(
        self,
        i: int,
        limits: Limits,
        readable: dict[str, NDArray[np.bool_]],
        sizes: NDArray[np.int64],
        no_id: NDArray[np.bool_],
    ) -> Iterator[tuple[str, str]]:
        """Yield why query *i* cannot be ranked: codes and reasons."""
        mine = slice(self.offsets[i], self.offsets[i + 1])
        n = int(mine.stop - mine.start)
        for name, valid in readable.items():
            if not valid[i if name.startswith("query") else mine].all():
                yield "invalid-utf8", f"A {name} is not valid UTF-8."
        if not self.qids[i].is_valid:
            yield "no-query-id", "The query id is null."
        if not (self.texts[i].as_py() or "").strip():
            yield "no-query", "The query is null or blank."
        if not n:
            yield "no-candidates", "The query has no candidates."
        if n > limits.candidates:
            reason = f"{n} candidates; --max-candidates allows {limits.candidates}."
            yield "too-many-candidates", reason
        if no_id[mine].any():
            yield "no-id", "A candidate has no id."
        if n and (longest := int(sizes[mine].max())) > limits.text:
            reason = f"A text of {longest} bytes; --max-text allows {limits.text}."
            yield "text-too-large", reason


def _readable(array: pa.Array) -> NDArray[np.bool_]:
    """Return which values are valid UTF-8."""
    try:
        array.validate(full=True)
    except pa.ArrowInvalid:
        return np.array([_is_readable(value) for value in array], dtype=bool)
    return np.ones(len(array), dtype=bool)


def _is_readable(value: pa.Scalar) -> bool:
    try:
        value.as_py()
    except UnicodeDecodeError:
        return False
    return True


def _sizes(array: pa.Array) -> NDArray[np.int64]:
    """Return the length of each text in bytes, 0 for null."""
    sizes = pc.fill_null(pc.binary_length(array), 0)
    found: NDArray[np.int64] = sizes.to_numpy(zero_copy_only=False)
    return found
