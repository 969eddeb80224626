"""The mergers, called directly, against LanceDB's own rerankers on random legs."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from lancedb import rerankers

from resift.ranking import Ranking
from resift.rerankers.mergers import ConvexCombination, ReciprocalRankFusion, min_max


def lance_legs(seed: int) -> tuple[list[Ranking], list[int], list[object]]:
    """Two overlapping legs as `Ranking`s and as LanceDB's tables, and the row ids."""
    rng = np.random.default_rng(seed)
    rankings, tables = [], []
    ids: dict[int, int] = {}
    for column, sign in (("_distance", -1.0), ("_score", 1.0)):
        rows = rng.choice(60, size=rng.integers(2, 40), replace=False).tolist()
        positions = [ids.setdefault(row, len(ids)) for row in rows]
        scores = min_max(np.sort(rng.random(len(rows)))[::-1].astype(np.float32))
        values = 1 - scores if sign < 0 else scores
        tables.append(
            pa.table(
                {
                    "_rowid": pa.array(rows, pa.uint64()),
                    column: pa.array(values, pa.float32()),
                }
            )
        )
        scores = sign * values.astype(np.float32).astype(np.float64)
        rankings.append(Ranking(np.array(positions), scores))
    return rankings, list(ids), tables


def assert_same(table: object, ids: list[int], merged: np.ndarray) -> None:
    """Compare order and scores with LanceDB's float32 result."""
    shown = merged.astype(np.float32)
    order = np.argsort(-shown, kind="stable")
    assert table["_rowid"].to_pylist() == [ids[i] for i in order]  # type: ignore[index]
    scores = table["_relevance_score"].to_numpy()  # type: ignore[index]
    np.testing.assert_allclose(scores, shown[order], rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize("seed", range(5))
def test_rrf_is_lancedbs(seed: int) -> None:
    """`rrf` gives the order and the scores of LanceDB's RRFReranker."""
    rankings, ids, tables = lance_legs(seed)

    hybrid = rerankers.RRFReranker().rerank_hybrid("q", *tables)
    several = rerankers.RRFReranker(K=7).rerank_multivector(tables)

    assert_same(hybrid, ids, ReciprocalRankFusion().merge(rankings, len(ids)))
    assert_same(several, ids, ReciprocalRankFusion(k=7).merge(rankings, len(ids)))


@pytest.mark.parametrize("seed", range(5))
def test_rrf_with_k_0_is_lancedbs_mrr(seed: int) -> None:
    """`rrf` with k=0 and shares as weights gives LanceDB's MRRReranker."""
    rankings, ids, tables = lance_legs(seed)
    halves, shares = (
        [Ranking(r.documents, weight=w) for r, w in zip(rankings, weights, strict=True)]
        for weights in ((0.5, 0.5), (0.8, 0.2))
    )

    mean = rerankers.MRRReranker().rerank_multivector(tables)
    weighted = rerankers.MRRReranker(0.8, 0.2).rerank_hybrid("q", *tables)

    k_0 = ReciprocalRankFusion(k=0)
    assert_same(mean, ids, k_0.merge(halves, len(ids)))
    assert_same(weighted, ids, k_0.merge(shares, len(ids)))


@pytest.mark.parametrize("seed", range(5))
def test_convex_is_lancedbs_linear_combination(seed: int) -> None:
    """`convex` gives what LinearCombinationReranker makes of a hybrid query's legs."""
    rankings, ids, tables = lance_legs(seed)

    mixed = rerankers.LinearCombinationReranker().rerank_hybrid("q", *tables)

    assert_same(mixed, ids, ConvexCombination().merge(rankings, len(ids)))
