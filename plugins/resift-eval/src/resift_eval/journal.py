"""The journal of an evaluation: what is done, kept line by line, so that it resumes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Self, TextIO

from resift.errors import InputError
from resift_eval.origin import Origin

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
        usage: What it cost, as `resift.usage_of` reads it.
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
    usage: Mapping[str, float] = field(default_factory=dict)


class Journal:
    """Answers, written down as they come; those of an interrupted run are read back.

    A process may be killed in the middle of a line: that line is dropped, and the
    query is asked again.

    Args:
        path: The file, or None to keep answers in memory only.
        settings: What the evaluation depends on; another one cannot continue it.
        origins: The contestants, with what is known of each.
        add: Keep the contestants that the file holds, too: only those that are new, or
            are not what they were, are asked.

    Attributes:
        origins: The contestants of the file, then those that were added.
        replaced: Contestants of the file that are not what they were.

    Raises:
        InputError: If the file holds an evaluation with other settings.
    """

    def __init__(
        self,
        path: Path | None,
        settings: Mapping[str, object],
        origins: Mapping[str, Origin],
        *,
        add: bool = False,
    ) -> None:
        self.answers: dict[tuple[str, str], Answer] = {}
        self.origins = dict(origins)
        self.replaced: list[str] = []
        self._path = path
        self._file: TextIO | None = None
        shared = {k: v for k, v in settings.items() if k != "contestants"}
        self._shared = json.loads(json.dumps(shared))
        self._mine = json.loads(json.dumps(settings["contestants"]))
        self._add = add

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
            if self._add:
                msg = f"{path} is not there: --add needs a finished report in --out."
                raise InputError(msg, who=str(path))
            return [self._header(self._mine)]
        there, origins = self._there(path, lines[0])
        changed = [n for n, is_ in self._mine.items() if there.get(n, is_) != is_]
        self.replaced = changed
        mine = {n: o for n, o in self.origins.items() if n in changed or n not in there}
        old = {n: Origin(**o) for n, o in origins.items() if n not in changed}
        self.origins = {**old, **mine}
        kept = [self._header({**there, **self._mine})]
        for line in lines[1:]:
            try:
                answer = Answer(**json.loads(line))
            except (ValueError, TypeError):  # cut off by a kill
                continue
            name = answer.contestant
            again = answer.error is not None and (name in self._mine or not self._add)
            if again or name in changed:  # a failure is worth another try
                continue
            self.answers[answer.query, name] = answer
            kept.append(line)
        return kept

    def _there(
        self, path: Path, header: str
    ) -> tuple[dict[str, object], dict[str, dict[str, Any]]]:
        """Return the contestants that a file holds, and their origins."""
        try:
            held = json.loads(header)
            same = held["settings"] == self._shared
            there, origins = held["contestants"], held["origins"]
        except (ValueError, KeyError, TypeError):  # no journal, or one of old
            same, there, origins = False, {}, {}
        if not same:
            what, remedy = "other data or depth", "Choose another --out"
        elif not self._add and there != self._mine:
            what = "other rerankers"
            remedy = "Add to it, or replace those of the same name, with --add"
        else:
            return there, origins
        msg = f"{path} holds an evaluation with {what}. {remedy}, or pass --overwrite."
        raise InputError(msg, who=str(path))

    def _header(self, contestants: Mapping[str, object]) -> str:
        """Return the first line: what everything below it depends on."""
        held = {
            "settings": self._shared,
            "contestants": contestants,
            "origins": {name: origin.plain() for name, origin in self.origins.items()},
        }
        return json.dumps(held, ensure_ascii=False)
