"""The journal of an evaluation: what is done, kept line by line, so that it resumes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Self, TextIO

from resift.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

__all__ = ["Answer", "Journal"]


@dataclass(frozen=True)
class Answer:
    """How one contestant answered one query.

    Args:
        query: The query's id.
        contestant: Who answered.
        ids: Document ids, best first.
        seconds: Wall time of reranking; 0 for a leg of the first stage.
        documents: Documents that models were given, all stages together.
        calls: Calls of models.
        notes: What the reranker noted.
        error: Why there is no answer, or None.
        merged: The rank of each document before scoring, from 1; empty where the
            evaluation is of one depth.
        scored: How many of the first documents were scored.
        scores: The scores of those, where the contestant is calibrated.
    """

    query: str
    contestant: str
    ids: list[str]
    seconds: float = 0.0
    documents: int = 0
    calls: int = 0
    notes: tuple[str, ...] = ()
    error: str | None = None
    merged: Sequence[int] = ()
    scored: int = 0
    scores: Sequence[float] = ()


class Journal:
    """Answers, written down as they come; those of an interrupted run are read back.

    A process may be killed in the middle of a line: that line is dropped, and the
    query is asked again.

    Args:
        path: The file, or None to keep answers in memory only.
        settings: What the evaluation depends on; another one cannot continue it.

    Raises:
        InputError: If the file holds an evaluation with other settings.
    """

    def __init__(self, path: Path | None, settings: Mapping[str, object]) -> None:
        self.answers: dict[tuple[str, str], Answer] = {}
        self._path = path
        self._file: TextIO | None = None
        self._header = json.dumps({"settings": settings}, sort_keys=True)

    def __enter__(self) -> Self:
        if self._path is not None:
            kept = self._read(self._path)
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary = self._path.with_suffix(".tmp")
            temporary.write_text("".join(f"{line}\n" for line in kept), "utf-8")
            temporary.replace(self._path)
            self._file = self._path.open("a", encoding="utf-8")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, answer: Answer) -> None:
        """Keep one answer; it is on disk when this returns."""
        self.answers[answer.query, answer.contestant] = answer
        if self._file is not None:
            self._file.write(json.dumps(asdict(answer), ensure_ascii=False) + "\n")
            self._file.flush()

    def _read(self, path: Path) -> list[str]:
        """Read what is there back, and return the lines worth keeping."""
        lines = path.read_text("utf-8").splitlines() if path.is_file() else []
        if not lines:
            return [self._header]
        if lines[0] != self._header:
            msg = (
                f"{path} holds an evaluation with other data, depth or rerankers. "
                "Choose another --out, or pass --overwrite."
            )
            raise InputError(msg)
        kept = [self._header]
        for line in lines[1:]:
            try:
                answer = Answer(**json.loads(line))
            except (ValueError, TypeError):  # cut off by a kill
                continue
            if answer.error is not None:  # worth another try
                continue
            self.answers[answer.query, answer.contestant] = answer
            kept.append(line)
        return kept
