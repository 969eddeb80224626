"""The host: defaults, wrappers, closing."""

from __future__ import annotations

from dataclasses import dataclass

import pluggy
import pyarrow as pa
import pytest

import resift
from resift import Reranker, hookimpl

TABLE = pa.table({"_rowid": [1, 2, 3], "text": ["a", "bb", "ccc"]})


class Lengths:
    """Scores by length."""

    @hookimpl
    def score(self, query, documents):
        return [len(document) for document in documents]


class Together:
    """Scores all queries together, and counts the calls."""

    def __init__(self) -> None:
        self.calls = 0

    @hookimpl
    def score_many(self, queries, documents):
        self.calls += 1
        return [[len(text) for text in texts] for texts in documents]


class Backwards:
    """Merges the last document first."""

    @hookimpl
    def merge(self, n_documents):
        return list(range(n_documents))


# Defaults ----------------------------------------------------------------------------


def names(reranker: Reranker) -> list[str]:
    """Return the names of the default plugins."""
    registered = reranker.plugins.list_name_plugin()
    return sorted(name for name, _ in registered if name.startswith("resift:"))


@pytest.mark.parametrize(
    ("plugin", "defaults"),
    [
        (Lengths(), ["resift:merge", "resift:score_many"]),
        (Together(), ["resift:merge", "resift:score"]),
        (Backwards(), []),
    ],
    ids=lambda value: type(value).__name__,
)
def test_only_what_is_missing_is_added(plugin, defaults):
    """The core registers a default for each hook that the plugin lacks, and no more."""
    assert names(Reranker(plugin)) == defaults


def test_the_plugin_manager_is_reachable():
    """`reranker.plugins` is pluggy's, with the plugin in it."""
    plugin = Lengths()

    plugins = Reranker(plugin).plugins

    assert isinstance(plugins, pluggy.PluginManager)
    assert plugins.is_registered(plugin)


def test_score_is_made_of_score_many():
    """A plugin that only scores many queries scores one, too."""
    plugin = Together()

    ranked = Reranker(plugin).rank("q", ["a", "ccc", "bb"])

    assert [d.index for d in ranked] == [1, 2, 0]
    assert plugin.calls == 1


def test_score_many_is_made_of_score():
    """A plugin that only scores one query scores many, one after another."""
    ranked = Reranker(Lengths()).rank_many(["p", "q"], [["a", "bb"], ["ccc"]])

    assert [[d.score for d in ranking] for ranking in ranked] == [[2.0, 1.0], [3.0]]


@pytest.mark.parametrize("answer", [None, [], [[1.0], [1.0]], {0: [1.0]}, "ab", 5])
def test_a_wrong_answer_of_score_many_is_told_by_score_too(answer):
    """Whichever way it is called, its answer must be a list with one item per query."""

    class Plugin:
        @hookimpl
        def score_many(self, queries, documents):
            return answer

    got = len(answer) if isinstance(answer, list) else type(answer).__name__
    got = "None" if answer is None else got

    with pytest.raises(resift.ScoreError) as caught:
        Reranker(Plugin()).rank("q", ["d"])

    assert str(caught.value) == (
        f"Reranker 'Plugin' must return a list of scores for each query (1), got {got}."
    )


def test_a_plugin_that_cannot_score_has_no_scoring_step():
    """A merger only merges, and refuses to score."""
    reranker = Reranker(Backwards())

    assert not reranker.can_score
    assert not reranker.needs_text
    with pytest.raises(resift.InputError) as caught:
        reranker.score("q", ["a"])
    assert str(caught.value) == (
        "Reranker 'Backwards' only merges lists: it cannot score documents."
    )


def test_a_none_answer_is_an_error():
    """A hook that returns None has not answered."""

    class Plugin:
        @hookimpl
        def score(self, query, documents): ...

    with pytest.raises(resift.ScoreError) as caught:
        Reranker(Plugin()).rank("q", ["d"])

    assert str(caught.value) == (
        "Reranker 'Plugin' must return one score per document (1), got None."
    )


def test_a_dataclass_is_a_plugin():
    """A plugin with an equality of its own works, and so do two equal ones."""

    @dataclass
    class Plugin:
        scale: int = 2

        @hookimpl
        def score(self, query, documents):
            return [self.scale * len(document) for document in documents]

        @hookimpl
        def close(self):
            self.scale = 0

    plugin = Plugin()
    reranker = Reranker(plugin)

    assert reranker.rank("q", ["abc"])[0].score == 6.0
    reranker.close()
    assert plugin.scale == 0


# Wrappers ----------------------------------------------------------------------------


class Tracer:
    """Writes down which hooks ran, and in what order."""

    def __init__(self) -> None:
        self.events: list[str] = []

    @hookimpl(wrapper=True)
    def score(self, query, documents):
        self.events.append(f"score {len(documents)}")
        try:
            return (yield)
        finally:
            self.events.append("scored")

    @hookimpl(wrapper=True)
    def merge(self, rankings):
        self.events.append(f"merge {len(rankings)}")
        return (yield)

    @hookimpl(wrapper=True)
    def warmup(self):
        self.events.append("warmup")
        return (yield)

    @hookimpl(wrapper=True)
    def close(self):
        self.events.append("close")
        return (yield)


def test_a_wrapper_sees_every_hook():
    """Merging, scoring, warming up and closing all pass through it."""

    class Plugin(Lengths):
        @hookimpl
        def close(self): ...

    tracer = Tracer()
    reranker = Reranker(Plugin(), wrappers=[tracer])

    reranker.warmup()
    reranker.rerank("q", TABLE, TABLE)
    reranker.close()

    assert tracer.events == ["warmup", "merge 2", "score 3", "scored", "close"]


def test_a_wrapper_sees_the_failure():
    """What the plugin raises passes through the wrapper, and stays what it is."""

    class Plugin:
        @hookimpl
        def score(self, query, documents):
            raise KeyError("mine")

    tracer = Tracer()

    with pytest.raises(KeyError, match="mine"):
        Reranker(Plugin(), wrappers=[tracer]).rank("q", ["d"])

    assert tracer.events == ["score 1", "scored"]


def test_a_wrapper_may_be_a_dataclass():
    """A wrapper that cannot be hashed wraps like any other; so do two equal ones."""

    @dataclass
    class Count:
        n: int = 0

        @hookimpl(wrapper=True)
        def score(self, documents):
            self.n += len(documents)
            return (yield)

    first, second = Count(), Count()
    Reranker(Lengths(), wrappers=[first, second]).rank("q", ["a", "b"])

    assert (first.n, second.n) == (2, 2)


def test_what_a_wrapper_returns_is_checked_like_an_answer():
    """A wrapper cannot smuggle anything past the checks."""

    class Spoil:
        @hookimpl(wrapper=True)
        def score(self):
            yield
            return ["no number"]

    with pytest.raises(resift.ScoreError, match="but the score of document 0 is a str"):
        Reranker(Lengths(), wrappers=[Spoil()]).rank("q", ["a"])


class NotAWrapper:
    @hookimpl
    def score(self, query, documents): ...


class Mixed:
    @hookimpl(wrapper=True)
    def score(self):
        return (yield)

    @hookimpl
    def close(self): ...


class Nothing: ...


@pytest.mark.parametrize("wrapper", [NotAWrapper(), Mixed(), Nothing()])
def test_an_object_that_does_not_only_wrap_is_refused(wrapper):
    """A wrapper observes: it must not answer in the plugin's place."""
    with pytest.raises(resift.InvalidRerankerError) as caught:
        Reranker(Lengths(), wrappers=[wrapper])

    assert str(caught.value) == (
        f"Reranker 'Lengths': wrapper {type(wrapper).__name__} must mark each of its "
        "hooks with @resift.hookimpl(wrapper=True), and have at least one of: score, "
        "score_many, merge, warmup, check, close."
    )


def test_a_wrapper_must_yield():
    """A wrapper that is no generator would hide the hook."""

    class Plain:
        @hookimpl(wrapper=True)
        def score(self): ...

    with pytest.raises(resift.InvalidRerankerError) as caught:
        Reranker(Lengths(), wrappers=[Plain()])

    assert str(caught.value) == (
        "Reranker 'Lengths': wrapper Plain: 'score' is a wrapper, so it must be a "
        "generator with one 'yield', where the hook runs. Add it."
    )


def test_a_wrapper_is_held_to_the_arguments_of_the_hook():
    """A misspelt argument of a wrapper is refused like that of a plugin."""

    class Misspelt:
        @hookimpl(wrapper=True)
        def score(self, docs):
            return (yield)

    with pytest.raises(resift.InvalidRerankerError) as caught:
        Reranker(Lengths(), wrappers=[Misspelt()])

    assert str(caught.value) == (
        "Reranker 'Lengths': wrapper Misspelt: 'score' takes 'docs', which the hook "
        "does not have. Did you mean 'documents'? It has: query, documents, "
        "candidates, top_k, timeout, instruction."
    )


# Life --------------------------------------------------------------------------------


class Closing(Lengths):
    """Counts how often it is closed, and may fail at it."""

    def __init__(self, error: Exception | None = None) -> None:
        self.closed = 0
        self.error = error

    @hookimpl
    def close(self):
        self.closed += 1
        if self.error:
            raise self.error


def test_closing_is_idempotent():
    """The plugin is closed once."""
    reranker = Reranker(Closing())

    reranker.close()
    reranker.close()

    assert reranker.plugin.closed == 1
    assert reranker.closed


def test_a_context_manager_closes():
    """Leaving the block closes, also after an error."""
    with pytest.raises(KeyError), Reranker(Closing()) as reranker:
        raise KeyError

    assert reranker.plugin.closed == 1


@pytest.mark.parametrize(
    "use",
    [
        lambda r: r.score("q", ["d"]),
        lambda r: r.rank("q", ["d"]),
        lambda r: r.rank_many(["q"], [["d"]]),
        lambda r: r.rerank("q", TABLE),
        lambda r: r.merge([], 0),
        lambda r: r.warmup(),
        lambda r: r.__enter__(),
    ],
    ids=["score", "rank", "rank_many", "rerank", "merge", "warmup", "with"],
)
def test_a_closed_reranker_refuses_to_work(use):
    """Whatever it is asked after `close`, it says so."""
    reranker = Reranker(Lengths())
    reranker.close()

    with pytest.raises(resift.ClosedError) as caught:
        use(reranker)

    assert str(caught.value) == "Reranker 'Lengths' is closed. Load it again."


def test_children_built_from_names_are_closed_and_objects_are_not(install):
    """What was given stays open, since its owner may still need it."""
    install(
        "class Plugin:\n"
        "    @resift.hookimpl\n"
        "    def score(self, documents): return [1.0] * len(documents)\n"
    )
    mine = resift.load("fake", config=None)
    merger = resift.load("dbsf", config=None)

    outer = resift.load(
        "cascade", config=None, stages=[mine, "fake"], keep=[1], merge=merger
    )
    named = outer.plugin.children[1]
    outer.close()

    assert named.closed
    assert not mine.closed
    assert not merger.closed


@pytest.mark.parametrize("build", [resift.load, None], ids=["load", "Reranker"])
def test_a_merger_built_from_a_name_is_closed(build):
    """The merger belongs to the reranker that named it."""
    if build:
        reranker = build("bm25", config=None, merge="dbsf")
    else:
        reranker = Reranker(Lengths(), merge="dbsf")

    reranker.close()

    assert reranker._merger.closed


def test_everything_is_closed_even_if_one_raises(install):
    """All failures of closing come together in a group."""
    install(
        "class Plugin:\n"
        "    @resift.hookimpl\n"
        "    def score(self, documents): return [1.0] * len(documents)\n"
        "    @resift.hookimpl\n"
        "    def close(self): raise OSError('inner')\n"
    )

    outer = resift.load("cascade", config=None, stages=["fake", "fake"], keep=[1])

    with pytest.raises(ExceptionGroup) as caught:
        outer.close()

    groups = caught.value.exceptions
    assert str(caught.value.message) == (
        f"Reranker 'cascade' (resift {resift.__version__}): close failed: "
        + "; ".join(
            [
                "ExceptionGroup: Reranker 'fake' (resift-fake 1.0): close failed: "
                "OSError: inner (1 sub-exception)"
            ]
            * 2
        )
    )
    assert [str(group.message) for group in groups] == [
        "Reranker 'fake' (resift-fake 1.0): close failed: OSError: inner"
    ] * 2
    assert [str(group.exceptions[0]) for group in groups] == ["inner", "inner"]


def test_the_plugins_own_failure_to_close_is_grouped_too():
    """There is always a group, so that one `except*` catches all."""
    error = OSError("disk")

    with pytest.raises(ExceptionGroup) as caught:
        Reranker(Closing(error)).close()

    assert caught.value.exceptions == (error,)


def test_warmup_reaches_every_child():
    """Children given as objects are warmed up like those built from names."""

    class Warm(Lengths):
        warm = 0

        @hookimpl
        def warmup(self):
            self.warm += 1

    given = Reranker(Warm())
    cascade = resift.load("cascade", config=None, stages=["bm25", given], keep=[1])
    ensemble = resift.load("ensemble", config=None, rerankers=["incoming", cascade])

    ensemble.warmup()

    assert given.plugin.warm == 1
