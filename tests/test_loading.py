"""From a name to a reranker: labels, mergers, settings, nesting."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest

import resift

VERSION = resift.__version__

SCORER = """
class Plugin:
    '''Scores by length.'''
    def __init__(self, *, scale: float = 1.0) -> None:
        self.scale = scale
    @resift.hookimpl
    def score(self, query, documents):
        return [len(document) * self.scale for document in documents]
"""

BOTH = (
    SCORER
    + """
    @resift.hookimpl
    def merge(self, rankings, n_documents):
        return list(range(n_documents))  # the last one first
"""
)

TABLE = pa.table({"_rowid": [1, 2, 3], "text": ["a", "bb", "ccc"]})


def ids(table: pa.Table) -> list[int]:
    """Return the ids of a result, best first."""
    return table["_rowid"].to_pylist()


def test_a_reranker_is_called_what_it_was_loaded_as(install):
    """Its name is the one asked for, without the distribution."""
    install(SCORER)
    config = {"rerankers": {"mine": {"use": "fake"}}}

    assert resift.load("fake", config=None).name == "fake"
    assert resift.load("FAKE", config=None).name == "fake"
    assert resift.load("resift-fake:fake", config=None).name == "fake"
    assert resift.load("mine", config=config).name == "mine"
    assert repr(resift.load("mine", config=config)) == "<resift.Reranker 'mine'>"


def test_messages_name_the_reranker_its_distribution_and_its_version(install):
    """An error says whose it is, also under a name of the config."""
    install("class Plugin:\n    @resift.hookimpl\n    def score(self): return [1, 2]")
    config = {"rerankers": {"mine": {"use": "fake"}}}

    for name in ("fake", "mine"):
        with pytest.raises(resift.ScoreError) as caught:
            resift.load(name, config=config).rank("q", ["d"])

        assert str(caught.value) == (
            f"Reranker {name!r} (resift-fake 1.0) must return one score per document "
            "(1), got 2."
        )


def test_each_load_builds_an_instance_of_its_own(install):
    """Nothing is shared between two rerankers of one name."""
    install(SCORER)

    first, second = (resift.load("fake", config=None, scale=s) for s in (1, 2))

    assert first.plugin is not second.plugin
    assert first.rank("q", ["abc"])[0].score == 3.0
    assert second.rank("q", ["abc"])[0].score == 6.0


def test_construction_loads_nothing(install):
    """`warmup` is never called by `load`, and returns the reranker."""
    install(
        SCORER
        + """
    loaded = False
    @resift.hookimpl
    def warmup(self):
        self.loaded = True
"""
    )

    reranker = resift.load("fake", config=None)

    assert not reranker.plugin.loaded
    assert reranker.warmup() is reranker
    assert reranker.plugin.loaded


# merge -----------------------------------------------------------------------------


def test_a_plugin_that_merges_keeps_its_own_merger(install):
    """Reciprocal rank fusion is registered only where a merger is missing."""
    install(BOTH.replace("def score", "def _score").replace("@resift.hookimpl", "", 1))

    assert ids(resift.load("fake", config=None).rerank("", TABLE)) == [3, 2, 1]


@pytest.mark.parametrize(
    "merge",
    [
        "fake",
        {"use": "fake", "options": {"scale": 2}},
        "an instance",
        "a reranker",
    ],
)
def test_the_merger_may_be_a_name_a_table_or_an_instance(install, merge):
    """From the merger only its `merge` is used."""
    install(BOTH)
    if merge == "an instance":
        merge = resift.load("fake", config=None).plugin
    elif merge == "a reranker":
        merge = resift.load("fake", config=None)

    reranker = resift.load("rrf", config=None, merge=merge)

    assert not reranker.can_score
    assert reranker.can_merge
    assert ids(reranker.rerank("", TABLE)) == [3, 2, 1]


def test_the_merger_given_beats_the_plugins_own(install):
    """`merge=` replaces the merger of a plugin that has one, even a `tryfirst` one."""
    install(
        BOTH.replace(
            "hookimpl\n    def merge", "hookimpl(tryfirst=True)\n    def merge"
        )
    )

    table = resift.load("fake", config=None, merge="rrf", window=1).rerank("q", TABLE)

    assert ids(table) == [1, 2, 3]


def test_a_merger_that_does_not_answer_is_not_replaced(install):
    """Where the merger returns None, no other one answers in its place."""
    install(BOTH)

    class Silent:
        @resift.hookimpl
        def merge(self, rankings): ...

    reranker = resift.load("fake", config=None, merge=Silent())

    with pytest.raises(resift.MergeError) as caught:
        reranker.rerank("q", TABLE)

    assert str(caught.value) == (
        "Reranker 'fake' (resift-fake 1.0): its merger 'Silent' must return one score "
        "per document (3), got None."
    )


def test_a_merger_that_merges_nothing_is_refused(install):
    """A reranker that only scores cannot be the merger."""
    install(SCORER)

    with pytest.raises(resift.InvalidRerankerError) as caught:
        resift.load("rrf", config=None, merge="fake")

    assert str(caught.value) == (
        "Reranker 'rrf': merge must name a reranker that merges, but Plugin implements "
        "only 'score'."
    )


def test_a_merger_that_is_unknown_is_told():
    """A misspelt merger is met like any misspelt name."""
    with pytest.raises(resift.UnknownRerankerError) as caught:
        resift.load("bm25", config=None, merge="rff")

    assert str(caught.value) == (
        "No reranker named 'rff' is installed. Did you mean 'rrf'?"
    )


def test_a_config_entry_may_be_the_merger():
    """A merger with options of its own has a name in the config."""
    config = {"rerankers": {"flat": {"use": "rrf", "options": {"k": 1000}}}}

    reranker = resift.load("bm25", config=config, merge="flat")

    assert reranker._merger.plugin.k == 1000


# Settings --------------------------------------------------------------------------


@pytest.mark.parametrize("setting", ["top_k", "window"])
@pytest.mark.parametrize("value", [0, -1, True, 1.5, "5"])
def test_a_setting_must_be_a_positive_integer(setting, value):
    """`top_k` and `window` are counts."""
    with pytest.raises(resift.InputError) as caught:
        resift.load("rrf", config=None, **{setting: value})

    assert str(caught.value) == (
        f"{setting} must be an integer of at least 1, or None, got "
        f"{'str' if isinstance(value, str) else repr(value)}."
    )


def test_a_setting_of_the_call_beats_that_of_the_reranker():
    """What `rerank` is given is what counts."""
    reranker = resift.load("rrf", config=None, top_k=1)

    assert len(reranker.rerank("", TABLE)) == 1
    assert len(reranker.rerank("", TABLE, top_k=2)) == 2


# Wrappers --------------------------------------------------------------------------


class Count:
    """Counts the documents of every scoring call."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    @resift.hookimpl(wrapper=True)
    def score(self, documents):
        self.seen.append(len(documents))
        return (yield)


def test_wrappers_are_handed_down_to_nested_rerankers():
    """Each reranker that is built from a name gets the wrappers, at any depth."""
    count = Count()
    inner = {"use": "cascade", "options": {"stages": ["bm25", "bm25"], "keep": [1]}}

    reranker = resift.load(
        "ensemble", config=None, rerankers=[inner, "bm25"], wrappers=[count]
    )
    reranker.rank("a", ["a", "b", "c"])

    assert count.seen == [3, 3, 3, 1, 3]  # ensemble, cascade, its stages, bm25


def test_wrappers_do_not_reach_objects_that_are_given():
    """A reranker built by the caller keeps the wrappers it was built with."""
    count = Count()
    mine = resift.load("bm25", config=None)

    resift.load("cascade", config=None, stages=[mine], keep=[], wrappers=[count]).rank(
        "a", ["a", "b"]
    )

    assert count.seen == [2]


# What it is --------------------------------------------------------------------------


def test_a_reranker_describes_itself_with_everything_nested(install):
    """The description is plain data: providers, versions and options."""
    install(SCORER)

    stages = ["bm25", {"use": "fake", "options": {"scale": 2}}]

    reranker = resift.load("cascade", config=None, stages=stages, keep=[5])

    assert reranker.describe() == {
        "use": "resift:cascade",
        "version": VERSION,
        "options": {
            "keep": [5],
            "stages": [
                {"use": "resift:bm25", "version": VERSION, "options": {}},
                {
                    "use": "resift-fake:fake",
                    "version": "1.0",
                    "options": {"scale": 2.0},
                },
            ],
        },
    }


def test_an_instance_is_described_by_its_class():
    """What has no name of its own is told by where it is defined."""
    assert resift.Reranker(Zero()).describe() == {"use": f"{__name__}:Zero"}


class Zero:
    @resift.hookimpl
    def score(self, documents):
        return [0.0] * len(documents)


def test_many_threads_may_load_at_once(install):
    """Loading is safe while others load, nest and close."""
    install(SCORER)

    def work(i: int) -> float:
        stages = ["bm25", {"use": "fake", "options": {"scale": i}}]
        with resift.load("cascade", config=None, stages=stages, keep=[2]) as reranker:
            return reranker.rank("a", ["a b", "c"])[0].score

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(1, 33))) == [3.0 * i for i in range(1, 33)]
