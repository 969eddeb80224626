"""`Cache`: the reranker around a reranker."""

from __future__ import annotations

import functools
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from resift import Reranker, Scores, hookimpl
from resift.authors import DEGRADED, Deadline, as_array, instruction_for, take
from resift_cache.entries import aligned, decoded, encoded, rows_of, text_columns
from resift_cache.keys import description, is_identified, list_key, pair_keys
from resift_cache.store import Store, StoreError, default_directory

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Cache"]

_HIT = "_cache_hit"
_MEGABYTE = 1_000_000
_FORMAT = 2  # of what an entry holds: entries of another one are not found


class Cache:
    """Keep the scores of a reranker on disk, and ask it only for what is not there.

    A score is found again for the same reranker (name, version, options), query and
    text, whatever else is in the list. Where a score depends on the other documents
    (the reranker does not declare `pointwise`), only the same list finds it again.
    Neither queries nor documents are written down, only 16 bytes of a hash of both.

    The cache never stands in the way: where its file cannot be used, the reranker is
    asked for everything, and a note says why. Answers that a `fallback` marks as
    second choice are not kept, nor mixed with what is: it is asked for the whole list.

    Args:
        reranker: Whose scores to keep.
        directory: Where; ``RESIFT_CACHE_DIR`` by default, else ``resift`` in the user's
            cache directory. On a local disk, for SQLite's locks to work.
        ttl: Seconds for which a score is used again; for ever by default. Required for
            a reranker that is not `deterministic`, such as a `boost` by age.
        max_megabytes: What the scores may take up; the oldest are dropped for new ones.
        version: Part of the key: change it when the model behind the same name and
            options changes. Required for a reranker that was not built by name.
        keep_text: Also keep columns that hold text: a passage, a reason.

    Raises:
        ValueError: If an option is out of range, the reranker's options are unknown, or
            scores that change would be kept for ever.
    """

    keeps_answers = True

    def __init__(
        self,
        reranker: Reranker,
        *,
        directory: Path | None = None,
        ttl: float | None = None,
        max_megabytes: float = 256.0,
        version: str = "",
        keep_text: bool = False,
    ) -> None:
        for name, value in (("ttl", ttl), ("max_megabytes", max_megabytes)):
            if value is not None and not value > 0:
                msg = f"{name} must be positive, got {value!r}."
                raise ValueError(msg)
        if not version and not is_identified(reranker.describe()):
            msg = (
                f"version must be given, as {reranker.name!r} was not built by name "
                "and its options are not known. Change it whenever they change."
            )
            raise ValueError(msg)
        if ttl is None and not reranker.traits.deterministic:
            msg = (
                f"ttl must be given, as the scores of {reranker.name!r} are not the "
                "same every time. Say for how many seconds they may be used again."
            )
            raise ValueError(msg)
        self.children = [reranker]
        if spans := getattr(reranker.plugin, "token_spans", None):
            self.token_spans = spans  # for `chunk` around it
        self._reranker = reranker
        self._made_of = description(reranker, version)
        self._keep_text = keep_text
        self._salt = f"{_FORMAT}{self._made_of}{keep_text}"
        self._store = Store(
            directory or default_directory(),
            max_bytes=max_megabytes * _MEGABYTE,
            ttl=ttl,
        )
        self._hits = 0  # not yet written down
        self._lock = threading.Lock()
        self._options: dict[str, Any] = {
            "directory": directory,
            "ttl": ttl,
            "max_megabytes": max_megabytes,
            "version": version,
            "keep_text": keep_text,
        }

    @hookimpl
    def score(
        self,
        query: str,
        documents: Sequence[str],
        candidates: pa.Table | None,
        timeout: float | None,
        instruction: str | None,
    ) -> Scores:
        """Return what is kept, and ask for the rest; never passes `top_k` on."""
        n = len(documents)
        salt = f"{self._salt}{instruction or ''}"
        if self._reranker.pointwise:
            keys = pair_keys(salt, query, documents, candidates)
            places = list(np.arange(n).reshape(n, 1))
        else:
            keys = [list_key(salt, query, documents, candidates)]
            places = [np.arange(n)]
        kept, notes = self._find(keys)
        missing = [i for i, key in enumerate(keys) if key not in kept]
        pieces = [(places[i], kept[k]) for i, k in enumerate(keys) if k in kept]
        hit = np.ones(n, dtype=bool)
        usage: Counter[str] = Counter()
        deadline = Deadline(timeout)

        def ask(asked: NDArray[np.int64], seconds: float | None) -> Scores:
            hit[asked] = False
            fresh = self._reranker.score(
                query,
                [documents[i] for i in asked],
                None if candidates is None else take(candidates, asked),
                timeout=seconds,
                instruction=instruction_for(self._reranker, instruction),
            )
            usage.update(fresh.usage)
            return fresh

        if missing:
            asked = np.concatenate([places[i] for i in missing])
            fresh = ask(asked, timeout)
            pieces.append((asked, fresh))
            if len(asked) < n and _is_another_models(fresh):
                missing, asked = list(range(len(keys))), np.arange(n)
                left = deadline.left("cache")
                fresh = ask(asked, left)  # all: scores of two models do not compare
                pieces = [(asked, fresh)]
            if not notes:
                notes = self._keep([keys[i] for i in missing], fresh)
        values, columns = aligned(pieces, n)
        said = dict.fromkeys(note for _, scores in pieces for note in scores.notes)
        last = pieces[-1][1]  # the fresh one, where there is one
        if found := int(hit.sum()):
            usage["cached_pairs"] += found
        return replace(
            last,
            values=values,
            columns={**columns, _HIT: hit},
            notes=(*said, *notes),
            order=None if self._reranker.pointwise else last.order,
            usage=dict(usage),
        )

    @hookimpl
    def close(self) -> None:
        """Write down how often scores were found, and close the file."""
        with suppress(StoreError):  # only statistics are lost
            if hits := self._take_hits():
                self._store.put({}, self._made_of, hits=hits)
        self._store.close()

    def __reduce__(self) -> tuple[object, ...]:
        return functools.partial(type(self), self._reranker, **self._options), ()

    def _find(self, keys: Sequence[bytes]) -> tuple[dict[bytes, Scores], list[str]]:
        """Return what is kept under *keys*, and what is wrong with the store."""
        try:
            entries = self._store.get(keys)
        except StoreError as error:
            return {}, [f"cache: not used: {error}"]
        with self._lock:
            self._hits += len(entries)
        return {key: decoded(entry) for key, entry in entries.items()}, []

    def _keep(self, keys: Sequence[bytes], fresh: Scores) -> list[str]:
        """Write down new scores; return what is wrong with the store."""
        without = [] if self._keep_text else text_columns(fresh)
        pieces = rows_of(fresh) if self._reranker.pointwise else [fresh]
        entries = {
            key: encoded(scores, without)
            for key, scores in zip(keys, pieces, strict=True)
            if self._is_final(scores)
        }
        try:
            hits = self._take_hits()
            self._store.put(entries, self._made_of, hits=hits, misses=len(keys))
        except StoreError as error:
            return [f"cache: scores were not kept: {error}"]
        return []

    def _is_final(self, scores: Scores) -> bool:
        """Tell whether asking again would give the same."""
        degraded = scores.columns.get(DEGRADED)
        if degraded is not None and any(as_array(degraded).to_pylist()):
            return False
        return not (self._reranker.pointwise and np.isnan(scores.values).any())

    def _take_hits(self) -> int:
        with self._lock:
            hits, self._hits = self._hits, 0
        return hits


def _is_another_models(scores: Scores) -> bool:
    """Tell whether a `fallback` says that it is not its first choice that answered."""
    return any(getattr(note, "code", "") == "degraded" for note in scores.notes)
