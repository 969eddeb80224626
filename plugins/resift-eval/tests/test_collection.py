"""Reading collections: the formats people have, and the mistakes in them."""

from __future__ import annotations

import pytest

from resift.errors import InputError
from resift_eval.collection import Collection, read_beir, read_qrels, read_queries
from resift_eval.first_stage import read_run, read_vectors


def test_a_beir_folder_is_read(beir):
    """Judged queries stay, in the order of their file; titles join the texts."""
    collection = read_beir(beir)

    assert collection.name == "tiny"
    assert list(collection.queries) == ["q1", "q2", "q3"]
    assert collection.documents["d2"] == "Hens a red hen and a blue hen"
    assert collection.qrels["q1"] == {"d1": 2, "d4": 1}


def test_trec_judgements_are_read(tmp_path):
    """Four columns, separated by spaces, are TREC's."""
    path = tmp_path / "qrels"
    path.write_text("q1 0 d1 2\nq1 0 d2 0\n\nq2 0 d3 1\n")

    assert read_qrels(path) == {"q1": {"d1": 2, "d2": 0}, "q2": {"d3": 1}}


def test_queries_may_be_tab_separated(tmp_path):
    """`id<TAB>text` lines are queries, too."""
    path = tmp_path / "queries.tsv"
    path.write_text("1\tred fox\n2\ttwo\twords\n")

    assert read_queries(path) == {"1": "red fox", "2": "two\twords"}


@pytest.mark.parametrize(
    ("name", "text", "read", "message"),
    [
        (
            "qrels",
            "q1 d1 much\n",
            read_qrels,
            "{path}:1: a judgement must be 'query document relevance' or 'query 0 "
            "document relevance', got 'q1 d1 much'.",
        ),
        (
            "queries.tsv",
            "1\ta\n1\tb\n",
            read_queries,
            "{path}:2: the id '1' is given twice.",
        ),
        (
            "queries.tsv",
            "no tab\n",
            read_queries,
            "{path}:1: a line must be JSON with '_id' and 'text', or 'id<TAB>text': "
            "not enough values to unpack (expected 2, got 1).",
        ),
        (
            "run",
            "q1 d1 3\n",
            read_run,
            "{path}:1: a run has lines of six columns, got 'q1 d1 3'.",
        ),
    ],
)
def test_a_wrong_line_is_named(tmp_path, name, text, read, message):
    """A line that cannot be read is an error with its number."""
    path = tmp_path / name
    path.write_text(text)

    with pytest.raises(InputError) as error:
        read(path)

    assert str(error.value) == message.format(path=path)


def test_ids_that_do_not_agree_are_noticed():
    """Judgements of other queries leave nothing to measure."""
    with pytest.raises(InputError) as error:
        Collection.of("x", {"1": "a"}, {"one": {"d": 1}})

    assert str(error.value) == (
        "x: none of the 1 queries has a relevant document in the judgements, which "
        "name 1 queries. Do the ids agree?"
    )


def test_judged_documents_that_do_not_exist_are_known():
    """Relevant documents outside the collection are listed."""
    qrels = {"1": {"d1": 1, "gone": 1, "irrelevant": 0}}

    collection = Collection.of("x", {"1": "a"}, qrels, {"d1": "text"})

    assert collection.unknown_documents() == ["gone"]


def test_vectors_must_fit_the_files(beir):
    """One row per line of its file, or an error with both numbers."""
    collection = read_beir(beir)

    with pytest.raises(InputError) as error:
        read_vectors(beir / "vectors.npz", collection, ["q1"])

    assert str(error.value) == (
        f"{beir / 'vectors.npz'}: 'queries' must have 1 rows, got shape (4, 5)."
    )
