"""PyTerrier: a transformer, alone, in pipelines and in experiments."""

from __future__ import annotations

import logging
import pickle
import re
from pathlib import Path

import pytest

pytest.importorskip("pyterrier", reason="python-terrier is not installed")
import pandas as pd
import pyterrier as pt

import resift
from resift_pyterrier import ResiftReranker

OPEN = {"use": "cohere", "options": {"api_key": "sk-open"}}
COLUMNS = ["qid", "query", "docno", "text"]


class Counting:
    """Scores by length, and keeps how many texts each call had."""

    def __init__(self):
        self.calls = []

    @resift.hookimpl
    def score_many(self, queries, documents):
        self.calls.append([len(texts) for texts in documents])
        return [[float(len(text)) for text in texts] for texts in documents]


def results(*rows, **more):
    """Return results of queries: their ids, query texts, documents and texts."""
    return pd.DataFrame(rows, columns=COLUMNS).assign(**more)


RESULTS = results(
    ("2", "red fox", "a", "a blue whale"),
    ("2", "red fox", "b", "the quick red fox"),
    ("1", "hen", "b", "the quick red fox"),
    ("1", "hen", "c", "a hen"),
    score=0.5,
    rank=0,
    source="s",
)


def test_each_query_s_results_are_ranked():
    """Best first, with ranks from 0 as PyTerrier has them; other columns stay."""
    before = RESULTS.copy(deep=True)

    found = ResiftReranker("bm25")(RESULTS)

    assert found.columns.to_list() == [*COLUMNS, "source", "score", "rank"]
    assert found[["qid", "docno", "rank"]].to_numpy().tolist() == [
        ["2", "b", 0],
        ["2", "a", 1],
        ["1", "c", 0],
        ["1", "b", 1],
    ]
    assert [str(found[name].dtype) for name in ("score", "rank")] == [
        "float64",
        "int64",
    ]
    assert found.attrs["resift.notes"] == []
    pd.testing.assert_frame_equal(RESULTS, before)


def test_rows_of_a_query_need_not_stand_together():
    """Queries come in the order in which they are met first."""
    found = ResiftReranker("bm25", top_k=1)(RESULTS.iloc[[0, 2, 1, 3]])

    assert found.docno.to_list() == ["b", "c"]


def test_pairs_are_scored_in_batches():
    """As many queries at once as have no more pairs."""
    counting = Counting()
    five = pd.concat([RESULTS.assign(qid=f"{i}", query="q") for i in range(5)])

    ResiftReranker(resift.Reranker(counting), batch_size=9)(five)

    assert counting.calls == [[3, 3], [3, 3], [3]]  # of two equal texts one


def test_scores_are_those_of_rank():
    """The same numbers as without PyTerrier."""
    reranker = resift.load("bm25", config=None)

    found = ResiftReranker("bm25")(RESULTS)

    for _, own in found.groupby("qid"):
        ranked = reranker.rank(own["query"].iloc[0], own.text.to_list())
        assert own.score.to_list() == [document.score for document in ranked]


def test_scores_fall_where_the_reranker_s_do_not():
    """What was not scored stays behind, in its order, for whatever reads scores."""
    given = results(
        ("1", "fox", "a", "hen"),
        ("1", "fox", "b", None),
        ("1", "fox", "c", "fox"),
        ("1", "fox", "d", "a fox"),
        ("1", "fox", "e", "fox"),
    )
    narrow = ResiftReranker({"use": "bm25", "window": 3})

    found = narrow(given)

    assert found.docno.to_list() == ["c", "a", "b", "d", "e"]
    assert found.score.to_list()[1:] == [0.0, -1.0, -2.0, -3.0]


def test_a_reranker_reads_columns_by_name():
    """Those that it declares; all others stay where they are."""

    class Newest:
        columns = ("year",)

        @resift.hookimpl
        def score(self, candidates):
            assert set(candidates.column_names) >= {"year"}
            return candidates.column("year").to_pylist()

    given = RESULTS.assign(year=[1990, 2020, 2000, 2010])

    found = ResiftReranker(resift.Reranker(Newest()))(given)

    assert found.docno.to_list() == ["b", "a", "c", "b"]


def test_notes_are_told(caplog):
    """In the attributes of the frame and in the log, once each."""

    class Noting:
        @resift.hookimpl
        def score(self, documents):
            return resift.Scores([2.0, 1.0], notes=("a note",))

    with caplog.at_level(logging.WARNING, "resift"):
        found = ResiftReranker(resift.Reranker(Noting()))(RESULTS)

    assert found.attrs["resift.notes"] == ["a note"]
    assert caplog.messages == ["a note"]


def test_inspecting_loads_no_reranker():
    """Columns are known without; an empty frame has the columns of an answer."""
    transformer = ResiftReranker("no-such-reranker")

    inputs = pt.inspect.transformer_inputs(transformer)
    outputs = pt.inspect.transformer_outputs(transformer, input_columns=COLUMNS)

    assert inputs == [["qid", "query", "docno", "text"]]
    assert outputs == [*COLUMNS, "score", "rank"]
    assert len(transformer(RESULTS.iloc[:0])) == 0


def test_a_missing_column_is_told_as_pyterrier_does():
    """By its own error, which `pt.inspect` and pipelines know."""
    with pytest.raises(pt.validate.InputValidationError, match="text"):
        ResiftReranker("bm25")(RESULTS.drop(columns="text"))


def test_pipelines_take_it():
    """Between a retriever and a cutoff, compiled, too: then the reranker is told."""
    first = pt.Transformer.from_df(RESULTS)
    topics = pd.DataFrame({"qid": ["1", "2"], "query": ["hen", "red fox"]})

    for pipeline in (
        first >> ResiftReranker("bm25") % 1,
        (first >> ResiftReranker("bm25") % 1).compile(),
    ):
        assert sorted(pipeline(topics).docno) == ["b", "c"]
    for own, k, expected in ((None, 3, 3), (2, 3, 2), (3, 2, 2)):
        assert ResiftReranker("bm25", top_k=own).fuse_rank_cutoff(k).top_k == expected
    strict = ResiftReranker({"use": "bm25", "top_k": 1})
    assert strict.fuse_rank_cutoff(3).top_k == 1


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [("1", "a", "x", "t"), ("1", "b", "y", "t")],
            "ResiftReranker: query '1' must have one text in all of its rows.",
        ),
        (
            [("1", " ", "x", "t")],
            "Reranker 'bm25' (resift 0.1.0) needs a query that is not blank, got ' '.",
        ),
    ],
    ids=["two texts", "blank"],
)
def test_a_query_has_one_text(rows, message):
    """That is not blank."""
    with pytest.raises(resift.InputError) as caught:
        ResiftReranker("bm25")(results(*rows))

    assert str(caught.value) == message


def test_a_number_is_at_least_one():
    """Before anything is ranked."""
    with pytest.raises(resift.InputError) as caught:
        ResiftReranker("bm25", top_k=0)

    assert str(caught.value) == "ResiftReranker: top_k must be at least 1, got 0."


def test_no_secret_leaves():
    """It is not printed, and not pickled."""
    transformer = ResiftReranker(OPEN)

    assert "sk-open" not in f"{transformer!r} {transformer} {vars(transformer)!r}"
    with pytest.raises(pickle.PicklingError, match="holds a secret"):
        pickle.dumps(transformer)


def test_it_comes_back_from_a_pickle():
    """So that experiments may run in several processes."""
    transformer = pickle.loads(pickle.dumps(ResiftReranker("bm25", top_k=1)))

    assert transformer(RESULTS).docno.to_list() == ["b", "c"]


class TestSuite(pt.testing.TransformerTestCase):
    """PyTerrier's own suite, with no links to its documentation to be looked up."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        pt.documentation._cached_objects_inv = {}

    @classmethod
    def tearDownClass(cls):
        pt.documentation._cached_objects_inv = None  # its own would warn of a report

    @staticmethod
    def get_transformer():
        return ResiftReranker("bm25")


def test_the_examples_of_the_readme_run():
    """One after another, as they stand on the page."""
    page = Path(__file__).parents[1].joinpath("README.md").read_text("utf-8")
    namespace: dict[str, object] = {}

    for source in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(source, namespace)  # noqa: S102  # our own page
