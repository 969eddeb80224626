"""What a plugin is given to score."""

from __future__ import annotations

import pyarrow as pa
import pytest

import resift
from resift import Reranker, hookimpl
from samples import Lengths, ids, shown, table


def test_a_plugin_is_given_the_texts_in_merged_order():
    """Documents arrive best first, the union of all lists."""
    plugin = Lengths()

    Reranker(plugin).rerank("q", table("a", "b"), table("b", "c", start=2))

    assert plugin.asked[0]["query"] == "q"
    assert plugin.asked[0]["documents"] == ["b", "a", "c"]


def test_null_and_blank_texts_are_not_sent():
    """They stay in the result, unscored, after the scored ones."""
    plugin = Lengths()

    result = Reranker(plugin).rerank("q", table(None, "a", "  ", "bb", ""))

    assert plugin.asked[0]["documents"] == ["a", "bb"]
    assert ids(result) == [4, 2, 1, 3, 5]
    assert shown(result) == [2.0, 1.0, None, None, None]


def test_equal_texts_are_scored_once():
    """A text that is there twice is sent once, and both rows get its score."""
    plugin = Lengths()

    result = Reranker(plugin).rerank("q", table("a", "bb", "a", "bb"))

    assert plugin.asked[0]["documents"] == ["a", "bb"]
    assert ids(result) == [2, 4, 1, 3]
    assert shown(result) == [2.0, 2.0, 1.0, 1.0]


def test_nothing_is_asked_where_nothing_can_be_scored():
    """With blank texts only, the plugin is not called."""
    plugin = Lengths()

    assert shown(Reranker(plugin).rerank("q", table(None, " "))) == [None, None]
    assert plugin.asked == []


def test_candidates_are_aligned_with_the_documents_that_are_sent():
    """Rows of blank and repeated texts are left out of the candidates, too."""
    plugin = Lengths()
    result = table("a", None, "bb", "a", tag=["w", "x", "y", "z"])

    Reranker(plugin).rerank("q", result)

    candidates = plugin.asked[0]["candidates"]
    assert plugin.asked[0]["documents"] == ["a", "bb"]
    assert candidates["text"].to_pylist() == ["a", "bb"]
    assert candidates["tag"].to_pylist() == ["w", "y"]
    assert candidates["_relevance_score"].to_pylist() == [1 / 61, 1 / 63]


class Tagged(Lengths):
    columns = ("tag",)


def test_a_plugin_that_declares_columns_is_sent_every_row():
    """Blank and repeated texts may differ in their columns, so all are sent."""
    plugin = Tagged()

    Reranker(plugin).rerank(
        "q", table("a", None, "a", tag=["x", "y", "z"], more=[1, 2, 3])
    )

    assert plugin.asked[0]["documents"] == ["a", "", "a"]
    assert plugin.asked[0]["candidates"].to_pydict() == {"tag": ["x", "y", "z"]}


def test_a_declared_column_that_is_missing_is_told():
    """The message says how to get the column."""
    message = (
        "Reranker 'Tagged' needs the column 'tag', which the results do not have. "
        "Columns: {}. Select it in the search, or name another in the reranker's "
        "options."
    )

    with pytest.raises(resift.InputError) as caught:
        Reranker(Tagged()).rerank("q", table("a"))
    assert str(caught.value) == message.format("'_rowid', 'text'")
    with pytest.raises(resift.InputError) as caught:
        Reranker(Tagged()).rank("q", ["a"])
    assert str(caught.value) == message.format("none")


def test_a_plugin_that_reads_no_text_needs_none():
    """With `needs_text = False` the text column may be missing."""

    class Newest:
        columns = ("year",)
        needs_text = False

        @hookimpl
        def score(self, candidates):
            return candidates["year"].to_numpy()

    result = Reranker(Newest()).rerank(
        "q", pa.table({"_rowid": [1, 2], "year": [1, 9]})
    )

    assert ids(result) == [2, 1]


def test_candidates_must_match_the_documents():
    """Candidates of another length are refused."""
    with pytest.raises(resift.InputError) as caught:
        Reranker(Lengths()).score("q", ["a", "b"], table("a"))

    assert str(caught.value) == "Reranker 'Lengths': 1 candidates for 2 documents."


def test_candidates_hold_the_merged_score_of_this_call():
    """The score of an earlier reranking is replaced in what a plugin is given."""
    plugin = Lengths()
    again = Reranker(Lengths()).rerank("q", table("a", "bb"))

    Reranker(plugin).rerank("q", again)

    candidates = plugin.asked[0]["candidates"]
    assert candidates["_relevance_score"].to_pylist() == [1 / 61, 1 / 62]


def test_hints_are_passed_on():
    """`top_k` and `timeout` reach a plugin that asks for them."""
    plugin = Lengths()

    Reranker(plugin).rerank("q", table("a"), top_k=3, timeout=1.5)
    Reranker(plugin, top_k=2).rank("q", ["a"])

    assert (plugin.asked[0]["top_k"], plugin.asked[0]["timeout"]) == (3, 1.5)
    assert (plugin.asked[1]["top_k"], plugin.asked[1]["timeout"]) == (2, None)


def test_a_plugin_that_changes_its_documents_changes_nothing_else():
    """The list that a plugin is given is its own."""
    texts = ["a", "b"]

    def clear(query, documents):
        n = len(documents)
        documents.clear()
        return [1.0] * n

    ranked = Reranker(clear).rank("q", texts)

    assert texts == ["a", "b"]
    assert [d.document for d in ranked] == ["a", "b"]


def test_what_a_plugin_raises_passes_through():
    """A failure stays what it is."""

    def fail(query, documents):
        raise resift.RateLimitError("slow down")  # noqa: TRY003  # short

    with pytest.raises(resift.RateLimitError, match=r"^slow down$"):
        Reranker(fail).rerank("q", table("a"))
