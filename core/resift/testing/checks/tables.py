"""Checks of a reranker on result tables, those of LanceDB above all."""

from __future__ import annotations

import atexit
import tempfile
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from resift.arrow import RELEVANCE
from resift.testing.cases import GRADED, OBVIOUS, Case
from resift.testing.checks.scores import not_repeatable
from resift.testing.contract import broken, check
from resift.union import Union

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lancedb.rerankers import Reranker as LanceDBReranker
    from lancedb.table import Table

    from resift.testing.subject import Subject

TEXTS = (*GRADED.documents, *OBVIOUS.documents)


def no_lancedb(subject: Subject) -> str | None:
    """Tell that LanceDB is not installed, or may not be asked to rerank."""
    if not find_spec("lancedb"):
        return "lancedb is not installed: it comes with the extra resift[lancedb]"
    if not subject.reachable:
        return "it needs the network"
    return None


@check(
    "Result lists with repeated rows, or rows whose score is null or NaN, still give "
    "each document once.",
    usually="an empty list may have scores: the least of none is an error.",
    of="merger",
    after=("one_score_per_union_document",),
)
def dirty_lists_are_merged(subject: Subject) -> None:
    """Merge tables as a search may return them."""
    first = pa.table({"_rowid": [1, 2, 1, 3], "_score": [3.0, 2.0, 1.0, None]})
    unscored = pa.table({"_rowid": [4, 2], "_score": [float("nan")] * 2})
    for second in (unscored, first.slice(0, 0)):
        union = Union([first, second], id="_rowid")
        scores = subject.merged(union.rankings, union.n_documents)
        rows = union.take(union.order(scores), ["_rowid"])["_rowid"].to_pylist()
        wanted = {1, 2, 3, *second["_rowid"].to_pylist()}
        if sorted(rows) != sorted(wanted):
            lists = f"the rows 1, 2, 1, 3 and {second['_rowid'].to_pylist()}"
            broken(f"the rows come back as {rows}", lists)


@check(
    "Every kind of LanceDB search is reranked: vector, full-text, hybrid, and several "
    "vectors at once. No row is lost, and the best comes first.",
    usually="columns of one kind of search are read that another does not have, or "
    "hold nulls in a hybrid one.",
    after=(
        "declarations_are_known",
        "scores_follow_documents",
        "one_score_per_union_document",
    ),
    unless=(no_lancedb,),
)
def lancedb_searches_are_reranked(subject: Subject) -> None:
    """Build a table on disk, and search it in every way."""
    import resift.lancedb

    reranker = resift.lancedb.load(subject.reranker)
    with _table(subject) as table:
        for kind, expected, result in _searches(table, reranker):
            where = f"a {kind} search of {len(TEXTS)} rows"
            found = sorted(result["id"].to_pylist())
            if found != sorted(expected):
                broken(f"the rows {found} came back instead of {expected}", where)
            _require_falling(result, where)
            if subject.reranker.can_score:
                _require_own_scores(subject, result, where)


@contextmanager
def _table(subject: Subject) -> Iterator[Table]:
    """Build a table with the columns that the reranker reads.

    One without any is built once, and searched by all rerankers that need no others.
    """
    own = subject.candidates(TEXTS)
    names = [name for name in own.column_names if name != RELEVANCE] if own else []
    if not names or own is None:
        yield _plain()
        return
    with tempfile.TemporaryDirectory() as folder:
        yield _written(folder, {name: own[name] for name in names})


@cache
def _plain() -> Table:
    folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    atexit.register(folder.cleanup)
    return _written(folder.name, {})


def _written(folder: str, columns: Mapping[str, pa.ChunkedArray]) -> Table:
    import lancedb
    from lancedb.index import FTS

    n = len(TEXTS)
    angles = np.linspace(0, 1.5, n, dtype=np.float32)
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).ravel()
    data = {
        "id": pa.array(range(n)),
        "text": pa.array(TEXTS),
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors), 2),
    }
    data = pa.table(data | dict(columns))
    table = lancedb.connect(Path(folder)).create_table("contract", data)
    table.create_index("text", config=FTS())
    return table


def _searches(
    table: Table, reranker: LanceDBReranker
) -> Iterator[tuple[str, list[int], pa.Table]]:
    """Yield each kind of search, the rows it must return, and what it returned."""
    query = GRADED.query
    everything = list(range(len(TEXTS)))
    east, north = [1.0, 0.0], [0.0, 1.0]
    vector: Any = table.search(east, "vector", "vector").limit(10)
    yield "vector", everything, vector.rerank(reranker, query_string=query).to_arrow()
    found = table.search(query, query_type="fts").limit(10).to_arrow()["id"].to_pylist()
    words = table.search(query, query_type="fts").limit(10)
    yield "full-text", found, words.rerank(reranker).to_arrow()
    hybrid = table.search(query_type="hybrid", vector_column_name="vector")
    hybrid = hybrid.vector(east).text(query).limit(10)
    yield "hybrid", everything, hybrid.rerank(reranker).to_arrow()
    legs = [
        table.search(v, "vector", "vector").with_row_id(True).limit(10)  # noqa: FBT003  # LanceDB's signature
        for v in (east, north)
    ]
    several = reranker.rerank_multivector(legs, query, deduplicate=True)
    yield "multi-vector", everything, several


def _require_falling(result: pa.Table, where: str) -> None:
    scores = result[RELEVANCE].to_numpy()
    scored = scores[~np.isnan(scores)]
    if (np.diff(scored) > 0).any() or np.isnan(scores[: len(scored)]).any():
        broken(f"along the rows the scores are {scores.tolist()}", where)


def _require_own_scores(subject: Subject, result: pa.Table, where: str) -> None:
    """Compare each row's score with what the reranker says of its text."""
    if not_repeatable(subject) or subject.declares("reads_order"):
        return
    if RELEVANCE in (subject.reranker.columns or ()):
        return  # what a search merged is not what the contract makes up
    texts = tuple(result["text"].to_pylist())
    wanted = subject.scores(Case(GRADED.query, texts))
    got = result[RELEVANCE].to_numpy().astype(np.float64)
    if (at := subject.differing(got, wanted)) is not None:
        found = f"{texts[at]!r} scores {got[at]:.6g} instead of {wanted[at]:.6g}"
        broken(found, where)
