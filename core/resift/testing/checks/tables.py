"""Checks of a reranker on result tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from resift.arrow import Union
from resift.testing.contract import broken, check

if TYPE_CHECKING:
    from resift.testing.subject import Subject


@check(
    "Result lists with repeated rows, or rows whose score is null or NaN, still give "
    "each document once.",
    usually="a list of which no row has a score is an empty list that has scores: the "
    "least of none is an error.",
    of="merger",
    after=("one_score_per_union_document",),
)
def dirty_lists_are_merged(subject: Subject) -> None:
    """Merge tables as a search may return them."""
    first = pa.table({"_rowid": [1, 2, 1, 3], "_score": [3.0, 2.0, 1.0, None]})
    second = pa.table({"_rowid": [4, 2], "_score": [float("nan")] * 2})
    union = Union([first, second], id="_rowid")
    scores = subject.merged(union.rankings, union.n_documents)
    rows = union.take(union.order(scores), ["_rowid"])["_rowid"].to_pylist()
    if sorted(rows) != [1, 2, 3, 4]:
        broken(f"the rows come back as {rows}", "the rows 1, 2, 1, 3 and 4, 2")
