"""Pickling: a reranker travels as its class and options, and no secret with it."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import pytest

import resift
from resift import Reranker, hookimpl
from samples import Lengths

SECRET = "sk-very-secret-0123"  # noqa: S105  # looked for in what is pickled

KEYED = """
import pydantic
class Plugin:
    def __init__(
        self,
        *,
        key: pydantic.SecretStr | None = None,
        keys: dict[str, pydantic.SecretStr] | None = None,
        scale: float = 1.0,
    ) -> None:
        self.key, self.keys, self.scale = key, keys, scale
        self.weights = lambda: "not picklable"
    @resift.hookimpl
    def score(self, query, documents):
        return [len(document) * self.scale for document in documents]
"""


def again(reranker: Reranker) -> Reranker:
    """Return *reranker* pickled and unpickled."""
    return pickle.loads(pickle.dumps(reranker))


def double(query, documents):
    """Score by length, twice."""
    return [2.0 * len(document) for document in documents]


class Wrapper:
    """Counts calls."""

    def __init__(self) -> None:
        self.calls = 0

    @hookimpl(wrapper=True)
    def score(self):
        self.calls += 1
        return (yield)


def test_a_reranker_by_name_is_built_again(install):
    """Its class is found by name and built from the same options."""
    install(KEYED)
    reranker = resift.load(
        "fake", config=None, scale="2", top_k=2, window=3, merge="dbsf"
    )

    copied = again(reranker)

    assert copied.plugin is not reranker.plugin
    assert copied.plugin.scale == 2.0
    assert (copied.name, copied.who) == (reranker.name, reranker.who)
    assert (copied.top_k, copied.window) == (2, 3)
    assert copied._merger.name == "dbsf"
    assert copied.describe() == reranker.describe()
    assert copied.rank("q", ["a", "bb"]) == reranker.rank("q", ["a", "bb"])
    assert again(copied).describe() == reranker.describe()


def test_what_the_plugin_holds_stays_behind(install):
    """Weights and clients are not pickled: the plugin here could not be."""
    install(KEYED)
    reranker = resift.load("fake", config=None)

    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(reranker.plugin)
    assert again(reranker).plugin.weights() == "not picklable"


def test_a_name_of_the_config_needs_no_config_on_the_other_side():
    """What the entry said has been resolved already."""
    config = {
        "rerankers": {"mine": {"use": "bm25", "options": {"k1": 0.5}, "top_k": 2}}
    }

    copied = again(resift.load("mine", config=config))

    assert copied.name == "mine"
    assert copied.plugin.k1 == 0.5
    assert copied.top_k == 2


def test_nested_rerankers_travel_too(install):
    """Children are pickled like their parent, and closed by it."""
    install(KEYED)
    reranker = resift.load(
        "cascade",
        config=None,
        stages=["bm25", {"use": "fake", "options": {"scale": 3}}],
        keep=[2],
    )

    copied = again(reranker)

    assert copied.describe() == reranker.describe()
    texts = ["a fox", "b", "c fox fox"]
    assert copied.rank("fox", texts) == reranker.rank("fox", texts)
    children = copied.plugin._stages
    copied.close()
    assert [child.closed for child in children] == [True, True]


def test_instances_functions_and_wrappers_are_pickled_as_they_are():
    """What has no name travels by its own state."""
    plugin = Lengths()
    plugin.asked.append({})

    assert again(Reranker(plugin)).plugin.asked == [{}]
    assert again(Reranker(double)).rank("q", ["a"])[0].score == 2.0
    copied = again(Reranker(plugin, wrappers=[Wrapper()]))
    copied.rank("q", ["a"])
    assert copied.wrappers[0].calls == 1
    assert again(Reranker(double, merge="dbsf"))._merger.name == "dbsf"


def test_a_closed_reranker_stays_closed():
    """Pickling is no way to open it again."""
    reranker = Reranker(Lengths())
    reranker.close()

    with pytest.raises(resift.ClosedError):
        again(reranker).rank("q", ["a"])


@pytest.mark.parametrize(
    "options",
    [{"key": SECRET}, {"keys": {"a": SECRET}}],
    ids=["a secret", "in a table"],
)
def test_a_secret_given_in_the_open_is_never_pickled(install, options):
    """The message says how to give it instead."""
    install(KEYED)
    reranker = resift.load("fake", config=None, **options)
    (name,) = options

    for use in (pickle.dumps, copy.deepcopy):
        with pytest.raises(pickle.PicklingError) as caught:
            use(reranker)
        assert str(caught.value) == (
            f"Reranker 'resift-fake:fake': option {name!r} is a secret and is never "
            "pickled. Give it as {'env': 'NAME'}, so that it is read from the "
            "environment on both sides."
        )


def test_a_secret_from_the_environment_is_read_again(install, monkeypatch):
    """The pickle holds the name of the variable, not its value."""
    install(KEYED)
    monkeypatch.setenv("A_KEY", SECRET)
    reranker = resift.load("fake", config=None, key={"env": "A_KEY"})

    data = pickle.dumps(reranker)

    assert SECRET.encode() not in data
    monkeypatch.setenv("A_KEY", "another")
    copied = pickle.loads(data)
    assert copied.plugin.key.get_secret_value() == "another"


def test_another_process_builds_it_from_the_pickle(tmp_path):
    """What was pickled here works in a fresh interpreter."""
    path = tmp_path / "reranker.pickle"
    reranker = resift.load("cascade", config=None, stages=["bm25", "bm25"], keep=[1])
    path.write_bytes(pickle.dumps(reranker))
    code = (
        "import pickle, sys\n"
        "with open(sys.argv[1], 'rb') as file:\n"
        "    reranker = pickle.load(file)\n"
        "print([d.index for d in reranker.rank('fox', ['a', 'fox', 'b'])])\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "[1, 0, 2]\n"


def test_a_pickle_ends_where_the_plugin_is_gone(install):
    """Without the plugin on the other side, the usual message says what is missing."""
    fake = install(KEYED)
    data = pickle.dumps(resift.load("fake", config=None))
    fake.uninstall()

    with pytest.raises(resift.UnknownRerankerError, match="'resift-fake:fake'"):
        pickle.loads(data)


def test_results_can_be_pickled():
    """Rankings are plain data."""
    ranked = Reranker(Lengths()).rank("q", ["a", "bb"])

    assert pickle.loads(pickle.dumps(ranked)) == ranked
