"""Answers of a job: those of `Reranker.rank`, from every layout."""

from __future__ import annotations

import pyarrow as pa
import pytest

import resift
from jobs import answers, contents, lists
from resift_batch.rows import ParquetRows


def ranked(rows, reranker="bm25", top_k=None):
    """Return what `Reranker.rank` makes of rows, in the form of a job's answers."""
    loaded = resift.load(reranker, config=None)
    return [
        {
            "row": number,
            "qid": row["qid"],
            "id": row["candidates"][found.index]["id"],
            "rank": found.rank,
            "score": found.score,
        }
        for number, row in enumerate(rows)
        for found in loaded.rank(
            row["query"], [c["text"] for c in row["candidates"]], top_k
        )
    ]


def test_lists_and_pairs_are_ranked_as_rank_does(source, run, tmp_path):
    """A row per query or a row per pair: order and scores are those of `rank`."""
    rows = lists(30, 8)
    pairs = [
        {"qid": row["qid"], "query": row["query"], "docno": c["id"], "text": c["text"]}
        for row in rows
        for c in row["candidates"]
    ]

    for name, table in (("lists", rows), ("pairs", pairs)):
        path = source(table, f"{name}.parquet", row_group_size=7)
        done = run(path, tmp_path / name, "-r", "bm25", "--pairs-per-part", "50")
        assert done.returncode == 0, done.stderr
    expected = ranked(rows)
    assert answers(tmp_path / "lists") == expected
    firsts = [{**answer, "row": answer["row"] * 8} for answer in expected]
    assert answers(tmp_path / "pairs") == firsts


@pytest.mark.slow
def test_processes_write_the_bytes_that_this_one_does(source, run, program, tmp_path):
    """An engine only maps parts; where they are done is not seen in the answers."""
    path = source(lists(12, 4))
    options = ("-r", "bm25", "--pairs-per-part", "20", "--workers", "1")
    here = run(path, tmp_path / "here", *options)
    there = program(path, tmp_path / "there", *options)

    assert (here.returncode, there.returncode) == (0, 0), there.stderr
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


@pytest.mark.parametrize("size", [1, 7, 100, 10_000])
def test_parquet_is_read_by_position(source, size):
    """Whatever the row groups, files and the order of reading."""
    table = pa.table(
        {"a": range(1_000), "b": [{"c": i, "d": -i} for i in range(1_000)]}
    )
    files = [
        source(table.slice(start, 500), f"{start}.parquet", row_group_size=size)
        for start in (0, 500)
    ]
    rows = ParquetRows(files)

    assert len(rows) == 1_000
    for start, n in [(0, 10), (10, 700), (710, 290), (3, 1), (499, 2), (980, 20)]:
        found = rows.read(start, n, {"a": (), "b": ("c",)})
        assert found["a"].to_pylist() == list(range(start, start + n))
        assert [b["c"] for b in found["b"].to_pylist()] == list(range(start, start + n))
