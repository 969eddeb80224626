"""Rerankers made of rerankers: `cascade` and `ensemble`.

They call only `Reranker.score` of their children, so any reranker can stand in them,
another composite included. What children say passes through whole: `columns`, `notes`
and `order`; and they need what their children need.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from resift.arrow import take
from resift.errors import BackendTimeoutError
from resift.hookspecs import hookimpl
from resift.ranking import Ranking
from resift.reranker import Reranker
from resift.scores import Scores, as_array, expand

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["Cascade", "Ensemble", "columns_of", "require_scoring"]

INCOMING = "incoming"
_MERGED = "_relevance_score"  # the candidates' column of incoming scores


class Cascade:
    """Score in stages, each reading only the best that the one before it kept.

    The scores are the last stage's; documents that fell out earlier follow unscored,
    those that came furthest first.

    Args:
        stages: Rerankers, the cheapest first.
        keep: How many documents each stage but the last hands on.
    """

    def __init__(self, stages: list[Reranker], keep: list[int]) -> None:
        require_scoring("stages", stages)
        if len(keep) != len(stages) - 1 or any(n < 1 for n in keep):
            msg = (
                f"keep must have one positive number for each stage but the last "
                f"({len(stages) - 1}), got {keep}."
            )
            raise ValueError(msg)
        self._stages = stages
        self._keep = keep
        self._names = labels(stage.name for stage in stages)
        self.columns = columns_of(stages)
        self.reads_order = any(stage.reads_order for stage in stages)
        self.tells_rows_apart = any(stage.tells_rows_apart for stage in stages)
        self.needs_text = any(stage.needs_text for stage in stages)

    @property
    def score_kind(self) -> str:
        """The last stage's, which may only know it once its model is loaded."""
        return self._stages[-1].score_kind

    @hookimpl
    def warmup(self) -> None:
        for stage in self._stages:
            stage.warmup()

    @hookimpl
    def score(
        self,
        query: str,
        documents: Sequence[str],
        candidates: pa.Table | None,
        top_k: int | None,
        timeout: float | None,
    ) -> Scores:
        deadline = None if timeout is None else time.monotonic() + timeout
        if self.reads_order:
            candidates = _in_order(candidates, len(documents))
        alive = np.arange(len(documents))  # (n_alive,) indices, best first
        fallen: list[NDArray[np.int64]] = []
        evidence = Evidence(len(documents))
        keeps = [*self._keep, None]
        for stage, name, keep in zip(self._stages, self._names, keeps, strict=True):
            scores = stage.score(
                query,
                [documents[i] for i in alive.tolist()],
                None if candidates is None else take(candidates, alive),
                top_k if keep is None else keep,
                _left(deadline, stage),
            )
            index = np.full(len(documents), -1, dtype=np.int64)
            index[alive] = np.arange(len(alive))
            evidence.add(name, expand(scores, index))
            ranked = alive[scores.ranking()]
            alive = ranked[:keep]
            fallen.insert(0, ranked[len(alive) :])
        order = np.concatenate([alive, *fallen])
        return evidence.scores(evidence.latest, order=order)


class Ensemble:
    """Score with several rerankers and merge their rankings.

    Args:
        rerankers: The rerankers; ``"incoming"`` stands for the order and the scores
            that the documents came with, so that retrieval counts too.
        merger: How to merge the rankings; reciprocal rank fusion by default.
        weights: What each of the rerankers counts for; 1 each by default.
    """

    def __init__(
        self,
        rerankers: list[Reranker | Literal["incoming"]],
        merger: Reranker | None = None,
        weights: list[float] | None = None,
    ) -> None:
        children = [child for child in rerankers if isinstance(child, Reranker)]
        require_scoring("rerankers", children)
        if merger is not None and not merger.merges:
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
        self._rerankers = rerankers
        self._children = children
        self._merger = merger or _default_merger()
        self._weights = weights or [1.0] * len(rerankers)
        self._names = labels(getattr(child, "name", INCOMING) for child in rerankers)
        self.columns = columns_of(children)
        self.tells_rows_apart = any(child.tells_rows_apart for child in children)
        self.reads_order = INCOMING in rerankers or any(
            child.reads_order for child in children
        )
        if INCOMING in rerankers and self.columns is not None:
            self.columns = (*self.columns, _MERGED)
        self.needs_text = any(child.needs_text for child in children)

    @hookimpl
    def warmup(self) -> None:
        for child in self._children:
            child.warmup()

    @hookimpl
    def score(
        self,
        query: str,
        documents: Sequence[str],
        candidates: pa.Table | None,
        timeout: float | None,
    ) -> Scores:
        deadline = None if timeout is None else time.monotonic() + timeout
        n = len(documents)
        rankings = []
        evidence = Evidence(n)
        ranked = np.zeros(n, dtype=bool)
        for child, name, weight in zip(
            self._rerankers, self._names, self._weights, strict=True
        ):
            if isinstance(child, Reranker):
                left = _left(deadline, child)
                scores = child.score(query, documents, candidates, timeout=left)
                evidence.add(name, scores)
                ranking = _ranking_of(scores, name, weight)
            else:
                ranking = _incoming(n, candidates, weight)
            ranked[ranking.documents] = True
            rankings.append(ranking)
        merged = self._merger.merge(rankings, n, query)
        return evidence.scores(np.where(ranked, merged, np.nan))


class Evidence:
    """What the children of a composite say, gathered over all its documents."""

    def __init__(self, n: int) -> None:
        self.latest: NDArray[np.float64] = np.full(n, np.nan)
        self._columns: dict[str, pa.Array] = {}
        self._notes: list[str] = []

    def add(self, name: str, scores: Scores) -> None:
        """Take over what one child says, already spread over all documents."""
        import pyarrow as pa

        self.latest = scores.values
        own = pa.array(scores.values, mask=np.isnan(scores.values))
        for column, values in {**scores.columns, f"_{name}_score": own}.items():
            new, old = as_array(values), self._columns.get(column)
            self._columns[column] = new if old is None else _over(new, old)
        self._notes.extend(note for note in scores.notes if note not in self._notes)

    def scores(
        self, values: NDArray[np.float64], order: NDArray[np.int64] | None = None
    ) -> Scores:
        """Return *values* with everything the children said."""
        return Scores(values, self._columns, tuple(self._notes), order)


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


def columns_of(children: Iterable[Reranker]) -> tuple[str, ...] | None:
    """Return the candidate columns that all *children* together declare.

    None where one of them declares nothing but reads candidates: it needs them all.
    """
    names: dict[str, None] = {}
    for child in children:
        if child.columns is None and child.reads_candidates:
            return None
        names.update(dict.fromkeys(child.columns or ()))
    return tuple(names)


def require_scoring(option: str, children: Sequence[Reranker]) -> None:
    """Refuse children that cannot score, and an empty list of them.

    Raises:
        ValueError: With a sentence that names the option and the child.
    """
    if not children:
        msg = f"{option} must name at least one reranker that scores."
        raise ValueError(msg)
    for child in children:
        if not child.scores:
            msg = (
                f"{option} must name rerankers that score, but {child.name!r} only "
                "merges."
            )
            raise ValueError(msg)


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


def _incoming(n: int, candidates: pa.Table | None, weight: float) -> Ranking:
    order = np.arange(n)
    if candidates is None or _MERGED not in candidates.column_names:
        return Ranking(order, None, weight, INCOMING)
    scores = candidates[_MERGED].to_numpy().astype(np.float64)
    order = np.argsort(-scores, kind="stable")  # after another stage it may differ
    order = order[~np.isnan(scores[order])]
    return Ranking(order, scores[order], weight, INCOMING)


def _in_order(candidates: pa.Table | None, n: int) -> pa.Table:
    """Return candidates with incoming scores: where they have none, evenly spaced.

    A stage gets documents in the order of the one before it; by these it still knows
    the order in which they came.
    """
    import pyarrow as pa

    scores = pa.array(-np.arange(1.0, n + 1))
    if candidates is None:
        return pa.table({_MERGED: scores})
    if _MERGED in candidates.column_names:
        return candidates
    return candidates.append_column(_MERGED, scores)


def _default_merger() -> Reranker:
    from resift.mergers import ReciprocalRankFusion

    return Reranker(ReciprocalRankFusion())


def _left(deadline: float | None, child: Reranker) -> float | None:
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        msg = f"{child.who} was not asked: the time for this call had run out."
        raise BackendTimeoutError(msg)
    return left
