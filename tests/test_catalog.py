"""Finding a reranker by name: what `resift.catalog` promises."""

from __future__ import annotations

import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import resift
from resift.catalog import COMMANDS, catalog, normalized, refresh

CORE = ["bm25", "cascade", "convex", "dbsf", "ensemble", "fallback", "relative", "rrf"]

ECHO = """
class Plugin:
    @resift.hookimpl
    def score(self, query, documents):
        return [len(document) for document in documents]
"""


@pytest.fixture
def only_core(monkeypatch):
    """Return a function that hides every real plugin, so that lists are known."""

    def allow(*distributions: str) -> None:
        monkeypatch.setenv("RESIFT_PLUGINS", ",".join(distributions))

    allow()
    return allow


def failure(name: str, kind: type[Exception]) -> str:
    """Return the whole message of loading *name*, which fails."""
    with pytest.raises(kind) as caught:
        resift.load(name, config=None)
    return str(caught.value)


# Metadata is the index -----------------------------------------------------------


def test_core_rerankers_are_entry_points_like_any_other():
    """The core's own rerankers are found in its metadata, with no special case."""
    own = [p for p in catalog().providers if p.distribution == "resift"]

    assert [p.name for p in own] == CORE
    assert {p.version for p in own} == {resift.__version__}


def test_listing_imports_no_plugin(install):
    """Names, versions, summaries and states are read without importing the plugin."""
    install("raise AssertionError('imported')", summary="Scores by length.")

    provider = catalog().find("fake")

    assert provider.name == "fake"
    assert provider.distribution == "resift-fake"
    assert provider.version == "1.0"
    assert provider.summary == "Scores by length."
    assert catalog().state(provider) == "ok"
    assert "resift_fake" not in sys.modules


def test_loading_imports_only_the_plugin_named(install):
    """Loading one plugin leaves the others unimported."""
    install(ECHO, "one")
    install("raise AssertionError('imported')", "two")

    resift.load("one", config=None)

    assert "resift_one" in sys.modules
    assert "resift_two" not in sys.modules


def test_a_plugin_is_imported_once_by_many_threads(install, tmp_path):
    """Threads that load the same plugin at once import it once, and whole."""
    log = tmp_path / "imports"
    install(
        f"with open({str(log)!r}, 'a') as log:\n    log.write('.')\n"
        f"import time\ntime.sleep(0.1)\n{ECHO}"
    )

    with ThreadPoolExecutor(8) as pool:
        loaded = list(pool.map(lambda _: resift.load("fake", config=None), range(16)))

    assert len({type(reranker.plugin) for reranker in loaded}) == 1
    assert log.read_text() == "."


def test_a_slow_import_holds_up_no_list(install):
    """While one thread imports a plugin, another can look around."""
    install(f"import time\ntime.sleep(1)\n{ECHO}")

    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(resift.load, "fake", config=None)
        time.sleep(0.2)
        names = catalog().names()
        assert not loading.done()

    assert "fake" in names
    assert loading.result().name == "fake"


def test_a_plugin_may_load_another_while_it_is_imported(install):
    """A plugin that is made of others when its module is imported does not hang."""
    install(f"inner = resift.load('bm25', config=None)\n{ECHO}")

    assert resift.load("fake", config=None).name == "fake"


def test_the_catalog_is_read_once_until_refreshed(install):
    """The index is kept, and `refresh` makes a new one that sees what is new."""
    before = catalog()
    fake = install(ECHO)

    assert catalog() is not before
    assert "fake" in catalog()
    shutil.rmtree(fake.metadata)
    assert "fake" in catalog()
    refresh()
    assert "fake" not in catalog()


def test_commands_are_another_group(fake_distribution):
    """Plugins' commands are found by the same rules in a group of their own."""
    fake_distribution(
        "resift-serve", entry_points={COMMANDS: {"serve": "resift_serve:serve"}}
    )

    assert "serve" in catalog(COMMANDS)
    assert "serve" not in catalog()


def test_an_empty_leftover_does_not_hide_the_good_distribution(install):
    """An empty `*.dist-info` of an old version leaves the installed one visible."""
    fake = install(ECHO, version="2.0")
    (fake.folder / "resift_fake-1.0.dist-info").mkdir()
    refresh()

    assert catalog().find("fake").version == "2.0"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("entry_points.txt", b"[resift.rerankers]\nno equals sign\n"),
        ("entry_points.txt", b"[resift.rerankers]\n\xff = a:b\n"),
    ],
    ids=["no equals sign", "not UTF-8"],
)
def test_a_distribution_that_cannot_be_read_hurts_only_itself(install, file, text):
    """With one unreadable `entry_points.txt` all other plugins are still found."""
    install(ECHO)
    bad = install(ECHO, "bad")
    (bad.metadata / file).write_bytes(text)
    refresh()

    assert set(CORE) <= set(catalog().names())
    assert catalog().find("fake").qualified == "resift-fake:fake"
    assert "bad" not in catalog()


@pytest.mark.parametrize("text", ["", "Metadata-Version: 2.1\n"])
def test_a_distribution_without_name_or_version_still_works(install, text):
    """A damaged METADATA costs the name in messages, not the reranker."""
    fake = install(ECHO)
    (fake.metadata / "METADATA").write_text(text)
    refresh()

    assert str(catalog().find("fake")) == "Reranker 'fake' ((unknown))"
    assert resift.load("fake", config=None).rank("q", ["a"])[0].score == 1.0


# Names ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spelling",
    [
        "word-overlap",
        "word_overlap",
        "Word.Overlap",
        " WORD--OVERLAP ",
        "word-_.overlap",
    ],
)
def test_names_are_normalised(install, spelling):
    """Case, hyphens, underscores and dots do not tell names apart."""
    install(ECHO, "word-overlap")

    assert catalog().find(spelling).name == "word-overlap"
    assert normalized(spelling) == "word-overlap"


@pytest.mark.parametrize(
    "spelling", ["resift-fake:fake", "Resift_Fake:FAKE", "resift.fake:fake"]
)
def test_a_qualified_name_always_works(install, spelling):
    """`distribution:name` finds the provider, however both are spelt."""
    install(ECHO)

    assert catalog().find(spelling).qualified == "resift-fake:fake"


def test_a_clash_lists_every_provider_and_how_to_qualify_it(install, fake_distribution):
    """Two providers of one name are an error until one is asked for by its home."""
    install(ECHO)
    fake_distribution("other", version="3.1", rerankers={"Fake": "other.impl:Fake"})

    assert failure("fake", resift.AmbiguousRerankerError) == (
        "Reranker 'fake' is provided by 2 entry points: 'other:fake' (other 3.1, "
        "other.impl:Fake); 'resift-fake:fake' (resift-fake 1.0, resift_fake:Plugin). "
        "Ask for one by its qualified name."
    )
    assert resift.load("resift-fake:fake", config=None).name == "fake"
    assert {catalog().state(p) for p in catalog().providers if p.name == "fake"} == {
        "clash",
        "module missing",
    }


def test_one_distribution_that_gives_a_name_twice_is_a_clash(fake_distribution):
    """Where no qualified name could help, the message does not advise one."""
    fake_distribution("odd", rerankers={"same-name": "odd:A", "same_name": "odd:B"})

    assert failure("same-name", resift.AmbiguousRerankerError) == (
        "Reranker 'same-name' is provided by 2 entry points: 'odd:same-name' (odd 1.0, "
        "odd:A); 'odd:same-name' (odd 1.0, odd:B). A distribution must give a name "
        "once: tell its authors."
    )


def test_a_core_name_always_means_the_core(fake_distribution):
    """Nobody can take a core name over; theirs is reported, and reachable qualified."""
    fake_distribution(
        "intruder",
        modules={"intruder": f"import resift\n{ECHO}"},
        rerankers={"bm25": "intruder:Plugin"},
    )

    assert catalog().find("bm25").distribution == "resift"
    theirs = catalog().find("intruder:bm25")
    assert catalog().state(theirs) == "hidden by core"
    assert type(resift.load("intruder:bm25", config=None).plugin).__name__ == "Plugin"


def test_identical_duplicates_collapse(install):
    """An editable install beside stale metadata of the same line is one provider."""
    install(ECHO)
    install(ECHO, site="elsewhere")

    assert [p.name for p in catalog().providers].count("fake") == 1


def test_identical_lines_of_one_distribution_spelt_twice_collapse(
    install, fake_distribution
):
    """Two spellings of one distribution's name do not make two providers."""
    install(ECHO)
    fake_distribution("Resift_Fake", rerankers={"FAKE": "resift_fake:Plugin"})

    assert [p.name for p in catalog().providers].count("fake") == 1


def test_an_unknown_name_shows_near_misses_only(only_core):
    """A misspelt name is met with what it may have meant."""
    assert failure("rff", resift.UnknownRerankerError) == (
        "No reranker named 'rff' is installed. Did you mean 'rrf'?"
    )


def test_an_unknown_name_like_no_other_has_no_near_miss(only_core):
    """Where nothing is near, all that is installed is listed."""
    assert failure("xyzzy", resift.UnknownRerankerError) == (
        f"No reranker named 'xyzzy' is installed. Installed: "
        f"{', '.join(map(repr, CORE))}."
    )


def test_an_unknown_name_may_be_a_name_of_the_config(only_core):
    """Names of the config file are suggested, too."""
    config = {"rerankers": {"precise": {"use": "bm25"}}}

    with pytest.raises(resift.UnknownRerankerError) as caught:
        resift.load("precis", config=config)

    assert str(caught.value) == (
        "No reranker named 'precis' is installed. Did you mean 'precise'?"
    )


def test_a_dotted_path_is_not_a_name(only_core):
    """A module path is no way to load code: only entry points are."""
    message = failure("resift.rerankers.bm25:BM25", resift.UnknownRerankerError)

    assert message.startswith(
        "No reranker named 'resift.rerankers.bm25:BM25' is installed."
    )


@pytest.mark.parametrize("given", [dict, object(), 5, len])
def test_load_takes_names_only(given):
    """A class, an instance or a function given to `load` is pointed to `Reranker`."""
    kind = type(given).__name__

    with pytest.raises(resift.InvalidRerankerError) as caught:
        resift.load(given, config=None)

    assert str(caught.value) == (
        f"resift.load takes the name of a reranker, or a table with 'use', got {kind}. "
        f"Give an instance or a "
        "function to resift.Reranker."
    )


# Broken plugins ------------------------------------------------------------------


def test_a_plugin_that_raises_at_import_is_broken_with_the_cause_chained(install):
    """Whatever its module raises is named and chained, and the rest still loads."""
    install("raise RuntimeError('no GPU here.')")

    with pytest.raises(resift.BrokenRerankerError) as caught:
        resift.load("fake", config=None)

    assert str(caught.value) == (
        "Reranker 'fake' (resift-fake 1.0) cannot be imported: RuntimeError: no GPU "
        "here. The fault lies in resift-fake, or in what it needs."
    )
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert resift.load("bm25", config=None).name == "bm25"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("raise SystemExit('run me')", "SystemExit: run me. The fault lies in "),
        ("import sys; sys.exit()", "SystemExit. The fault lies in "),
    ],
)
def test_a_plugin_that_exits_at_import_does_not_end_the_host(install, source, message):
    """A script that was meant to be run is a broken plugin like any other."""
    install(source)

    assert failure("fake", resift.BrokenRerankerError) == (
        f"Reranker 'fake' (resift-fake 1.0) cannot be imported: {message}resift-fake, "
        "or in what it needs."
    )


def test_a_missing_dependency_names_the_module_and_who_needs_it(install):
    """No install line is made up from the name of a module that is missing."""
    install("import no_such_module_of_anyone")

    assert failure("fake", resift.BrokenRerankerError) == (
        "Reranker 'fake' (resift-fake 1.0) cannot be imported: ModuleNotFoundError: No "
        "module named 'no_such_module_of_anyone'. resift-fake needs the module "
        "'no_such_module_of_anyone', which is not installed. Reinstall resift-fake, "
        "with the extra that it documents."
    )


def test_a_missing_module_of_its_own_asks_to_reinstall(fake_distribution):
    """Where the plugin's own module is gone, no dependency is blamed."""
    fake_distribution("resift-fake", rerankers={"fake": "resift_fake.deep:Plugin"})

    assert catalog().state(catalog().find("fake")) == "module missing"
    assert failure("fake", resift.BrokenRerankerError) == (
        "Reranker 'fake' (resift-fake 1.0) cannot be imported: ModuleNotFoundError: No "
        "module named 'resift_fake'. The entry point is fake = "
        "'resift_fake.deep:Plugin': correct it, or reinstall resift-fake."
    )


def test_a_missing_class_is_broken(fake_distribution):
    """An entry point that names nothing in its module cannot be imported."""
    fake_distribution(
        "resift-fake",
        modules={"resift_fake": ""},
        rerankers={"fake": "resift_fake:Gone"},
    )

    assert failure("fake", resift.BrokenRerankerError) == (
        "Reranker 'fake' (resift-fake 1.0) cannot be imported: AttributeError: module "
        "'resift_fake' has no attribute 'Gone'. The entry point is fake = "
        "'resift_fake:Gone': correct it."
    )


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("class WordOverlaps: ...", "Did you mean 'resift_fake:WordOverlaps'?"),
        ("class Other: ...", "Classes of resift_fake: 'Other'."),
    ],
)
def test_a_renamed_class_is_named(fake_distribution, source, hint):
    """A class that was renamed is offered by its new name; what it imports is not."""
    fake_distribution(
        "resift-fake",
        modules={"resift_fake": f"from fractions import Fraction\n{source}"},
        rerankers={"fake": "resift_fake:WordOverlap"},
    )

    assert failure("fake", resift.BrokenRerankerError) == (
        "Reranker 'fake' (resift-fake 1.0) cannot be imported: AttributeError: module "
        "'resift_fake' has no attribute 'WordOverlap'. The entry point is fake = "
        f"'resift_fake:WordOverlap': correct it. {hint}"
    )


@pytest.mark.parametrize("asked", ["fake", "resift-fake:fake"])
def test_a_name_in_a_misspelt_group_points_to_the_doctor(fake_distribution, asked):
    """A name that stands in a group that nobody reads is not just unknown."""
    fake_distribution(
        "resift-fake", entry_points={"resift.reranker": {"fake": "fake:Fake"}}
    )

    assert failure(asked, resift.UnknownRerankerError) == (
        f"No reranker named {asked!r} is installed. resift-fake offers one in the "
        "group 'resift.reranker', which resift does not read: `resift doctor fake` "
        "says more."
    )


@pytest.mark.parametrize(
    "target", ["resift_fake", "resift fake:Plugin", ":Plugin", "a:"]
)
def test_a_malformed_entry_point_is_broken(fake_distribution, target):
    """An entry point that names no class of a module is seen in its metadata."""
    fake_distribution("resift-fake", rerankers={"fake": target})

    assert catalog().state(catalog().find("fake")) == "malformed"
    assert failure("fake", resift.BrokenRerankerError) == (
        f"Reranker 'fake' (resift-fake 1.0) has the malformed entry point {target!r}. "
        "It must look like 'package.module:Class'."
    )


def test_an_instance_is_not_a_class(install):
    """An entry point names the class, not an object built from it."""
    install(f"{ECHO}\nPlugin = Plugin()")

    assert failure("fake", resift.InvalidRerankerError) == (
        "Reranker 'fake' (resift-fake 1.0) must name a class, but 'resift_fake:Plugin' "
        "is an object of type 'Plugin'. Name the class itself in the entry point."
    )


def test_a_broken_plugin_stays_listed(install):
    """Listing never fails: a plugin that cannot be imported keeps its place."""
    install("import no_such_module_of_anyone")

    with pytest.raises(resift.BrokenRerankerError):
        resift.load("fake", config=None)

    assert "fake" in catalog().names()


# The allow-list ------------------------------------------------------------------


def test_unset_all_plugins_are_allowed(install, monkeypatch):
    """Without `RESIFT_PLUGINS` every distribution may be used."""
    install(ECHO)
    monkeypatch.delenv("RESIFT_PLUGINS", raising=False)

    assert resift.load("fake", config=None).name == "fake"


def test_set_but_empty_only_the_core_is_allowed(install, only_core):
    """An empty `RESIFT_PLUGINS` leaves the core, and imports nothing else."""
    install("raise AssertionError('imported')")

    assert failure("fake", resift.NotAllowedError) == (
        "Reranker 'fake' is installed by resift-fake, which the environment variable "
        "RESIFT_PLUGINS does not allow. Add resift-fake to it."
    )
    assert catalog().names() == CORE
    assert [catalog().state(p) for p in catalog().providers if p.name == "fake"] == [
        "not allowed"
    ]


@pytest.mark.parametrize(
    "value", ["resift-fake", " other, Resift_Fake ,", "RESIFT.FAKE"]
)
def test_the_distributions_named_are_allowed(install, only_core, value):
    """`RESIFT_PLUGINS` is a list of distributions, spelt in any way."""
    install(ECHO)
    only_core(value)

    assert catalog().names() == sorted([*CORE, "fake"])
    assert resift.load("fake", config=None).name == "fake"


def test_what_is_not_allowed_makes_no_clash(install, fake_distribution, only_core):
    """The allow-list may settle a clash."""
    install(ECHO)
    fake_distribution("other", rerankers={"fake": "other:Fake"})
    only_core("resift-fake")

    assert catalog().find("fake").distribution == "resift-fake"
