"""One list and several: identity, scores, and what is read of a document."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field

import pytest

import resift
from resift_adapter import fuse, rank


@dataclass(frozen=True)
class Item:
    text: str | None
    id: str | None = None
    score: float | None = None
    fields: dict = field(default_factory=dict)


class Items:
    def text(self, item):
        return item.text

    def id(self, item):
        return item.id

    def score(self, item):
        return item.score

    def fields(self, item):
        return item.fields


class NoText(Items):
    def text(self, item):
        raise AssertionError


RRF = resift.load("rrf", config=None)
BM25 = resift.load("bm25", config=None)


def ids(answer):
    return [item.id for item in answer.documents]


def test_documents_are_ranked_and_handed_back_as_they_are():
    """The very objects, with Python floats that JSON can hold."""
    fox, hen = Item("the red fox"), Item("a hen")

    answer = rank(BM25, "fox", [hen, fox], Items(), top_k=1)

    assert answer.documents == [fox]
    assert answer.documents[0] is fox
    assert answer.order == [1]
    assert [type(score) for score in answer.scores] == [float]
    assert answer.notes == ()


def test_a_document_without_text_is_not_scored():
    """Its score is None, and it comes last."""
    answer = rank(BM25, "fox", [Item(None), Item("fox")], Items())

    assert answer.order == [1, 0]
    assert answer.scores[1] is None


def test_two_documents_of_one_text_stay_two():
    """Their ids say that they are."""
    a, b = Item("same", "a"), Item("same", "b")

    assert ids(fuse(RRF, "", {"x": [a], "y": [b]}, Items())) == ["a", "b"]


def test_one_id_is_one_document_whatever_else_differs():
    """It is handed back as the first list has it."""
    one, other = Item("v1", "a", fields={"v": 1}), Item("v2", "a", fields={"v": 2})

    answer = fuse(RRF, "", {"x": [one], "y": [other]}, Items())

    assert answer.documents == [one]
    assert answer.order == [0]


def test_the_id_key_beats_the_id():
    """Chunks with ids of their own may be one page; numbers and digits are equal."""
    a, b = Item("a", "1", fields={"page": 7}), Item("b", "2", fields={"page": "7"})

    assert ids(fuse(RRF, "", {"x": [a], "y": [b]}, Items(), id_key="page")) == ["1"]


def test_a_document_without_the_id_key_is_an_error_that_names_the_keys():
    """Its values are not shown."""
    lists = {"x": [Item("a", fields={"page": 7})], "y": [Item("b", fields={"p": "v"})]}

    with pytest.raises(resift.InputError) as caught:
        fuse(RRF, "", lists, Items(), id_key="page", who="Who")

    assert str(caught.value) == (
        "Who: id_key must be in the metadata of every document, but document 1 of 'y' "
        "has no 'page'. Keys: 'p'."
    )


def test_without_ids_the_text_tells_documents_apart():
    """A document without a text is its own."""
    lists = {"x": [Item("a"), Item(None)], "y": [Item("a"), Item(None)]}

    answer = fuse(RRF, "", lists, Items())

    assert [item.text for item in answer.documents] == ["a", None, None]
    assert answer.notes == ()


def test_where_some_have_no_id_a_note_says_what_was_done():
    """An id must be that of all, or it says nothing."""
    lists = {"x": [Item("a", "1")], "y": [Item("a"), Item("b")]}

    answer = fuse(RRF, "", lists, Items(), who="Who")

    assert [item.text for item in answer.documents] == ["a", "b"]
    assert answer.notes == (
        "Who: 2 of 3 documents have no id, so all were told apart by their text",
    )


def test_a_document_counts_once_in_a_list_at_its_best_rank():
    """Otherwise a list that repeats a document would vote twice."""
    x, y = Item("x", "x"), Item("y", "y")

    assert ids(fuse(RRF, "", {"list": [x, y, y]}, Items())) == ["x", "y"]


def test_weights_count_in_order_and_by_name():
    """For a merger by ranks as for any."""
    lists = {"x": [Item("a", "a")], "y": [Item("b", "b")]}

    for weights in ([1, 2], {"y": 2}):
        assert ids(fuse(RRF, "", lists, Items(), weights=weights)) == ["b", "a"]


def test_the_order_of_a_list_is_kept_whatever_its_scores():
    """Negative scores, and none at all, do not turn it round."""
    found = [Item("a", "a", -5.0), Item("b", "b", -3.0), Item("c", "c")]

    assert ids(fuse(RRF, "", {"list": found}, Items())) == ["a", "b", "c"]


def test_scores_of_a_list_reach_a_merger_that_reads_them():
    """The second document is far below the first in one list, close in the other."""
    dbsf = resift.load("dbsf", config=None)
    lists = {
        "x": [Item("", "a", 0.9), Item("", "b", 0.1), Item("", "c", 0.0)],
        "y": [Item("", "b", 9.0), Item("", "a", 8.9), Item("", "c", 0.0)],
    }

    assert ids(fuse(dbsf, "", lists, Items())) == ["a", "b", "c"]


def test_a_merger_reads_no_text():
    """What costs most to prepare is left out."""
    lists = {"x": [Item("a", "a")], "y": [Item("b", "b")]}

    assert ids(fuse(RRF, "", lists, NoText())) == ["a", "b"]


def test_a_scorer_scores_the_union():
    """The window says how much of it; the rest follows unscored."""
    reranker = resift.load("bm25", config=None, merge="rrf", window=2)
    lists = {"x": [Item("hen", "1"), Item("red fox", "2")], "y": [Item("fox", "3")]}

    answer = fuse(reranker, "red fox", lists, Items())

    assert len(answer) == 3
    assert answer.scores[-1] is None
    json.dumps(answer.scores)


def test_a_blank_query_merges_and_a_scorer_refuses_it():
    """In words."""
    lists = {"x": [Item("a", "a")]}

    assert ids(fuse(RRF, " ", lists, Items())) == ["a"]
    with pytest.raises(resift.InputError, match="query"):
        fuse(BM25, " ", lists, Items())
    with pytest.raises(resift.InputError, match="query"):
        rank(BM25, " ", lists["x"], Items())


def test_empty_lists_give_an_empty_answer():
    """All of them, or some."""
    assert len(fuse(RRF, "q", {"x": [], "y": []}, Items())) == 0
    assert ids(fuse(BM25, "q", {"x": [], "y": [Item("a", "a")]}, Items())) == ["a"]
    assert len(rank(BM25, "q", [], Items())) == 0


def test_nothing_given_is_changed():
    """Neither lists nor documents."""
    lists = {"x": [Item("a", "a", 1.0, {"k": [1]})], "y": [Item("b", "b")]}
    before = copy.deepcopy(lists)

    fuse(BM25, "a", lists, Items(), explain=True)
    rank(BM25, "a", lists["x"], Items(), explain=True)

    assert lists == before


def test_evidence_says_where_each_list_had_a_document():
    """Only where it is asked for."""
    lists = {"x": [Item("a", "a"), Item("b", "b")], "y": [Item("b", "b")]}

    (best, _) = fuse(RRF, "", lists, Items(), explain=True).evidence

    assert (best["rank"], best["_x_rank"], best["_y_rank"]) == (1, 2, 1)
    assert list(fuse(RRF, "", lists, Items()).evidence) == [{}, {}]


class Newest:
    """Score by a column."""

    columns = ("year",)
    needs_text = False

    @resift.hookimpl
    def score(self, documents, candidates):
        return candidates.column("year").to_pylist()


def test_fields_that_a_reranker_declares_are_handed_to_it():
    """And no others: what else is in the metadata need not be of one type."""
    old = Item("old", "o", fields={"year": 1990, "mixed": 1})
    new = Item("new", "n", fields={"year": 2020, "mixed": "one"})
    reranker = resift.Reranker(Newest())

    assert ids(rank(reranker, "q", [old, new], Items())) == ["n", "o"]
    assert ids(fuse(reranker, "q", {"x": [old], "y": [new]}, Items())) == ["n", "o"]


def test_a_field_of_mixed_types_is_an_error_without_its_values():
    """Where a reranker reads it."""
    items = [Item("", "o", fields={"year": 1}), Item("", "n", fields={"year": "one"})]

    with pytest.raises(resift.InputError) as caught:
        fuse(resift.Reranker(Newest()), "q", {"x": items}, Items(), who="Who")

    assert str(caught.value) == (
        "Who: the values of 'year' in the documents cannot be an Arrow array "
        "(ArrowInvalid). Give values of one type."
    )


def test_the_text_may_stand_in_a_field():
    """As the setting *text* of the reranker says."""
    reranker = resift.load("bm25", config=None, text=["title", "text"])
    items = [
        Item("a hen", "1", fields={"title": "birds"}),
        Item("a dog", "2", fields={"title": "red fox"}),
    ]

    assert ids(rank(reranker, "fox", items, Items()))[0] == "2"
    assert ids(fuse(reranker, "fox", {"x": items}, Items()))[0] == "2"
