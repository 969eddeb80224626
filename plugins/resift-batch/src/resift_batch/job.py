"""A job: planned once, done part by part, and checked at the end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import resift
from resift import Reranker
from resift.errors import BackendError, InputError
from resift_batch.engine import Died, Engine, Outcome, Stopped, Task
from resift_batch.fingerprint import Input, models, versions
from resift_batch.folder import Folder
from resift_batch.part import FUTILE, Done, footer
from resift_batch.plan import BLOCK
from resift_batch.queries import Limits
from resift_batch.source import Source

__all__ = ["Job", "Request"]

_FORMAT = 1
_ATTEMPTS = 3  # deaths at a block, alone, before it is set aside
_COMPARED = (
    *("format", "source", "input", "reranker", "wrappers", "models", "versions"),
    *("threads", "pairs_per_part", "block", "limits", "on_bad_row", "evidence"),
)
"""What two runs of a job must agree on."""


@dataclass(frozen=True)
class Request:
    """What is to be done, and how.

    Args:
        source: What to rank.
        reranker: What ranks it, built by name.
        wrappers: Names of the wrappers that it has from the config.
        limits: What is too large.
        on_bad_row: ``"reject"``: set bad rows aside; ``"stop"``: stop at the first.
        evidence: Whether to keep what the reranker says beyond scores.
        pairs_per_part: How large a part is; by default so that there are enough.
        threads: Threads of a worker.
        patience: Seconds to wait at most for a server that fails.
    """

    source: Source
    reranker: Reranker
    wrappers: tuple[str, ...]
    limits: Limits
    on_bad_row: str
    evidence: bool
    pairs_per_part: int | None
    threads: int
    patience: float

    def table(self) -> dict[str, Any]:
        """Return all that the answers depend on, as plain data."""
        settings = resift.redacted(self.reranker.settings())
        source = self.source.table()
        return {
            "format": _FORMAT,
            "source": source,
            "input": Input(self.source.paths).table(),
            "reranker": settings,
            "wrappers": list(self.wrappers),
            "models": models(settings),
            "versions": versions(settings),
            "threads": self.threads,
            "pairs_per_part": self.pairs_per_part,
            "block": BLOCK,
            "limits": asdict(self.limits),
            "on_bad_row": self.on_bad_row,
            "evidence": self.evidence,
            "patience": self.patience,
        }


class Job:
    """A planned job in its folder, which this run alone works on.

    Args:
        folder: The folder.
        manifest: What it says.
    """

    def __init__(self, folder: Folder, manifest: Mapping[str, Any]) -> None:
        self.folder = folder
        self.parts = len(manifest["parts"])
        self.queries = sum(part[2] for part in manifest["parts"])
        self.done = {
            n: footer(folder.part(n))
            for n in range(self.parts)
            if folder.part(n).exists()
        }
        self._manifest = manifest
        self._answered = self._failed = 0

    @classmethod
    @contextmanager
    def begun(cls, out: Path, request: Request, *, overwrite: bool) -> Iterator[Job]:
        """Begin a job, or go on with it, while no other run does.

        Raises:
            InputError: If the folder holds another job, or another run works on it.
        """
        folder = Folder(out)
        with folder.locked():
            folder.tidy()
            if overwrite:
                folder.clear()
            manifest = folder.read_manifest()
            wanted = json.loads(json.dumps(request.table()))  # as a file holds it
            if manifest is None:
                folder.clear()
                request.source.stage(out)
                parts = request.source.plan(out, request.pairs_per_part)
                manifest = {**wanted, "parts": [part.plain() for part in parts]}
            else:
                _require_same(folder, manifest, wanted)
                manifest = {**manifest, **wanted}
                request.source.stage(out)
            folder.write_json(folder.manifest, manifest)
            yield cls(folder, manifest)

    @property
    def missing(self) -> list[int]:
        """The parts that are not done."""
        return [n for n in range(self.parts) if n not in self.done]

    def run(self, engine: Engine, progress: Callable[[Done], None]) -> dict[str, Any]:
        """Do what is missing; return the summary that `_SUCCESS` holds.

        Raises:
            BackendError: If the reranker, its server or the disk fails. What is done
                stays, and the next run goes on.
            InputError: If a query is lost, or a row is bad and the job stops there.
        """
        suspects = []
        if self.missing:
            self.folder.success.unlink(missing_ok=True)
        for outcome in engine.map(self.folder.path, map(Task, self.missing)):
            if isinstance(outcome, Died):
                suspects.append(outcome.task.number)
            else:
                self._took(outcome, progress)
        for number in sorted(suspects):
            self._alone(engine, number, progress)
        self.folder.tidy()
        return self._success()

    def _took(self, outcome: Outcome, progress: Callable[[Done], None]) -> None:
        if isinstance(outcome, Stopped):
            raise self._stopped(outcome)
        if not isinstance(outcome, Done):
            return
        self.done[outcome.number] = outcome
        self._answered += outcome.answered
        self._failed += outcome.failed
        progress(outcome)
        if self._failed >= FUTILE and not self._answered:
            reason = f"the first {self._failed} queries failed; see its rejects."
            raise self._stopped(Stopped(outcome.number, reason))

    def _stopped(self, outcome: Stopped) -> BackendError:
        remedy = (
            f"{len(self.done)} of {self.parts} parts are done; the same command goes "
            "on from there."
        )
        msg = f"part {outcome.number}: {outcome.reason}"
        return BackendError(msg, remedy=remedy)

    def _alone(
        self, engine: Engine, number: int, progress: Callable[[Done], None]
    ) -> None:
        """Do a part at which a process died, with nothing beside it.

        A block at which three processes have died is set aside.
        """
        skip: list[int] = []
        deaths: dict[int | None, int] = {}
        while True:
            task = Task(number, careful=True, skip=tuple(skip))
            (outcome,) = engine.map(self.folder.path, [task])
            if not isinstance(outcome, Died):
                self._took(outcome, progress)
                return
            block = self._block(number)
            deaths[block] = deaths.get(block, 0) + 1
            if deaths[block] < _ATTEMPTS:
                continue
            if block is None:
                reason = "the process that reads it dies."
                raise self._stopped(Stopped(number, reason))
            skip.append(block)

    def _block(self, number: int) -> int | None:
        """Return the block at which the process of a part died."""
        suspect = self.folder.suspect(number)
        try:
            block = int(suspect.read_text())
        except (FileNotFoundError, ValueError):
            return None
        suspect.unlink()
        return block

    def _success(self) -> dict[str, Any]:
        """Check that no query is lost or double, and write that it is so."""
        answered = rejected = 0
        usage: dict[str, float] = {}
        for number, part in enumerate(self._manifest["parts"]):
            found = footer(self.folder.part(number))
            rejects = self.folder.rejects(number)
            lines = rejects.read_bytes().count(b"\n") if rejects.exists() else 0
            if (found.queries, found.rejected) != (part[2], lines) or (
                found.answered + found.rejected != part[2]
            ):
                msg = f"{self.folder.part(number)} does not hold what its part has."
                remedy = "Remove it, and run the command again."
                raise InputError(msg, remedy=remedy)
            answered += found.answered
            rejected += found.rejected
            for name, value in found.usage.items():
                usage[name] = usage.get(name, 0) + value
        summary = {
            "queries": self.queries,
            "answered": answered,
            "rejected": rejected,
            "parts": self.parts,
            "pairs": sum(done.pairs for done in self.done.values()),
            "usage": usage,
        }
        self.folder.write_json(self.folder.success, summary)
        return summary


def _require_same(
    folder: Folder, manifest: Mapping[str, Any], wanted: Mapping[str, Any]
) -> None:
    """Refuse to go on with another job.

    Raises:
        InputError: If it is another one; it says in what.
    """
    differ = [key for key in _COMPARED if _core(manifest, key) != _core(wanted, key)]
    if differ:
        names = ", ".join(differ).replace("_", " ")
        msg = f"{folder.path} holds a job that differs in: {names}."
        remedy = "Choose another folder, or --overwrite."
        raise InputError(msg, remedy=remedy)


def _core(manifest: Mapping[str, Any], key: str) -> object:
    """Return what counts of a manifest: where a file lies and its time do not."""
    value = manifest.get(key)
    if key == "source":
        return {k: v for k, v in manifest["source"].items() if k != "paths"}
    if key == "input":
        return [{**row, "modified": None} for row in value or ()]
    return value
