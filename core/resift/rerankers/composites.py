"""Rerankers made of rerankers: `cascade` and `ensemble`.

They call only `Reranker.score` of their children, so any reranker can stand in them,
another composite included. What children say passes through whole: `columns`, `notes`,
`order` and `usage`. What children need follows from `children` (see `resift.host`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from resift.arrow import RELEVANCE, take
from resift.hookspecs import hookimpl
from resift.notes import DEGRADED, Note
from resift.ranking import Ranking
from resift.reranker import Reranker
from resift.rerankers.mergers import ReciprocalRankFusion
from resift.scores import Scores, as_array, expand
from resift.threads import Deadline

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["Cascade", "Ensemble", "Evidence", "instruction_for", "labels"]

INCOMING = "incoming"
_PAID = ("calls", "cost", "input_tokens", "output_tokens", "search_units")


class Cascade:
    """Score in stages, each reading only the best that the one before it kept.

    The scores are the last stage's; documents that fell out earlier follow unscored,
    those that came furthest first.

    Args:
        stages: Rerankers, the cheapest first.
        keep: How many documents each stage but the last hands on.
        budget: The most that one query may cost, by name (``calls``, ``cost``,
            ``input_tokens``, ``output_tokens``, ``search_units``). Once it is spent, no
            further stage is asked: the scores are those of the last one that was.
    """

    def __init__(
        self,
        stages: list[Reranker],
        keep: list[int],
        budget: dict[str, float] | None = None,
    ) -> None:
        if not stages:
            msg = "stages must name at least one reranker that scores."
            raise ValueError(msg)
        if len(keep) != len(stages) - 1 or any(n < 1 for n in keep):
            msg = (
                f"keep must have one positive number for each stage but the last "
                f"({len(stages) - 1}), got {keep}."
            )
            raise ValueError(msg)
        for name, most in (budget or {}).items():
            if name not in _PAID or not 0 < most < float("inf"):
                msg = (
                    f"budget must give a number above 0 for one of "
                    f"{', '.join(map(repr, _PAID))}, got {name!r}: {most}."
                )
                raise ValueError(msg)
        self.children = stages
        self._keep = keep
        self._budget = budget or {}
        self._names = labels(stage.name for stage in stages)

    @property
    def score_kind(self) -> str:
        """The last stage's, which may only know it once its model is loaded."""
        return self.children[-1].score_kind

    @property
    def score_range(self) -> tuple[float, float] | None:
        """The last stage's, too."""
        return self.children[-1].score_range

    @hookimpl
    def score(
        self,
        query: str,
        documents: Sequence[str],
        candidates: pa.Table | None,
        top_k: int | None,
        timeout: float | None,
        instruction: str | None,
    ) -> Scores:
        deadline = Deadline(timeout)
        if any(stage.reads_order for stage in self.children):
            candidates = _in_order(candidates, len(documents))
        way = _Way(len(documents), self._budget)
        for stage, name, keep in self._steps():
            if not way.affords(name):
                break
            scores = stage.score(
                query,
                way.alive_of(documents),
                None if candidates is None else take(candidates, way.alive),
                top_k if keep is None else keep,
                deadline.left(stage.who),
                instruction_for(stage, instruction),
            )
            way.step(stage, name, scores, keep)
        return way.scores()

    @hookimpl
    def score_many(
        self,
        queries: Sequence[str],
        documents: Sequence[Sequence[str]],
        timeout: float | None,
        instruction: str | None,
    ) -> list[Scores | Exception]:
        deadline = Deadline(timeout)
        ways = [_Way(len(texts), self._budget) for texts in documents]
        failed: dict[int, Exception] = {}
        for stage, name, keep in self._steps():
            going = [i for i in range(len(ways)) if i not in failed]
            asked = [i for i in going if ways[i].affords(name)]
            if not asked:
                break
            answers = stage.score_many(
                [queries[i] for i in asked],
                [ways[i].alive_of(documents[i]) for i in asked],
                deadline.left(stage.who),
                instruction_for(stage, instruction),
            )
            for i, scores in zip(asked, answers, strict=True):
                if isinstance(scores, Exception):
                    failed[i] = scores
                else:
                    ways[i].step(stage, name, scores, keep)
        return [failed.get(i) or way.scores() for i, way in enumerate(ways)]

    def _steps(self) -> Iterator[tuple[Reranker, str, int | None]]:
        """Yield each stage, what it is called, and how many it hands on."""
        yield from zip(self.children, self._names, [*self._keep, None], strict=True)


class _Way:
    """One query's documents on their way through the stages.

    Args:
        n: How many documents there are.
        budget: What their way may cost.
    """

    def __init__(self, n: int, budget: Mapping[str, float]) -> None:
        self._budget = budget
        self._stopped_before = ""  # the stage for which nothing was left
        self._kind: str | None = None
        self._range: tuple[float, float] | None = None
        self.alive = np.arange(n)  # (n_alive,) indices, best first
        self._n = n
        self._fallen: list[NDArray[np.int64]] = []
        self._evidence = Evidence(n)

    def alive_of(self, documents: Sequence[str]) -> list[str]:
        """Return the documents that the next stage reads."""
        return [documents[i] for i in self.alive.tolist()]

    def affords(self, name: str) -> bool:
        """Return whether the budget lets the next stage, *name*, be asked."""
        spent = self._evidence.usage
        if not self._stopped_before and any(
            spent.get(paid, 0) >= most for paid, most in self._budget.items()
        ):
            self._stopped_before = name
        return not self._stopped_before

    def step(
        self, stage: Reranker, name: str, scores: Scores, keep: int | None
    ) -> None:
        """Take a stage's scores, and keep the best."""
        if self._budget:  # else the last stage's kind, which the cascade has
            self._kind, self._range = scores.kind, scores.score_range
            if self._kind is None:
                self._kind, self._range = stage.score_kind, stage.score_range
        index = np.full(self._n, -1, dtype=np.int64)
        index[self.alive] = np.arange(len(self.alive))
        self._evidence.add(name, expand(scores, index))
        ranked = self.alive[scores.ranking()]
        self.alive = ranked[:keep]
        self._fallen.insert(0, ranked[len(self.alive) :])

    def scores(self) -> Scores:
        """Return the last stage's scores; those that came furthest follow first."""
        order = np.concatenate([self.alive, *self._fallen])
        scores = self._evidence.scores(self._evidence.latest, order=order)
        if not self._stopped_before:
            return scores
        spent = ", ".join(
            f"{scores.usage.get(paid, 0):g} of {most:g} {paid}"
            for paid, most in self._budget.items()
        )
        note = Note(
            f"cascade: {self._stopped_before} was not asked: the budget is spent "
            f"({spent})",
            "budget",
            self._stopped_before,
        )
        degraded = {DEGRADED: np.ones(self._n, dtype=bool)}
        return replace(
            scores,
            columns={**scores.columns, **degraded},
            notes=(*scores.notes, note),
            kind=self._kind,
            score_range=self._range,
        )


class Ensemble:
    """Score with several rerankers and merge their rankings.

    Args:
        rerankers: The rerankers; ``"incoming"`` stands for the order and the scores
            that the documents came with, so that retrieval counts too.
        merger: How to merge the rankings; reciprocal rank fusion by default.
        weights: What each of the rerankers counts for; 1 each by default.
    """

    score_kind = "ordinal"
    reads_order = (
        True  # where a child's scores tie, ranks follow the order they came in
    )

    def __init__(
        self,
        rerankers: list[Reranker | Literal["incoming"]],
        merger: Reranker | None = None,
        weights: list[float] | None = None,
    ) -> None:
        if all(child == INCOMING for child in rerankers):
            msg = "rerankers must name at least one reranker that scores."
            raise ValueError(msg)
        if merger is not None and not merger.can_merge:
            msg = (
                f"merger must be a reranker that merges, but {merger.name!r} does not."
            )
            raise ValueError(msg)
        if weights is not None and (
            len(weights) != len(rerankers)
            or not all(0 <= weight < float("inf") for weight in weights)
            or not any(weights)
        ):
            msg = (
                f"weights must be one number for each of the {len(rerankers)} "
                f"rerankers, none negative and not all 0, got {weights}."
            )
            raise ValueError(msg)
        self.children = [
            child if isinstance(child, Reranker) else Reranker(Incoming(), name=child)
            for child in rerankers
        ]
        self._merger = merger or Reranker(ReciprocalRankFusion())
        self._weights = weights or [1.0] * len(rerankers)
        self._names = labels(child.name for child in self.children)

    @hookimpl
    def score(
        self,
        query: str,
        documents: Sequence[str],
        candidates: pa.Table | None,
        timeout: float | None,
        instruction: str | None,
    ) -> Scores:
        deadline = Deadline(timeout)
        answers = [
            child.score(
                query,
                documents,
                candidates,
                timeout=deadline.left(child.who),
                instruction=instruction_for(child, instruction),
            )
            for child in self.children
        ]
        return self._merged(query, len(documents), answers)

    @hookimpl
    def score_many(
        self,
        queries: Sequence[str],
        documents: Sequence[Sequence[str]],
        timeout: float | None,
        instruction: str | None,
    ) -> list[Scores | Exception]:
        deadline = Deadline(timeout)
        by_child = [
            child.score_many(
                queries,
                documents,
                deadline.left(child.who),
                instruction_for(child, instruction),
            )
            for child in self.children
        ]
        merged: list[Scores | Exception] = []
        for query, texts, answers in zip(
            queries, documents, zip(*by_child, strict=True), strict=True
        ):
            scores = [answer for answer in answers if isinstance(answer, Scores)]
            errors = [answer for answer in answers if isinstance(answer, Exception)]
            merged.append(
                errors[0] if errors else self._merged(query, len(texts), scores)
            )
        return merged

    def _merged(self, query: str, n: int, answers: Sequence[Scores]) -> Scores:
        """Merge what the children answered for the *n* documents of one query."""
        rankings = []
        evidence = Evidence(n)
        ranked = np.zeros(n, dtype=bool)
        for scores, name, weight in zip(
            answers, self._names, self._weights, strict=True
        ):
            evidence.add(name, scores)
            ranking = _ranking_of(scores, name, weight)
            ranked[ranking.documents] = True
            rankings.append(ranking)
        merged = self._merger.merge(rankings, n, query)
        return evidence.scores(np.where(ranked, merged, np.nan))


class Incoming:
    """Score documents as they came: by the merged score, or else by their order."""

    columns = (RELEVANCE,)
    needs_text = False
    reads_order = True

    @hookimpl
    def score(self, candidates: pa.Table) -> Scores:
        """Return the candidates' own scores, which the host fills in."""
        values = candidates[RELEVANCE].to_numpy().astype(np.float64)
        return Scores(values, unscored="it came without a score")


class Evidence:
    """What the children of a composite say, gathered over all its documents."""

    def __init__(self, n: int) -> None:
        self.latest: NDArray[np.float64] = np.full(n, np.nan)
        self._columns: dict[str, pa.Array] = {}
        self._notes: list[str] = []
        self._usage: Counter[str] = Counter()

    @property
    def usage(self) -> Mapping[str, float]:
        """What the children cost so far."""
        return self._usage

    def add(self, name: str, scores: Scores) -> None:
        """Take over what one child says, already spread over all documents."""
        import pyarrow as pa

        self.latest = scores.values
        own = pa.array(scores.values, mask=np.isnan(scores.values))
        for column, values in {**scores.columns, f"_{name}_score": own}.items():
            new, old = as_array(values), self._columns.get(column)
            self._columns[column] = new if old is None else _over(new, old)
        self._notes.extend(note for note in scores.notes if note not in self._notes)
        self._usage.update(scores.usage)

    def scores(
        self, values: NDArray[np.float64], order: NDArray[np.int64] | None = None
    ) -> Scores:
        """Return *values* with everything the children said."""
        return Scores(
            values, self._columns, tuple(self._notes), order, dict(self._usage)
        )


def _over(new: pa.Array, old: pa.Array) -> pa.Array:
    """Return what a later child says, and an earlier one's word where it is silent."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_null(new.type):
        return old
    if new.type != old.type:
        try:
            old = old.cast(new.type)
        except pa.ArrowException:  # of another kind: the later child's alone
            return new
    return pc.if_else(new.is_valid(), new, old)


def instruction_for(child: Reranker, instruction: str | None) -> str | None:
    """Return what to hand to *child*: the instruction, where it reads one.

    A child is asked only where there is an instruction: it may have to load its model.
    """
    if instruction is None or not child.traits.takes_instruction:
        return None
    return instruction


def labels(names: Iterable[str]) -> list[str]:
    """Return *names* made distinct: ``bm25``, ``bm25_2``."""
    distinct: list[str] = []
    for name in names:
        label, n = name, 1
        while label in distinct:
            n += 1
            label = f"{name}_{n}"
        distinct.append(label)
    return distinct


def _ranking_of(scores: Scores, name: str, weight: float) -> Ranking:
    order = scores.ranking()
    order = order[~np.isnan(scores.values[order])]
    return Ranking(order, scores.values[order], weight, name)


def _in_order(candidates: pa.Table | None, n: int) -> pa.Table:
    """Return candidates with incoming scores: where they have none, evenly spaced.

    A stage gets documents in the order of the one before it; by these it still knows
    the order in which they came.
    """
    import pyarrow as pa

    scores = pa.array(-np.arange(1.0, n + 1))
    if candidates is None:
        return pa.table({RELEVANCE: scores})
    if RELEVANCE in candidates.column_names:
        return candidates
    return candidates.append_column(RELEVANCE, scores)
