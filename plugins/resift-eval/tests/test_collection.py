"""Reading collections: the formats people have, and the mistakes in them."""

from __future__ import annotations

import pytest

from resift.errors import InputError
from resift_eval.beir import BeirFolder
from resift_eval.collection import Collection, read_qrels, read_queries
from resift_eval.first_stage import read_vectors


def test_a_beir_folder_is_read(beir):
    """Judged queries stay, in the order of their file; titles join the texts."""
    collection = BeirFolder(beir).read()

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


def test_queries_that_are_not_judged_are_noted():
    """Queries without judgements, without text and without relevant documents."""
    qrels = {"1": {"d": 1}, "3": {"d": 0, "e": -2}, "4": {"d": 1}}

    collection = Collection.of("x", {"1": "a", "2": "b", "3": "c"}, qrels)

    assert list(collection.queries) == ["1"]
    assert collection.notes == [
        "Not counted (not judged): 1 of 3 queries, '2'.",
        "Not counted (without text): 1 of 3 queries, '4'.",
        "Not counted (nothing relevant): 1 of 2 queries, '3'.",
    ]


def test_ids_that_do_not_agree_are_noticed():
    """Judgements of other queries leave nothing to measure."""
    with pytest.raises(InputError) as error:
        Collection.of("x", {"1": "a"}, {"one": {"d": 1}})

    assert str(error.value) == (
        "x: none of the 1 queries is judged. Queries: '1'; judged: 'one'. Do the ids "
        "agree?"
    )


@pytest.mark.parametrize("grade", [0, -1, -2])
def test_judgements_without_a_relevant_document_are_an_error(grade):
    """A collection in which nothing is relevant cannot be measured."""
    with pytest.raises(InputError) as error:
        Collection.of("x", {"1": "a"}, {"1": {"d": grade}})

    assert str(error.value) == (
        "x: none of the 1 judged queries has a relevant document: no grade is above 0."
    )


def test_vectors_must_fit_the_files(beir):
    """One row per line of its file, or an error with both numbers."""
    collection = BeirFolder(beir).read()

    with pytest.raises(InputError) as error:
        read_vectors(beir / "vectors.npz", collection, ["q1"])

    assert str(error.value) == (
        f"{beir / 'vectors.npz'}: 'queries' must have 1 rows, got shape (4, 5)."
    )
