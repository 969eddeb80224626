"""Pickling: a reranker travels as its class and options, and no secret with it."""

from __future__ import annotations

import copy
import functools
import pickle
import subprocess
import sys
import threading

import pydantic
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
    assert (copied.defaults.top_k, copied.defaults.window) == (2, 3)
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
    assert copied.defaults.top_k == 2


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
    children = copied.plugin.children
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


class Held:
    """Holds a secret as it is told to; scores, merges and wraps nothing of use."""

    def __init__(self, **attributes: object) -> None:
        vars(self).update(attributes)


class Scores(Held):
    @hookimpl
    def score(self, documents):
        return [0.0] * len(documents)


class Merges(Held):
    @hookimpl
    def merge(self, n_documents):
        return [0.0] * n_documents


class Wraps(Held):
    @hookimpl(wrapper=True)
    def score(self):
        return (yield)


class Slots(Scores):
    __slots__ = ("key",)

    def __init__(self, key: object) -> None:
        self.key = key


def score_with(key, query, documents):
    """Score with a key."""
    return [0.0] * len(documents)


KEY = pydantic.SecretStr(SECRET)


@pytest.mark.parametrize(
    ("reranker", "who"),
    [
        (Reranker(Scores(key=KEY)), "'Scores' holds a secret in 'key'"),
        (Reranker(Slots(KEY)), "'Slots' holds a secret in 'key'"),
        (Reranker(Scores(keys=[KEY])), "'Scores' holds a secret in 'keys'"),
        (Reranker(Scores(keys={"a": (KEY,)})), "'Scores' holds a secret in 'keys'"),
        (
            Reranker(Scores(client=Held(key=KEY))),
            "'Scores' holds a secret in 'client.key'",
        ),
        (
            Reranker(Scores(lock=threading.Lock(), f=lambda: 0, key=KEY)),
            "'Scores' holds a secret in 'key'",
        ),
        (
            Reranker(functools.partial(score_with, KEY), name="f"),
            "'f' holds a secret in 'function'",
        ),
        (
            Reranker(Scores(), merge=Merges(key=KEY)),
            "'Scores': its merger holds a secret in 'key'",
        ),
        (
            resift.load("bm25", config=None, merge=Merges(key=KEY)),
            f"'bm25' (resift {resift.__version__}): its merger holds a secret in 'key'",
        ),
        (
            resift.load("bm25", config=None, wrappers=[Wraps(key=KEY)]),
            f"'bm25' (resift {resift.__version__}): one of its wrappers holds a secret "
            "in 'key'",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_secret_in_an_object_is_never_pickled(reranker, who):
    """Wherever it is: in the plugin, the merger, a wrapper, or in what they hold."""
    for use in (pickle.dumps, copy.deepcopy):
        with pytest.raises(pickle.PicklingError) as caught:
            use(reranker)

        assert str(caught.value) == (
            f"Reranker {who}, which is never pickled. Leave it out in a __getstate__ "
            "of the class."
        )


class Careful(Scores):
    """Leaves its key out."""

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in vars(self).items() if name != "key"}


def test_what_leaves_its_secret_out_is_pickled():
    """Only what would be written counts; and a circle in it is no trouble."""
    plugin = Careful(key=KEY, other=[1])
    plugin.itself = plugin
    data = pickle.dumps(Reranker(plugin, merge=Merges(), wrappers=[Wraps()]))

    assert SECRET.encode() not in data
    copied = pickle.loads(data).plugin
    assert (copied.other, copied.itself) == ([1], copied)


def test_a_merger_by_a_table_with_a_key_is_never_pickled(install):
    """The table would be written as it was given."""
    install(
        "from pydantic import SecretStr\n"
        "class Plugin:\n"
        "    def __init__(self, *, key: SecretStr) -> None: ...\n"
        "    @resift.hookimpl\n"
        "    def merge(self, n_documents): return [0.0] * n_documents\n"
    )
    merge = {"use": "fake", "options": {"key": SECRET}}

    with pytest.raises(pickle.PicklingError) as caught:
        pickle.dumps(Reranker(Scores(), merge=merge))

    assert str(caught.value).startswith(
        "Reranker 'resift-fake:fake': option 'key' is a secret and is never pickled."
    )


def test_an_option_with_a_secret_inside_is_never_pickled(install):
    """A model with a key is given as plain text, which would be written."""
    install(
        "import pydantic\n"
        "class Model(pydantic.BaseModel):\n"
        "    key: pydantic.SecretStr\n"
        "class Plugin:\n"
        "    def __init__(self, *, model: Model, scale: float = 1.0) -> None: ...\n"
        "    @resift.hookimpl\n"
        "    def score(self, documents): return [0.0] * len(documents)\n"
    )
    reranker = resift.load("fake", config=None, model={"key": SECRET}, scale=2.0)

    with pytest.raises(pickle.PicklingError) as caught:
        pickle.dumps(reranker)

    assert str(caught.value) == (
        "Reranker 'resift-fake:fake': option 'model' is a secret and is never pickled. "
        "Load it anew on the other side."
    )


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
