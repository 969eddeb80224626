"""Reading collections: the formats people have, and the mistakes in them."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from resift.errors import InputError
from resift_eval.beir import BeirFolder
from resift_eval.collection import Collection, read_qrels, read_queries
from resift_eval.vectors import read_vectors


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


def save(folder, name, text="query-id\tcorpus-id\tscore\nq2\td3\t1\n"):
    """Write a file of judgements in a folder of splits."""
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def test_a_split_is_chosen_by_its_name(beir):
    """Judgements of a split stand in for those of the folder."""
    save(beir, "qrels/dev.tsv")

    collection = BeirFolder(beir).read(split="dev")

    assert collection.qrels == {"q2": {"d3": 1}}


@pytest.mark.parametrize(
    ("files", "split", "used", "note"),
    [
        ((), None, "qrels.tsv", ""),
        (("qrels/test.tsv",), None, "test.tsv", ""),
        (
            ("qrels/test.tsv", "qrels/dev.jsonl.gz"), None, "test.tsv",
            "Judged by split 'test'. Other splits: 'dev' (--split dev).",
        ),
        (("qrels/test.tsv", "qrels/dev.qrels"), "dev", "dev.qrels", ""),
        (
            ("qrels/dev.tsv",), None, "qrels.tsv",
            "Judged by qrels.tsv. Other splits: 'dev' (--split dev).",
        ),
    ],
)  # fmt: skip
def test_the_judgements_of_a_folder(beir, files, split, used, note):
    """`test` is the default, then the file without splits; others are said."""
    for name in files:
        save(beir, name)

    path, said = BeirFolder(beir).qrels(split)

    assert (path.name, said) == (used, note)


@pytest.mark.parametrize(
    ("files", "split", "message"),
    [
        (
            (), None,
            "{folder} has no judgements: neither qrels.tsv nor qrels/test.tsv. Name "
            "them: --qrels FILE.",
        ),
        (
            ("qrels/dev.tsv", "qrels/train.tsv"), None,
            "{folder} has no split 'test'. Splits: 'dev', 'train'. Choose one: --split "
            "dev.",
        ),
        (
            ("qrels/dev.tsv",), "val",
            "{folder} has no split 'val'. Splits: 'dev'. Choose one: --split dev.",
        ),
        (
            ("qrels/dev.tsv", "qrels/dev.jsonl"), "dev",
            "{folder}/qrels has dev.jsonl and dev.tsv. Keep one, or name it on the "
            "command line.",
        ),
    ],
)  # fmt: skip
def test_judgements_that_are_not_there(beir, files, split, message):
    """A split that is not there is answered with those that are."""
    (beir / "qrels.tsv").unlink()
    for name in files:
        save(beir, name)

    with pytest.raises(InputError) as error:
        BeirFolder(beir).qrels(split)

    assert str(error.value) == message.format(folder=beir)


def test_files_of_a_folder_may_be_packed(beir):
    """`corpus.jsonl.gz` is the corpus of a folder."""
    corpus = beir / "corpus.jsonl"
    (beir / "corpus.jsonl.gz").write_bytes(gzip.compress(corpus.read_bytes()))
    corpus.unlink()

    assert len(BeirFolder(beir).read().documents) == 5


def test_a_folder_without_queries_is_no_beir_folder(beir):
    """What is missing is named."""
    (beir / "queries.jsonl").unlink()

    with pytest.raises(InputError) as error:
        BeirFolder(beir).read()

    assert str(error.value) == (
        f"{beir} is not a BEIR folder: it has no queries.jsonl."
    )


def test_vectors_are_found_by_their_ids(tmp_path):
    """With `query_ids` the rows may come in any order, and hold more."""
    path = tmp_path / "v.npz"
    np.savez(path, queries=np.eye(3), query_ids=["c", "a", "b"])

    vectors = read_vectors(path, "queries", ["a", "b", "x"], ["b", "a"])

    assert {i: v.tolist() for i, v in vectors.items()} == {
        "b": [0.0, 0.0, 1.0], "a": [0.0, 1.0, 0.0],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"queries": np.eye(4)}, "'queries' must have 1 rows, got shape (4, 4)."),
        ({"queries": np.ones(1)}, "'queries' must have 1 rows, got shape (1,)."),
        (
            {"queries": np.eye(2), "query_ids": ["a", "b"]},
            "'query_ids' lacks 1 ids, 'q1'.",
        ),
        (
            {"queries": np.full((1, 2), np.nan)},
            "'queries' must be finite, got NaN or infinity.",
        ),
    ],
)
def test_vectors_must_fit_their_ids(tmp_path, arrays, message):
    """One finite row per id, or an error with both numbers."""
    path = tmp_path / "v.npz"
    np.savez(path, **arrays)

    with pytest.raises(InputError) as error:
        read_vectors(path, "queries", ["q1"])

    assert str(error.value) == f"{path}: {message}"


def test_a_file_without_vectors_is_named(tmp_path):
    """The array that is missing is named."""
    path = tmp_path / "v.npz"
    np.savez(path, other=np.eye(2))

    with pytest.raises(InputError) as error:
        read_vectors(path, "docs", ["a", "b"])

    assert str(error.value) == (
        f"{path} must be an .npz with the array 'docs': 'docs is not a file in the "
        "archive'."
    )
