"""`Cache`: the reranker around a reranker."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from resift import Reranker, Scores, hookimpl
from resift.authors import DEGRADED, Deadline, as_array, instruction_for, take
from resift_cache.entries import aligned, decoded, encoded, rows_of, text_columns
from resift_cache.keys import description, is_identified, list_key, pair_keys
from resift_cache.store import Store, StoreError, default_directory

__all__ = ["Cache"]

_HIT = "_cache_hit"
_WHO = "cache"
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
        deadline = Deadline(timeout)
        looked = self._looked(query, documents, candidates, instruction)
        if not looked.missing:
            return self._answer(looked, None)

        def ask(asked: NDArray[np.int64], seconds: float | None) -> Scores:
            return self._reranker.score(
                query,
                [documents[i] for i in asked],
                None if candidates is None else take(candidates, asked),
                timeout=seconds,
                instruction=instruction_for(self._reranker, instruction),
            )

        fresh = ask(looked.asked, timeout)
        return self._whole(looked, fresh, lambda every: ask(every, deadline.left(_WHO)))

    @hookimpl
    def score_many(
        self,
        queries: Sequence[str],
        documents: Sequence[Sequence[str]],
        timeout: float | None,
        instruction: str | None,
    ) -> list[Scores | Exception]:
        """Ask in one call for what is not kept of all queries, nothing twice."""
        deadline = Deadline(timeout)
        found: dict[int, Scores | Exception] = {}

        words = instruction_for(self._reranker, instruction)

        def ask(i: int) -> Scores:
            left = deadline.left(_WHO)
            given = queries[i], documents[i]
            return self._reranker.score(*given, timeout=left, instruction=words)

        while len(found) < len(queries):
            new: dict[int, _Looked] = {}
            asked: set[bytes] = set()
            for i in (i for i in range(len(queries)) if i not in found):
                looked = self._looked(queries[i], documents[i], None, instruction)
                keys = {looked.keys[k] for k in looked.missing}
                if not keys:
                    found[i] = self._answer(looked, None)
                elif not keys & asked:  # else it is kept after this round
                    new[i] = looked
                    asked |= keys
            if not new:
                break
            answers = self._reranker.score_many(
                [queries[i] for i in new],
                [[documents[i][k] for k in own.asked] for i, own in new.items()],
                deadline.left(self._reranker.who),
                words,
            )
            for (i, own), answer in zip(new.items(), answers, strict=True):
                found[i] = self._tried(own, answer, partial(ask, i))
        return [found[i] for i in range(len(queries))]

    @hookimpl
    def close(self) -> None:
        """Write down how often scores were found, and close the file."""
        with suppress(StoreError):  # only statistics are lost
            if hits := self._take_hits():
                self._store.put({}, self._made_of, hits=hits)
        self._store.close()

    def __reduce__(self) -> tuple[object, ...]:
        return partial(type(self), self._reranker, **self._options), ()

    def _looked(
        self,
        query: str,
        documents: Sequence[str],
        candidates: pa.Table | None,
        instruction: str | None,
    ) -> _Looked:
        """Look up what is kept for a query."""
        n = len(documents)
        salt = f"{self._salt}{instruction or ''}"
        if self._reranker.pointwise:
            keys = pair_keys(salt, query, documents, candidates)
            places = list(np.arange(n).reshape(n, 1))
        else:
            keys = [list_key(salt, query, documents, candidates)]
            places = [np.arange(n)]
        return _Looked(n, keys, places, *self._find(keys))

    def _whole(
        self,
        looked: _Looked,
        fresh: Scores,
        ask: Callable[[NDArray[np.int64]], Scores],
    ) -> Scores:
        """Return the answer; where *fresh* is another model's, *ask* for the whole."""
        if looked.kept and _is_another_models(fresh):
            paid = Counter(fresh.usage)
            looked = replace(looked, kept={})
            fresh = ask(looked.asked)  # scores of two models do not compare
            paid.update(fresh.usage)
            fresh = replace(fresh, usage=dict(paid))
        return self._answer(looked, fresh)

    def _tried(
        self, looked: _Looked, fresh: Scores | Exception, ask: Callable[[], Scores]
    ) -> Scores | Exception:
        """Return the answer to one query of many, or its error."""
        if isinstance(fresh, Exception):
            return fresh
        try:
            return self._whole(looked, fresh, lambda _: ask())
        except Exception as error:  # noqa: BLE001  # of this query alone
            return error

    def _answer(self, looked: _Looked, fresh: Scores | None) -> Scores:
        """Return what was kept and what is *fresh* as one; keep the latter."""
        pieces, notes = looked.pieces(), looked.notes
        hit = np.ones(looked.n, dtype=bool)
        usage: dict[str, float] = {}
        if fresh is not None:
            hit[looked.asked] = False
            pieces.append((looked.asked, fresh))
            usage.update(fresh.usage)
            if not notes:
                notes = self._keep([looked.keys[i] for i in looked.missing], fresh)
        values, columns = aligned(pieces, looked.n)
        said = dict.fromkeys(note for _, scores in pieces for note in scores.notes)
        last = pieces[-1][1]  # the fresh one, where there is one
        if found := int(hit.sum()):
            usage["cached_pairs"] = usage.get("cached_pairs", 0) + found
        return replace(
            last,
            values=values,
            columns={**columns, _HIT: hit},
            notes=(*said, *notes),
            order=None if self._reranker.pointwise else last.order,
            usage=usage,
        )

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


@dataclass(frozen=True)
class _Looked:
    """What is kept for one query.

    Args:
        n: How many documents it has.
        keys: What their scores are kept under.
        places: The documents of each key.
        kept: What is kept, by key.
        notes: What is wrong with the store.
    """

    n: int
    keys: Sequence[bytes]
    places: Sequence[NDArray[np.int64]]
    kept: Mapping[bytes, Scores]
    notes: Sequence[str]

    @property
    def missing(self) -> list[int]:
        """The keys under which nothing is kept, counted from 0."""
        return [i for i, key in enumerate(self.keys) if key not in self.kept]

    @property
    def asked(self) -> NDArray[np.int64]:
        """The documents to be scored."""
        return np.concatenate([self.places[i] for i in self.missing])

    def pieces(self) -> list[tuple[NDArray[np.int64], Scores]]:
        """Return the scores that are kept, each with its documents."""
        kept = self.kept
        return [(self.places[i], kept[k]) for i, k in enumerate(self.keys) if k in kept]


def _is_another_models(scores: Scores) -> bool:
    """Tell whether a `fallback` says that it is not its first choice that answered."""
    return any(getattr(note, "code", "") == "degraded" for note in scores.notes)
