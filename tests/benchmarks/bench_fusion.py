"""How fast is merging? resift beside LanceDB's rerankers and ranx, in one run.

    python tests/benchmarks/bench_fusion.py

Each pair is measured in turns, a round of one and a round of the other, and the medians
are compared, so that a busy machine slows both. Results are compared before they are
timed. Exits with 1 if a target is missed. ranx is left out where it is not installed;
where it is, its compiler takes most of a minute first.
"""

from __future__ import annotations

import importlib.util
import statistics
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from lancedb.rerankers import LinearCombinationReranker, RRFReranker

import resift
from resift.rerankers.mergers import ReciprocalRankFusion
from resift.union import Union

if TYPE_CHECKING:
    from collections.abc import Callable

RNG = np.random.default_rng(7)
MERGE_BUDGET = 30e-6


@dataclass(frozen=True)
class Row:
    """One line of the result: seconds, and the ratio that is promised."""

    case: str
    resift: float
    other: float | None
    target: str
    met: bool | None

    def __str__(self) -> str:
        other = "" if self.other is None else _duration(self.other)
        ratio = "" if self.other is None else f"{self.other / self.resift:.1f}x"
        met = {None: "", True: "met", False: "MISSED"}[self.met]
        times = f"{_duration(self.resift):>10} {other:>10} {ratio:>8}"
        return f"{self.case:<54} {times}  {self.target:<8} {met}"


LEG_SCORES = ("_distance", "_score")  # which LanceDB leaves out, too


def main() -> int:
    """Measure everything; return the exit code."""
    print(f"{'case':<54} {'resift':>10} {'other':>10} {'ratio':>8}  target")
    rows = []
    for measure in (merge_alone, two_lists, four_lists, convex, thousand_queries):
        for row in measure():
            print(row, flush=True)
            rows.append(row)
    return int(any(row.met is False for row in rows))


def merge_alone() -> list[Row]:
    """RRF of 2 x 100 integer positions, inside the merger."""
    rankings = [
        resift.Ranking(RNG.permutation(150)[:100].astype(np.int64)) for _ in range(2)
    ]
    merger = ReciprocalRankFusion()

    (ours,) = in_turns([lambda: merger.merge(rankings, 150)], rounds=41, repeat=200)
    return [Row("rrf.merge, 2 x 100 ids", ours, None, "<= 30 us", ours <= MERGE_BUDGET)]


def two_lists() -> list[Row]:
    """A whole hybrid rerank with a text column; LanceDB drops the legs' scores."""
    reranker = resift.load("rrf", config=None)
    lance = RRFReranker()
    rows = []
    for size, target, repeat in ((100, 2, 10), (1_000, None, 3)):
        vector, text = _legs(size, 2)
        row = _against(
            f"rerank, 2 x {size:,} rows with text / LanceDB RRF hybrid",
            lambda legs=(vector, text): reranker.rerank("q", *legs, drop=LEG_SCORES),
            lambda legs=(vector, text): lance.rerank_hybrid("q", *legs),
            target=target,
            rounds=61,
            repeat=repeat,
        )
        rows.append(row)
    return rows


def four_lists() -> list[Row]:
    """A whole multi-vector rerank of long lists."""
    legs = _legs(10_000, 4)
    reranker = resift.load("rrf", config=None)
    lance = RRFReranker()
    return [
        _against(
            "rerank, 4 x 10,000 rows with text / LanceDB RRF multi",
            lambda: reranker.rerank("q", *legs),
            lambda: lance.rerank_multivector(legs, "q"),
            target=4,
            rounds=15,
            repeat=1,
        )
    ]


def convex() -> list[Row]:
    """A whole score fusion where the vectors are in the result."""
    vector, text = _legs(1_000, 2, width=384)
    reranker = resift.load("convex", config=None)
    lance = LinearCombinationReranker()
    return [
        _against(
            "rerank by convex, 2 x 1,000 rows, 384-wide / Linear",
            lambda: reranker.rerank("q", vector, text, drop=LEG_SCORES),
            lambda: lance.rerank_hybrid("q", vector, text),
            target=20,
            rounds=11,
            repeat=1,
        )
    ]


def thousand_queries() -> list[Row]:
    """1,000 queries of 2 x 100 ids, against ranx's compiled RRF on ready-made runs."""
    if importlib.util.find_spec("ranx") is None:
        print("ranx is not installed: pip install ranx to compare with its RRF")
        return []
    from ranx import Run, fuse

    ids = [[RNG.permutation(150)[:100] for _ in range(2)] for _ in range(1_000)]
    runs = [
        Run(
            {
                f"q{query}": {f"d{id}": 100.0 - i for i, id in enumerate(lists[leg])}
                for query, lists in enumerate(ids)
            }
        )
        for leg in range(2)
    ]
    rankings = [[resift.Ranking(ranked) for ranked in lists] for lists in ids]
    tables = [[pa.table({"_rowid": ranked}) for ranked in lists] for lists in ids]
    merger = ReciprocalRankFusion()

    def merge() -> None:
        for lists in rankings:
            merger.merge(lists, 150)

    def encode_merge_sort() -> None:
        for lists in tables:
            union = Union(lists, id="_rowid")
            union.order(merger.merge(union.rankings, union.n_documents))

    def ranx() -> None:
        fuse(runs, norm=None, method="rrf", params={"k": 60})

    _same_as_ranx(fuse(runs, norm=None, method="rrf", params={"k": 60}), ids[0])
    ours, whole, theirs = in_turns([merge, encode_merge_sort, ranx], 9, 1)
    return [
        Row(
            "rrf.merge, 1,000 queries of 2 x 100 / ranx RRF, warm",
            ours,
            theirs,
            ">= 5x",
            theirs >= 5 * ours,
        ),
        Row("the same with ids encoded and sorted", whole, theirs, "", None),
    ]


def in_turns(
    functions: list[Callable[[], object]], rounds: int, repeat: int
) -> list[float]:
    """Return each function's median seconds per call, measured in turns."""
    times: list[list[float]] = [[] for _ in functions]
    for function in functions:
        function()
    for _ in range(rounds):
        for function, taken in zip(functions, times, strict=True):
            start = time.perf_counter()
            for _ in range(repeat):
                function()
            taken.append((time.perf_counter() - start) / repeat)
    return [statistics.median(taken) for taken in times]


def _against(
    case: str,
    ours: Callable[[], pa.Table],
    theirs: Callable[[], pa.Table],
    *,
    target: int | None,
    rounds: int,
    repeat: int,
) -> Row:
    a, b = ours(), theirs()
    assert sorted(a["_rowid"].to_pylist()) == sorted(b["_rowid"].to_pylist()), case
    np.testing.assert_allclose(
        a["_relevance_score"].to_numpy(), b["_relevance_score"].to_numpy(), atol=1e-6
    )
    mine, other = in_turns([ours, theirs], rounds, repeat)
    if target is None:
        return Row(case, mine, other, "", None)
    return Row(case, mine, other, f">= {target}x", other >= target * mine)


def _same_as_ranx(fused: object, lists: list[np.ndarray]) -> None:
    union = Union([pa.table({"_rowid": ranked}) for ranked in lists], id="_rowid")
    merged = ReciprocalRankFusion().merge(union.rankings, union.n_documents)
    ids = union.take(np.arange(union.n_documents))["_rowid"].to_pylist()
    scores = dict(fused["q0"])  # type: ignore[index]  # ranx is not typed
    np.testing.assert_allclose(merged, [scores[f"d{id}"] for id in ids])


def _legs(rows: int, lists: int, width: int = 0) -> list[pa.Table]:
    """Return overlapping legs: distances in the first, scores in a second of two."""
    pool = rows * 3 // 2
    texts = np.array([f"{i:08d} " + "lorem ipsum dolor " * 12 for i in range(pool)])
    vectors = RNG.random((pool, width), dtype=np.float32)
    legs = []
    for leg in range(lists):
        ids = RNG.permutation(pool)[:rows]
        values = np.linspace(0, 1, rows, dtype=np.float32)
        columns = {
            "_rowid": pa.array(ids, pa.uint64()),
            "text": pa.array(texts[ids].astype("U200")),
        }
        if width:
            flat = pa.array(vectors[ids].ravel())
            columns["vector"] = pa.FixedSizeListArray.from_arrays(flat, width)
        if lists == 2 and leg == 1:
            columns["_score"] = pa.array(values[::-1])
        else:
            columns["_distance"] = pa.array(values)
        legs.append(pa.table(columns))
    return legs


def _duration(seconds: float) -> str:
    if seconds < 1e-3:
        return f"{seconds * 1e6:.3g} us"
    return f"{seconds * 1e3:.3g} ms"


if __name__ == "__main__":
    sys.exit(main())
