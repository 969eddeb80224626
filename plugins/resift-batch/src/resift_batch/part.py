"""One part of a job: read, rank block by block, write."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

import resift
from resift.errors import (
    BackendError,
    BackendTimeoutError,
    BadRequestError,
    InputError,
    RateLimitError,
    ResiftError,
    ServerError,
)
from resift_batch.fingerprint import Input
from resift_batch.folder import Folder
from resift_batch.plan import Part
from resift_batch.queries import Limits, Queries, Reject
from resift_batch.source import Source

__all__ = ["FUTILE", "Done", "footer", "missing_parts", "run_part"]

FUTILE = 32
"""Queries that may fail one after the other before a job stops."""
_FOOTER = b"resift.batch"
_LONGEST = 60.0  # seconds between two attempts
_NONE: NDArray[np.int64] = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Done:
    """What became of a part.

    Args:
        number: The part.
        queries: Its queries.
        answered: Those that were ranked.
        rejected: Those that could not be.
        failed: Those of them at which the reranker failed.
        pairs: Candidates that were returned.
        usage: What it cost.
    """

    number: int
    queries: int
    answered: int
    rejected: int
    failed: int = 0
    pairs: int = 0
    usage: Mapping[str, float] = field(default_factory=dict)


def run_part(
    out: Path | str,
    number: int,
    *,
    careful: bool = False,
    skip: Sequence[int] = (),
) -> Done:
    """Do one part of the job in the folder *out*.

    Safe to call twice, or at the same time: the same bytes are written.

    Args:
        out: The folder, with a manifest.
        number: The part, from 0.
        careful: Keep a file that says which block is being ranked, so that it is known
            where a process died.
        skip: Blocks to set aside, at which a process died.

    Raises:
        BackendError: If the reranker's model or server fails; nothing is written.
        InputError: If the input changed, or a row is bad and the job is to stop there.
        OSError: If nothing can be written.
    """
    folder = Folder(Path(out))
    job = _opened(Path(out).resolve(), folder.manifest.read_bytes())
    return job.run(number, careful=careful, skip=skip)


def missing_parts(out: Path | str) -> list[int]:
    """Return the parts of the job in the folder *out* that are not done.

    Raises:
        InputError: If there is no job.
    """
    folder = Folder(Path(out))
    manifest = folder.read_manifest()
    if manifest is None:
        msg = f"{out} holds no job. Start one: resift batch SOURCE {out} -r NAME."
        raise InputError(msg, who=str(out))
    return [n for n in range(len(manifest["parts"])) if not folder.part(n).exists()]


def footer(path: Path) -> Done:
    """Return what the file of a part says of it.

    Raises:
        InputError: If it is none.
    """
    try:
        metadata = pq.read_metadata(path)
        found = Done(**json.loads(metadata.metadata[_FOOTER]))
    except (pa.ArrowException, KeyError, TypeError, ValueError):
        msg = f"{path} is no part of a job."
        raise InputError(
            msg, remedy="Remove it, and run the command again.", who=str(path)
        ) from None
    if metadata.num_rows != found.pairs:
        msg = f"{path} has {metadata.num_rows} rows, but should have {found.pairs}."
        raise InputError(
            msg, remedy="Remove it, and run the command again.", who=str(path)
        )
    return found


@lru_cache(maxsize=1)
def _opened(out: Path, manifest: bytes) -> _Job:
    """Return a job; a worker keeps the one it works on, and its model, open."""
    return _Job(Folder(out), json.loads(manifest))


class _Job:
    """A planned job, with its input and its reranker open.

    Args:
        folder: Its folder.
        manifest: What it says.
    """

    def __init__(self, folder: Folder, manifest: Mapping[str, Any]) -> None:
        self.folder = folder
        self.manifest = manifest
        self.source = Source.of(manifest["source"])
        self.rows = self.source.opened(folder.path)
        self.input = Input([Path(path) for path in manifest["source"]["paths"]])
        self.limits = Limits(**manifest["limits"])
        self.reranker = resift.load(
            manifest["reranker"], config=None, wrappers=manifest["wrappers"]
        )

    def run(self, number: int, *, careful: bool, skip: Sequence[int]) -> Done:
        part = Part(*self.manifest["parts"][number])
        self.input.require_untouched(self.manifest["input"])
        queries = self.source.read(self.rows, part)
        self.input.require_untouched(self.manifest["input"])
        answers = _Answers(queries, evidence=self.manifest["evidence"])
        bad = queries.rejects(self.limits)
        for i in part.repeated:
            reason = "A query before it has the same id."
            bad.setdefault(i, _reject(queries, i, "duplicate-query-id", reason))
        if bad and self.manifest["on_bad_row"] == "stop":
            raise _bad_row(next(iter(sorted(bad.items())))[1])
        answers.rejects.update(bad)
        good = [i for i in range(len(queries)) if i not in bad]
        for k, block in enumerate(queries.blocks(self.manifest["block"])):
            mine = [i for i in good if i in block]
            if careful:
                self.folder.write(self.folder.suspect(number), str(k).encode())
            if k in skip:
                reason = "The process that ranked its block died, three times."
                for i in mine:
                    answers.reject(i, "worker-died", reason)
            elif mine:
                self._rank(queries, mine, answers)
        return self._write(number, part, answers)

    def _rank(self, queries: Queries, mine: list[int], answers: _Answers) -> None:
        """Rank one block; queries at which a server fails are asked again."""
        pause, patience = 1.0, float(self.manifest["patience"])
        while mine:
            texts = [queries.texts[i].as_py() for i in mine]
            documents = [self._documents(queries, i) for i in mine]
            found = self.reranker.rank_many(texts, documents, on_error="return")
            again: list[int] = []
            for i, ranked in zip(mine, found, strict=True):
                if not isinstance(ranked, Exception):
                    answers.add(i, ranked)
                elif isinstance(ranked, _PASSING):
                    again.append(i)
                    last = ranked
                else:
                    self._failed(i, ranked, answers)
            if again:
                wait = max(pause, getattr(last, "retry_after", None) or 0.0)
                if wait > patience:
                    raise last
                time.sleep(wait)
                patience, pause = patience - wait, min(2 * pause, _LONGEST)
            mine = again

    def _documents(self, queries: Queries, i: int) -> list[Any]:
        """Return the candidates of a query as `rank` takes them."""
        start, stop = queries.offsets[i : i + 2].tolist()
        texts = queries.documents.slice(start, stop - start).to_pylist()
        if queries.columns is None:
            return list(texts)
        text = self.reranker.text
        name = text if isinstance(text, str) else text[0]
        rows = queries.columns.slice(start, stop - start).to_pylist()
        return [{**row, name: t} for row, t in zip(rows, texts, strict=True)]

    def _failed(self, i: int, error: Exception, answers: _Answers) -> None:
        """Set a query aside, unless the fault is not the query's."""
        mine = isinstance(error, BadRequestError | InputError) or not isinstance(
            error, BackendError
        )
        if not mine:
            raise error
        code = "bad-request" if isinstance(error, BadRequestError) else "failed"
        # what is not ours may quote a document
        reason = str(error) if isinstance(error, ResiftError) else type(error).__name__
        if self.manifest["on_bad_row"] == "stop":
            raise _bad_row(_reject(answers.queries, i, code, reason)) from error
        answers.reject(i, code, reason)
        answers.failed += 1
        if answers.failed >= FUTILE and not answers.answered:
            msg = f"The first {FUTILE} queries of a part failed, the last one: {reason}"
            raise BackendError(msg)

    def _write(self, number: int, part: Part, answers: _Answers) -> Done:
        """Write what there is, the answers last; nothing is lost on the way."""
        done = answers.done(number)
        if done.answered + done.rejected != part.queries:
            msg = (
                f"part {number} has {part.queries} queries, but {done.answered} "
                f"answers and {done.rejected} rejects."
            )
            raise InputError(msg, remedy="Start again with --overwrite.")
        folder = self.folder
        rejects = [asdict(answers.rejects[i]) for i in sorted(answers.rejects)]
        folder.write_lines(folder.rejects(number), rejects)
        folder.write_lines(folder.notes(number), answers.notes)
        table = answers.table().replace_schema_metadata(
            {_FOOTER: json.dumps(asdict(done))}
        )
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        folder.write(folder.part(number), sink.getvalue().to_pybytes())
        folder.suspect(number).unlink(missing_ok=True)
        return done


_PASSING = (RateLimitError, ServerError, BackendTimeoutError)
"""Failures that may be gone after a pause."""


def _reject(queries: Queries, i: int, code: str, reason: str) -> Reject:
    return Reject(int(queries.rows[i]), queries.qids[i].as_py(), code, reason)


def _bad_row(reject: Reject) -> InputError:
    msg = f"row {reject.row} cannot be ranked ({reject.code}): {reject.reason}"
    remedy = "Mend it, or set such rows aside: --on-bad-row reject."
    return InputError(msg, remedy=remedy)


class _Answers:
    """The answers to the queries of a part, gathered as columns.

    Args:
        queries: The queries.
        evidence: Whether to keep what the reranker says beyond scores.
    """

    def __init__(self, queries: Queries, *, evidence: bool) -> None:
        self.queries = queries
        self.rejects: dict[int, Reject] = {}
        self.notes: list[dict[str, object]] = []
        self.answered = self.failed = 0
        self._evidence: list[str | None] | None = [] if evidence else None
        self._usage: dict[str, float] = {}
        self._found: dict[int, tuple[NDArray[np.int64], NDArray[np.float32]]] = {}

    def add(self, i: int, ranked: resift.RankedDocuments) -> None:
        """Keep the answer to query *i*."""
        self.answered += 1
        self._found[i] = ranked.indices, ranked.scores
        if self._evidence is not None:
            self._evidence += [
                json.dumps(dict(d.columns), default=str) if d.columns else None
                for d in ranked
            ]
        row, qid = int(self.queries.rows[i]), self.queries.qids[i].as_py()
        notes = list(ranked.notes)
        start, stop = self.queries.offsets[i : i + 2].tolist()
        if blank := self.queries.documents.slice(start, stop - start).null_count:
            notes.append(f"{blank} of {stop - start} candidates have no text")
        self.notes += [{"row": row, "qid": qid, "note": note} for note in notes]
        for name, value in ranked.usage.items():
            self._usage[name] = self._usage.get(name, 0) + value

    def reject(self, i: int, code: str, reason: str) -> None:
        """Set query *i* aside."""
        self.rejects[i] = _reject(self.queries, i, code, reason)

    def done(self, number: int) -> Done:
        """Return what became of the part."""
        return Done(
            number=number,
            queries=len(self.queries),
            answered=self.answered,
            rejected=len(self.rejects),
            failed=self.failed,
            pairs=sum(len(places) for places, _ in self._found.values()),
            usage=self._usage,
        )

    def table(self) -> pa.Table:
        """Return the answers, one row per document."""
        queries = self.queries
        numbers = list(self._found)
        found = self._found.values()
        lengths = np.array([len(places) for places, _ in found], dtype=np.int64)
        mine = np.repeat(np.array(numbers, dtype=np.int64), lengths)
        places = np.concatenate([_NONE, *(places for places, _ in found)])
        scores = np.concatenate(
            [_NONE.astype(np.float32), *(scores for _, scores in found)]
        )
        starts = np.repeat(queries.offsets[numbers], lengths)
        ends = lengths.cumsum()
        ranks = np.arange(1, len(mine) + 1) - np.repeat(ends - lengths, lengths)
        columns = {
            "row": pa.array(queries.rows[mine]),
            "qid": queries.qids.take(pa.array(mine)),
            "id": queries.ids.take(pa.array(starts + places)),
            "rank": pa.array(ranks, pa.int32()),
            "score": pa.array(scores, mask=np.isnan(scores)),
        }
        if self._evidence is not None:
            columns["extra"] = pa.array(self._evidence, pa.string())
        return pa.table(columns)
