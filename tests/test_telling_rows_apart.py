"""Rows of equal or blank text, where some rerankers tell them apart and others not."""

from __future__ import annotations

import pyarrow as pa
import pytest

import resift


class ByValue:
    """Score by a column."""

    columns = ("v",)

    @resift.hookimpl
    def score(self, query, documents, candidates):
        return candidates["v"].to_pylist()


class ReadsAll:
    """Read candidates without declaring which."""

    @resift.hookimpl
    def score(self, query, documents, candidates):
        return [float(len(text)) for text in documents]


@pytest.fixture
def rows():
    """Return three rows: one without text, two of the same text."""
    return pa.table({"text": [None, "x", "x"], "v": [3.0, 2.0, 5.0]})


@pytest.mark.parametrize(
    ("name", "option"), [("fallback", "rerankers"), ("ensemble", "rerankers")]
)
def test_a_composite_tells_rows_apart_where_a_child_does(rows, name, option):
    """The declaring child sees every row, even beside one that declares nothing."""
    children = [resift.Reranker(ByValue()), resift.Reranker(ReadsAll())]
    reranker = resift.load(name, config=None, **{option: children})

    ranked = reranker.rerank("q", rows, id=None)["v"].to_pylist()

    assert ranked[0] == 5.0
    assert sorted(ranked) == [2.0, 3.0, 5.0]


def test_a_cascade_tells_rows_apart(rows):
    """The first stage's column decides between equal texts."""
    stages = [resift.Reranker(ByValue()), resift.Reranker(ReadsAll())]
    reranker = resift.load("cascade", stages=stages, keep=[1], config=None)

    assert reranker.rerank("q", rows, id=None)["v"].to_pylist() == [5.0, 3.0, 2.0]
