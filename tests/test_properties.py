"""What holds for any lists: nothing is lost, and the order is that of the formula."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resift import Reranker
from samples import Lengths, ids, loaded, shown, table

rankings = st.lists(
    st.lists(st.integers(0, 20), max_size=12, unique=True), min_size=1, max_size=4
)
texts = st.lists(
    st.none() | st.text(alphabet="ab \u00e4\U0001f98a", max_size=3), max_size=12
)


def result_of(ids: list[int]) -> pa.Table:
    """Return a result of these ids."""
    columns = {"_rowid": pa.array(ids, pa.int64()), "text": [f"t{i % 7}" for i in ids]}
    return pa.table(columns).cast(
        pa.schema({"_rowid": pa.int64(), "text": pa.string()})
    )


def slow_rrf(lists: list[list[int]], k: int = 60) -> list[tuple[int, float]]:
    """Return ids and scores by reciprocal rank fusion, with dictionaries."""
    scores: dict[int, float] = {}
    best: dict[int, tuple[int, int]] = {}
    for number, found in enumerate(lists):
        for rank, i in enumerate(found, start=1):
            scores[i] = scores.get(i, 0.0) + 1 / (k + rank)
            best[i] = min(best.get(i, (rank, number)), (rank, number))
    order = sorted(scores, key=lambda i: (-scores[i], best[i]))
    return [(i, scores[i]) for i in order]


@given(rankings)
def test_rrf_equals_a_slow_oracle(lists):
    """Order and scores are those of the formula, ties by best rank, then list."""
    result = loaded("rrf").rerank("", *map(result_of, lists))

    expected = slow_rrf(lists)
    assert ids(result) == [i for i, _ in expected]
    assert shown(result) == pytest.approx([score for _, score in expected])


@given(rankings, st.integers(1, 30), st.booleans())
def test_no_row_is_lost_or_doubled(lists, window, drop):
    """Every document of the union is in the result once, scored or not."""

    def some(query, documents):
        return {i: -i for i in range(len(documents)) if not (drop and i % 2)}

    result = Reranker(some).rerank("q", *map(result_of, lists), window=window)

    assert sorted(ids(result)) == sorted({i for found in lists for i in found})
    scores = [score for score in shown(result) if score is not None]
    assert scores == sorted(scores, reverse=True)
    assert shown(result)[: len(scores)] == scores


@given(rankings, st.randoms(use_true_random=False))
def test_the_order_of_the_lists_decides_ties_only(lists, random):
    """Permuting the lists changes no score of `rrf`."""
    other = random.sample(lists, len(lists))

    one = loaded("rrf").rerank("", *map(result_of, lists))
    two = loaded("rrf").rerank("", *map(result_of, other))

    assert dict(zip(ids(one), shown(one), strict=True)) == pytest.approx(
        dict(zip(ids(two), shown(two), strict=True))
    )


@given(texts)
def test_rank_and_rerank_agree(documents):
    """Strings and a table of the same strings are ranked alike."""
    reranker = Reranker(Lengths())

    ranked = reranker.rank("q", documents)
    result = reranker.rerank("q", table(*documents, start=0))

    assert [d.index for d in ranked] == ids(result)
    assert [d.score for d in ranked] == shown(result)


@given(texts, st.integers(1, 15))
def test_a_window_scores_a_prefix_and_moves_nothing_else(documents, window):
    """Rows beyond the window stand unscored, in the order they came, at the end."""
    result = Reranker(Lengths()).rerank("q", table(*documents, start=0), window=window)

    n = len(documents)
    assert ids(result)[window:] == list(range(window, n))
    assert shown(result)[window:] == [None] * max(0, n - window)


COLUMNS = {
    "a": pa.string(),
    "b": pa.list_(pa.float32(), 2),
    "c": pa.decimal128(10, 2),
    "d": pa.dictionary(pa.int8(), pa.string()),
}


@st.composite
def tables(draw):
    """Draw a result: ids that may repeat, some of the columns, some values null."""
    found = draw(st.lists(st.integers(0, 8), max_size=8))
    columns = {"_rowid": pa.array(found, pa.int64())}
    for name in draw(st.lists(st.sampled_from(sorted(COLUMNS)), unique=True)):
        value = {
            "a": st.text(max_size=2),
            "b": st.tuples(*[st.floats(-1, 1, width=16)] * 2).map(list),
            "c": st.decimals(-9, 9, places=2),
            "d": st.sampled_from(["x", "y"]),
        }[name]
        n = len(found)
        values = draw(st.lists(st.none() | value, min_size=n, max_size=n))
        columns[name] = pa.array(values, COLUMNS[name])
    return pa.table(columns)


@given(st.lists(tables(), min_size=1, max_size=4), st.integers(1, 40))
def test_every_value_is_the_first_that_a_list_has(results, top_k):
    """Payload equals that of a slow oracle, in the types that came in."""
    names = list(dict.fromkeys(name for t in results for name in t.column_names))
    payload: dict[int, dict[str, object]] = {}
    for result in results:
        for row in result.to_pylist():
            known = payload.setdefault(row["_rowid"], {})
            for name, value in row.items():
                if known.get(name) is None:
                    known[name] = value

    result = loaded("rrf").rerank("", *results, top_k=top_k)

    assert result.column_names == [*names, "_relevance_score"]
    assert all(result.schema.field(n).type == COLUMNS[n] for n in names if n in COLUMNS)
    for row in result.drop_columns("_relevance_score").to_pylist():
        assert row == {name: payload[row["_rowid"]].get(name) for name in names}
    assert len(result) == min(top_k, len(payload))
