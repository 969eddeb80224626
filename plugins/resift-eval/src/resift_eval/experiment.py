"""One experiment: every contestant reranks the candidates of every query."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import resift
from resift.errors import InputError
from resift_eval.cost import Cost
from resift_eval.journal import Answer, Journal
from resift_eval.origin import Origin

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from resift_eval.collection import Collection
    from resift_eval.first_stage import FirstStage

__all__ = ["Contestant", "Experiment"]

Progress = Callable[[int], None]
_ALL = 10**9  # rows: more than there are
_LONGEST = 500  # letters of an error


@dataclass(frozen=True)
class Contestant:
    """A reranker with the counter that stands around it."""

    reranker: resift.Reranker
    cost: Cost
    origin: Origin = field(default_factory=Origin)

    @classmethod
    def load(cls, name: str | Mapping[str, object], **options: object) -> Contestant:
        """Load a reranker by name, or from a table, as `resift.load` does."""
        cost = Cost()
        return cls(resift.load(name, wrappers=[cost], **options), cost)  # type: ignore[arg-type]


class Experiment:
    """What is compared on what.

    Args:
        collection: Queries and judgements.
        stage: Who finds the candidates.
        contestants: The rerankers by name.
        depth: Candidates of each leg, and how many of their union are scored.
        by_depth: Score all of *depth*, whatever the reranker's own window and
            threshold, and keep what `curve_of` needs.
        calibrated: The contestant whose scores `calibration_of` needs: they are kept,
            whatever its own threshold.

    Attributes:
        origins: What each contestant is; after `run`, those that were kept, too.
        replaced: Contestants of the journal that `run` asked anew.
    """

    def __init__(
        self,
        collection: Collection,
        stage: FirstStage,
        contestants: Mapping[str, Contestant],
        depth: int = 100,
        *,
        by_depth: bool = False,
        calibrated: str | None = None,
    ) -> None:
        if clash := set(contestants) & set(stage.legs):
            msg = f"{min(clash)!r} is a leg of the first stage: call the reranker else."
            raise InputError(msg)
        self.collection = collection
        self.stage = stage
        self.contestants = dict(contestants)
        self.depth = depth
        self.by_depth = by_depth
        self.calibrated = calibrated
        self.origins = {
            name: contestant.origin for name, contestant in contestants.items()
        }
        self.replaced: list[str] = []

    @property
    def names(self) -> list[str]:
        """Everybody who ranks: the legs of the first stage, then the rerankers."""
        return [*self.stage.legs, *self.contestants]

    @property
    def settings(self) -> dict[str, object]:
        """What the answers depend on."""
        return {
            "collection": self.collection.name,
            "content": self.collection.fingerprint(),
            "legs": list(self.stage.legs),
            "candidates": self.stage.fingerprint,
            "depth": self.depth,
            **({"by_depth": True} if self.by_depth else {}),
            **({"calibrated": self.calibrated} if self.calibrated else {}),
            "contestants": {
                name: _described(contestant.reranker)
                for name, contestant in self.contestants.items()
            },
        }

    def run(
        self,
        path: Path | None = None,
        progress: Progress | None = None,
        *,
        add: bool = False,
    ) -> dict[str, dict[str, Answer]]:
        """Answer every query that the journal has no answer for.

        Args:
            path: The journal, so that an interrupted run goes on where it stopped.
            progress: Called with the number of queries done.
            add: Keep the contestants that the journal holds beside these.

        Returns:
            Answers by contestant and query id.

        Raises:
            InputError: If the journal is of another evaluation, or holds a contestant
                that did not answer every query.
        """
        with Journal(path, self.settings, self.origins, add=add) as journal:
            self.origins, self.replaced = journal.origins, journal.replaced
            kept = [name for name in journal.origins if name not in self.contestants]
            self._require_answers(journal, kept)
            for number, (query_id, query) in enumerate(self.collection.queries.items()):
                missing = [
                    n for n in self.names if (query_id, n) not in journal.answers
                ]
                if missing:
                    for answer in self._answers(query_id, query, missing):
                        journal.write(answer)
                if progress is not None:
                    progress(number + 1)
            return {
                name: {i: journal.answers[i, name] for i in self.collection.queries}
                for name in dict.fromkeys([*self.stage.legs, *journal.origins])
            }

    def _require_answers(self, journal: Journal, kept: Sequence[str]) -> None:
        """Refuse a contestant that is kept, but was interrupted."""
        for name in kept:
            queries = self.collection.queries
            missing = sum((i, name) not in journal.answers for i in queries)
            if missing:
                msg = (
                    f"{name!r} of the report has not answered {missing} of "
                    f"{len(queries)} queries. Name it in this command, too."
                )
                raise InputError(msg)

    def _answers(self, query_id: str, query: str, names: Sequence[str]) -> list[Answer]:
        tables = self.stage.candidates(query_id, query, self.depth)
        answers = []
        for leg, table in zip(self.stage.legs, tables, strict=True):
            if leg in names:
                ids = [str(i) for i in table[self.stage.id].to_pylist()]
                answers.append(Answer(query_id, leg, ids))
        rerankers = [name for name in names if name in self.contestants]
        answers += [self._answer(query_id, query, n, tables) for n in rerankers]
        return answers

    def _answer(
        self, query_id: str, query: str, name: str, tables: Sequence[pa.Table]
    ) -> Answer:
        contestant = self.contestants[name]
        contestant.cost.reset()
        asked = partial(
            contestant.reranker.rerank,
            query,
            *tables,
            id=self.stage.id,
            text=self.stage.text,
            names=self.stage.legs,
        )
        started = time.perf_counter()
        try:
            reranked = asked(**self._settings_of(name))
        except Exception as error:  # noqa: BLE001  # a reranker may raise anything
            return Answer(query_id, name, [], error=_reason(error))
        seconds = time.perf_counter() - started
        merged: list[int] = []
        if self.by_depth and contestant.reranker.can_score:
            merged = reranked["_merged_rank"].to_pylist()
        scores = reranked["_relevance_score"].drop_null().to_pylist()
        return Answer(
            query=query_id,
            contestant=name,
            ids=[str(i) for i in reranked[self.stage.id].to_pylist()],
            seconds=seconds,
            documents=contestant.cost.documents,
            calls=contestant.cost.calls,
            notes=tuple(resift.notes_of(reranked)),
            merged=merged,
            scored=len(scores),
            scores=scores if name == self.calibrated else (),
            usage=resift.usage_of(reranked),
        )

    def _settings_of(self, name: str) -> dict[str, Any]:
        """Return how one contestant is asked: for all its scores, where they count."""
        own = self.contestants[name].reranker.defaults
        window = self.depth if self.by_depth else own.window or self.depth
        if not (self.by_depth or name == self.calibrated):
            return {"window": window}
        least = None if own.min_score is None else 0.0
        return {"window": window, "top_k": _ALL, "min_score": least, "explain": True}


def _reason(error: Exception) -> str:
    """Return an error on one line, cut where it is long."""
    text = " ".join(str(error).split())
    text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
    return f"{type(error).__name__}: {text}"


def _described(reranker: resift.Reranker) -> dict[str, object]:
    """Return all that the answers of a reranker depend on, as plain data."""
    merger = reranker.merger
    if isinstance(merger, resift.Reranker):
        merger = merger.describe()
    elif merger is not None:
        merger = type(merger).__qualname__
    return {
        **reranker.describe(),
        **reranker.defaults.given(),
        "merge": merger,
    }
