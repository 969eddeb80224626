"""The registry: the rerankers of one config, shared, read again, closed when unused."""

from __future__ import annotations

import threading

import pytest

import resift
from resift import Registry

COUNTED = (
    "built, closed = [], []\n"
    "class Plugin:\n"
    "    def __init__(self, *, model: str = 'm') -> None:\n"
    "        self.model = model\n"
    "        built.append(model)\n"
    "    @resift.hookimpl\n"
    "    def score(self, documents):\n"
    "        return [float(len(text)) for text in documents]\n"
    "    @resift.hookimpl\n"
    "    def close(self):\n"
    "        closed.append(self.model)\n"
)

THREE = {
    "default": "Precise",
    "rerankers": {
        "model": {"use": "fake", "options": {"model": "big"}},
        "precise": {"use": "model", "top_k": 5},
        "careful": {
            "use": "cascade",
            "options": {"stages": ["bm25", "model"], "keep": [2]},
        },
    },
}


@pytest.fixture
def counted(install):
    """Install a plugin that counts; return the lists of what was built and closed."""
    install(COUNTED)
    import resift_fake

    resift_fake.built.clear()
    resift_fake.closed.clear()
    return resift_fake


def test_entries_over_one_plugin_share_it(counted):
    """By name, by another entry, and nested in a composite: one instance."""
    with Registry(THREE) as registry:
        found = [registry.get(name) for name in ("model", None, "careful")]

        assert counted.built == ["big"]
        assert found[0].plugin is found[1].plugin is found[2].plugin.children[1].plugin
        assert (found[0].defaults.top_k, found[1].defaults.top_k) == (None, 5)
        assert [reranker.name for reranker in found] == ["model", "precise", "careful"]
    assert counted.closed == ["big"]


def test_the_default_comes_first(counted):
    """Names are those of the config, the others sorted."""
    assert Registry(THREE).names() == ["precise", "careful", "model"]


@pytest.mark.parametrize("name", ["bm25", "resift:bm25", "resift-fake:fake", "../x"])
def test_only_names_of_the_config_are_known(counted, name):
    """An installed reranker is none of them."""
    with pytest.raises(resift.UnknownRerankerError) as caught:
        Registry(THREE).get(name)

    assert str(caught.value) == (
        f"the config has no reranker {name!r}. Configured: 'precise', 'careful', "
        "'model'."
    )
    assert counted.built == []


def test_without_a_default_a_name_is_needed(counted):
    """It says which there are."""
    with pytest.raises(resift.UnknownRerankerError) as caught:
        Registry({"rerankers": {"mine": {"use": "bm25"}}}).get()

    assert str(caught.value) == (
        "the config names no default that it has an entry for. Configured: 'mine'."
    )


def test_closing_a_reranker_of_it_releases_nothing(counted):
    """They are borrowed; the next one asked for works."""
    with Registry(THREE) as registry:
        registry.get("model").close()

        assert counted.closed == []
        assert registry.get("model").rank("q", ["a", "bb"])[0].index == 1
        assert counted.built == ["big"]


def test_reload_keeps_what_did_not_change(counted, tmp_path):
    """The same instance goes on; what changed is built anew, the old one closed."""
    path = tmp_path / "resift.toml"
    entry = "[rerankers.{}]\nuse = 'fake'\noptions = {{ model = '{}' }}\n"
    path.write_text(entry.format("a", "one") + entry.format("b", "two"))
    registry = Registry(path)
    kept = registry.get("a").plugin
    registry.get("b")

    path.write_text(entry.format("a", "one") + entry.format("b", "three"))
    changes = registry.reload()

    assert (changes.kept, changes.changed) == (("a",), ("b",))
    assert registry.get("a").plugin is kept
    assert counted.built == ["one", "two", "three"]
    assert counted.closed == ["two"]


def test_reload_tells_what_came_and_went(counted):
    """Also a changed setting counts, though the instance stays."""
    registry = Registry(THREE)
    plugin = registry.get("precise").plugin
    rerankers = {**THREE["rerankers"], "precise": {"use": "model", "top_k": 6}}
    rerankers["new"] = {"use": "bm25"}
    del rerankers["careful"]

    changes = registry.reload({"rerankers": rerankers})

    assert changes.added == ("new",)
    assert changes.removed == ("careful",)
    assert changes.changed == ("precise",)
    assert changes.kept == ("model",)
    assert registry.get("precise").plugin is plugin
    assert registry.get("precise").defaults.top_k == 6


@pytest.mark.parametrize(
    "wrong",
    [
        {"rerankers": {"model": {"use": "fake", "oops": 1}}},
        {"rerankers": {"model": {"use": "fake", "options": {"size": 1}}}},
    ],
)
def test_a_wrong_config_changes_nothing(counted, wrong):
    """The old one goes on, whatever is wrong with the new."""
    registry = Registry(THREE)
    before = registry.get("model")

    with pytest.raises(resift.ResiftError):
        registry.reload(wrong)

    assert registry.get("model") is before
    assert registry.names() == ["precise", "careful", "model"]
    assert counted.closed == []


def test_what_is_leased_stays_open_until_it_is_given_back(counted):
    """A request that began before a reload ends with the plugin that it began with."""
    registry = Registry(THREE)

    with registry.lease("careful") as reranker:
        registry.reload({"rerankers": {"other": {"use": "bm25"}}})
        assert counted.closed == []
        assert reranker.rank("q", ["a", "q bb"])[0].index == 1

    assert counted.closed == ["big"]


def test_close_waits_for_leases(counted):
    """After `close` nothing is given out, and what is out works to its end."""
    registry = Registry(THREE)

    with registry.lease() as reranker:
        registry.close()
        assert reranker.rank("q", ["a", "bb"])[0].index == 1
        with pytest.raises(resift.ClosedError):
            registry.get()
    registry.close()

    assert counted.closed == ["big"]


def test_many_threads_build_one_instance(counted):
    """The first builds, the others wait for it."""
    registry = Registry(THREE)
    barrier = threading.Barrier(8)
    found = []

    def ask() -> None:
        barrier.wait()
        found.append(registry.get("model"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(map(id, found))) == 1
    assert counted.built == ["big"]


def test_an_entry_that_cannot_be_built_yet_is_no_reason_not_to_reload(counted):
    """What it lacks may be installed later; asking for it says what is missing."""
    registry = Registry(THREE)
    rerankers = {**THREE["rerankers"], "later": {"use": "not-installed-yet"}}

    changes = registry.reload({"rerankers": rerankers})

    assert changes.added == ("later",)
    assert registry.get("model").rank("q", ["a", "bb"])[0].index == 1
    with pytest.raises(resift.UnknownRerankerError):
        registry.get("later")


def test_what_was_closed_is_built_anew(counted):
    """An entry of the same model that comes later does not get a closed plugin."""
    registry = Registry(THREE)
    registry.get("careful")
    registry.reload(
        {"rerankers": {"late": {"use": "fake", "options": {"model": "big"}}}}
    )

    ranked = registry.get("late").rank("q", ["a", "bb"])

    assert counted.closed == ["big"]
    assert counted.built == ["big", "big"]
    assert ranked[0].index == 1


FAILS_TO_CLOSE = """
class Plugin:
    @resift.hookimpl
    def score(self, documents):
        return [float(len(text)) for text in documents]
    @resift.hookimpl
    def close(self):
        raise OSError("the socket is gone")
"""
STUCK = {"rerankers": {"stuck": {"use": "fake"}}}


def test_what_fails_to_close_costs_no_reload_and_no_request(install, caplog):
    """It is logged: whoever holds the last lease did nothing wrong."""
    install(FAILS_TO_CLOSE)
    registry = Registry(STUCK)

    with registry.lease("stuck") as reranker:
        changes = registry.reload({"rerankers": {"other": {"use": "bm25"}}})
        ranked = reranker.rank("q", ["a", "bb"])

    assert changes.added == ("other",)
    assert ranked[0].index == 1
    assert caplog.messages == [
        "Reranker 'stuck' (resift-fake 1.0): close failed: OSError: the socket is gone"
    ]


def test_what_fails_to_close_is_raised_by_close(install):
    """All were asked to before."""
    install(FAILS_TO_CLOSE)
    registry = Registry(STUCK)
    registry.get("stuck")

    with pytest.raises(ExceptionGroup) as caught:
        registry.close()

    assert caught.value.message == (
        "Reranker 'stuck' (resift-fake 1.0): close failed: OSError: the socket is gone"
    )


def test_a_reranker_that_closes_slowly_keeps_nobody_waiting(install):
    """Others are given out meanwhile."""
    install(
        "import threading\n"
        "closing, may_close = threading.Event(), threading.Event()\n"
        "class Plugin:\n"
        "    @resift.hookimpl\n"
        "    def score(self, documents):\n"
        "        return [0.0 for text in documents]\n"
        "    @resift.hookimpl\n"
        "    def close(self):\n"
        "        closing.set()\n"
        "        may_close.wait(30)\n"
    )
    import resift_fake

    registry = Registry({"rerankers": {"slow": {"use": "fake"}}})
    registry.get("slow")
    new = {"rerankers": {"words": {"use": "bm25"}}}
    thread = threading.Thread(target=registry.reload, args=[new])
    thread.start()
    resift_fake.closing.wait(30)
    found = []
    asker = threading.Thread(target=lambda: found.append(registry.get("words").name))
    asker.start()
    asker.join(10)
    resift_fake.may_close.set()
    thread.join()

    assert found == ["words"]
