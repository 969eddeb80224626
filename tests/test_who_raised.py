"""What a plugin raises keeps its type, and says whose it is."""

from __future__ import annotations

import pytest

import resift
from samples import table


def test_what_a_plugin_raises_says_who_raised_it():
    """An error of the plugin's own keeps its type, and names the reranker."""

    def broken(query, documents):
        return {}[query]

    with pytest.raises(KeyError) as error:
        resift.Reranker(broken).rank("red fox", ["a"])

    assert error.value.__notes__ == ["Reranker 'broken' raised this while scoring."]


def test_a_module_that_is_missing_while_scoring_is_named():
    """A dependency that is imported late and not there is said to be the plugin's."""

    def late(query, documents):
        import no_such_module_of_anyone  # noqa: F401

    with pytest.raises(ModuleNotFoundError) as error:
        resift.Reranker(late).rank("red fox", ["a"])

    assert error.value.__notes__ == [
        "Reranker 'late' raised this while scoring: it needs the module "
        "'no_such_module_of_anyone', which is not installed."
    ]


def test_a_merger_that_raises_is_named():
    """It is the merger that failed, not the reranker that was given it."""

    class Broken:
        @resift.hookimpl
        def merge(self, rankings):
            return 1 / 0

    reranker = resift.load("bm25", config=None, merge=Broken())

    with pytest.raises(ZeroDivisionError) as error:
        reranker.rerank("q", table("a"))

    assert error.value.__notes__ == [
        f"Reranker 'bm25' (resift {resift.__version__}): its merger 'Broken' raised "
        "this while merging."
    ]


def test_a_plugin_that_cannot_warm_up_is_named():
    """The name is added to notes that the error has already."""

    class Cold:
        @resift.hookimpl
        def score(self, documents): ...

        @resift.hookimpl
        def warmup(self):
            error = OSError("no weights")
            error.add_note("looked everywhere")
            raise error

    with pytest.raises(OSError, match="no weights") as error:
        resift.Reranker(Cold()).warmup()

    assert error.value.__notes__ == [
        "looked everywhere",
        "Reranker 'Cold' raised this while warming up.",
    ]


def test_the_innermost_reranker_is_named():
    """Of those around it every one would say the same."""

    def broken(query, documents):
        return {}[query]

    outer = resift.load(
        "cascade", config=None, stages=[resift.Reranker(broken)], keep=[]
    )

    with pytest.raises(KeyError) as error:
        outer.rank("red fox", ["a"])

    assert error.value.__notes__ == ["Reranker 'broken' raised this while scoring."]
