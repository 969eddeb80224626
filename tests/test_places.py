"""Where a mistake was written: in a file, a variable, or the call."""

from __future__ import annotations

from pathlib import Path

import pytest

import resift
from resift.config import Config

VERSION = resift.__version__

ENTRIES = """
default = "precisee"

[rerankers.Precise]
use = "bm25"
options = { kk1 = 1 }

[rerankers.type]
use = "bm25"
options = { k1 = "much" }

[rerankers.range]
use = "rrf"
options = { k = -1 }

[rerankers.upper]
use = "range"

[rerankers.setting]
use = "bm25"
options = { top_k = 3 }

[rerankers.missing]
use = "cascade"
options = { stages = ["bm25"] }

[rerankers.entry]
use = "cascade"
options = { stages = ["range"], keep = [] }

[rerankers.table]
use = "cascade"
options = { stages = [{ use = "bm25", optoins = {} }], keep = [] }

[rerankers.nested]
use = "cascade"
options = { stages = ["rff"], keep = [] }

[rerankers.merger]
use = "bm25"
merge = "rff"

[rerankers.scorer]
use = "rrf"
merge = "bm25"
"""

RFF = "No reranker named 'rff' is installed. Did you mean 'rrf'?"
RANGE = (
    f"[rerankers.range]: Reranker '%s' (resift {VERSION}): k must be a finite number "
    "of at least 0, got -1.0. Use 60."
)


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "resift.toml"
    path.write_text(ENTRIES)
    return path


def failure(name: str | None = None, **given: object) -> str:
    """Return the message of loading *name*, which fails."""
    with pytest.raises(resift.ResiftError) as caught:
        resift.load(name, **given)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "precise",
            f"[rerankers.Precise]: Reranker 'precise' (resift {VERSION}) has no option "
            "'kk1'. Did you mean 'k1'? Options: 'k1', 'b'.",
        ),
        (
            "type",
            f"[rerankers.type]: Reranker 'type' (resift {VERSION}): option 'k1' must "
            "be a valid number, unable to parse string as a number, got 'much'.",
        ),
        ("range", RANGE % "range"),
        ("upper", RANGE % "upper"),
        (
            "setting",
            f"[rerankers.setting]: Reranker 'setting' (resift {VERSION}) has no option "
            "'top_k'. It is a setting: give it beside the options. Options: 'k1', "
            "'b'.",
        ),
        (
            "missing",
            f"[rerankers.missing]: Reranker 'missing' (resift {VERSION}): option "
            "'keep' is required and was not given.",
        ),
        ("entry", RANGE % "range"),
        (
            "table",
            "[rerankers.table]: A reranker's table: unknown key 'optoins'. Did you "
            "mean "
            "'options'? Keys: 'use', 'options', 'merge', 'weights', 'top_k', 'window', "
            "'min_score', 'text', 'instruction', 'price'.",
        ),
        (
            "scorer",
            "[rerankers.scorer]: Reranker 'scorer': merge must name a reranker that "
            "merges, but BM25 implements only 'score'.",
        ),
    ],
)
def test_a_mistake_in_an_entry_is_told_with_the_file_and_the_entry(file, name, message):
    """It is the entry that holds the mistake, wherever it is used."""
    assert failure(name) == f"{file}: {message}"


@pytest.mark.parametrize("name", ["nested", "merger"])
def test_a_wrong_name_in_an_entry_is_told_with_the_file_and_the_entry(file, name):
    """Names of nested rerankers and of mergers, too."""
    assert failure(name).startswith(f"{file}: [rerankers.{name}]: {RFF}")


def test_a_wrong_default_is_told_with_the_file(file):
    """The key `default` is where to look."""
    assert failure().startswith(
        f"{file}: default: No reranker named 'precisee' is installed. Did you mean "
        "'precise'?"
    )


def test_a_wrong_variable_is_told_with_its_name(file, monkeypatch):
    """A name in RESIFT_RERANKER is not blamed on the file."""
    monkeypatch.setenv("RESIFT_RERANKER", "rff")

    assert failure().startswith(f"RESIFT_RERANKER: {RFF}")


def test_a_variable_that_names_a_wrong_entry_is_not_blamed(file, monkeypatch):
    """The name was right."""
    monkeypatch.setenv("RESIFT_RERANKER", "range")

    assert failure() == f"{file}: {RANGE % 'range'}"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"merge": "rff"}, RFF),
        ({"b": 0.1, "k2": 1}, "Reranker 'mine' (resift 0.1.0) has no option 'k2'. "),
        ({"b": "much"}, "Reranker 'mine' (resift 0.1.0): option 'b' must be a valid "),
        ({"k1": -1}, "Reranker 'mine' (resift 0.1.0): k1 must be "),
        ({"merge": "bm25"}, "Reranker 'mine': merge must name a reranker that merges"),
        ({"window": 0}, "window must be an integer of at least 1"),
    ],
)
def test_a_mistake_in_the_call_is_not_blamed_on_the_file(given, message):
    """The entry beneath it is right."""
    mine = {"use": "bm25", "options": {"k1": 2, "b": 0.5}, "merge": "rrf"}

    assert failure("mine", config={"rerankers": {"mine": mine}}, **given).startswith(
        message.replace("0.1.0", VERSION)
    )


def test_a_mistake_in_a_file_is_found_beneath_a_call(file):
    """The call's own options are right."""
    stages = ["bm25", "range"]

    message = failure("cascade", stages=stages, keep=[1])

    assert message == f"{file}: {RANGE % 'range'}"


def test_the_place_is_an_attribute_too(file):
    """Who shows errors in a form of their own need not take the message apart."""
    with pytest.raises(resift.OptionsError) as caught:
        resift.load("range")

    assert caught.value.place == f"{file}: [rerankers.range]"


def test_an_entry_that_hides_a_clash_is_not_advised_to_use_it(
    install, fake_distribution
):
    """The bare name is ambiguous, so it can have no defaults."""
    install("", "clash")
    fake_distribution("other", rerankers={"clash": "other:Clash"})
    data = {"rerankers": {"clash": {"use": "other:clash"}}}

    assert failure("clash", config=data) == (
        "the config: [rerankers.clash] hides the installed reranker 'clash'. Choose "
        "another name."
    )


def test_an_unknown_reranker_names_the_entry_that_uses_it(monkeypatch):
    """The message says where the wrong name is written."""
    monkeypatch.setenv("RESIFT_PLUGINS", "")
    data = {"rerankers": {"mine": {"use": "rff"}}}

    with pytest.raises(resift.UnknownRerankerError) as caught:
        resift.load("mine", config=data)

    assert str(caught.value) == (
        "the config: [rerankers.mine]: No reranker named 'rff' is installed. Did you "
        "mean 'rrf'?"
    )


def test_a_wrong_option_names_the_entry(monkeypatch):
    """A message about an entry says where it stands, and the package behind it."""
    data = {"rerankers": {"mine": {"use": "rrf", "options": {"kk": 1}}}}

    with pytest.raises(resift.OptionsError) as caught:
        resift.load("mine", config=data)

    assert str(caught.value) == (
        f"the config: [rerankers.mine]: Reranker 'mine' (resift {resift.__version__}) "
        "has no option 'kk'. Did you mean 'k'? Options: 'k'."
    )


@pytest.mark.parametrize(
    "setting", [{"merge": "dbsf"}, {"window": 5}, {"text": "body"}, {"top_k": 5}]
)
def test_a_setting_of_a_nested_entry_is_an_error(setting):
    """What would have no effect inside another reranker is not silently ignored."""
    data = {"rerankers": {"mine": {"use": "bm25", **setting}}}
    (key,) = setting

    with pytest.raises(resift.ConfigError) as caught:
        resift.load("cascade", config=data, stages=["mine"], keep=[])

    assert str(caught.value) == (
        "the config: [rerankers.mine]: 'mine' is nested in another reranker, where "
        f"its {key!r} has no effect. Set it on the outer one."
    )


# Which of several sources -----------------------------------------------------------


class Idle:
    """Wraps nothing, so it is no wrapper."""


def test_a_wrong_wrapper_of_the_call_is_not_blamed_on_the_file():
    """Though the file has a merger, and nested rerankers that get the wrapper, too."""
    data = {
        "rerankers": {
            "x": {"use": "bm25", "merge": "dbsf"},
            "y": {"use": "cascade", "options": {"stages": ["bm25"], "keep": []}},
        }
    }
    message = (
        "Wrapper 'Idle' must mark each of its hooks with "
        "@resift.hookimpl(wrapper=True), and have at least one of: score, score_many, "
        "merge, warmup, check, close."
    )

    for name in data["rerankers"]:
        assert failure(name, config=data, wrappers=[Idle()]) == message
    assert failure("bm25", config=Config(wrappers=[Idle()])) == (  # type: ignore[list-item]
        f"the config: wrappers: {message}"
    )


def test_a_threshold_is_blamed_on_the_entry_that_sets_it():
    """Not on the one beneath it, though the message speaks of its `top_k`."""
    data = {
        "rerankers": {
            "x": {"use": "base", "min_score": 0.5},
            "base": {"use": "bm25", "top_k": 3},
        }
    }
    message = "Reranker 'x' (resift 0.1.0): min_score needs scores that are "

    assert failure("x", config=data).startswith(f"the config: [rerankers.x]: {message}")
    assert failure("x", config=data, min_score=0.6).startswith(message)


def test_an_invalid_kind_of_score_is_not_blamed_on_the_threshold(install):
    """It is the plugin's mistake, whoever asks."""
    install(
        "class Plugin:\n"
        "    score_kind = 'prob'\n"
        "    @resift.hookimpl\n"
        "    def score(self, documents): ...\n"
    )
    data = {"rerankers": {"x": {"use": "fake", "min_score": 0.5}}}

    assert failure("x", config=data) == (
        "Reranker 'x' (resift-fake 1.0): score_kind must be one of 'probability', "
        "'similarity', "
        "'logit', 'ordinal', got 'prob'."
    )


@pytest.mark.parametrize(
    "wrong", [{"top_k": 0}, {"window": 0}, {"text": 5}, {"min_score": 2}]
)
def test_each_setting_is_blamed_on_its_own_entry(wrong):
    """Entries that were made in Python are not checked before."""
    (key,) = wrong
    config = {
        "rerankers": {
            "x": {"use": "base", **wrong},
            "base": {"use": "bm25", "options": {"k1": 1.0}, "merge": "rrf"},
        }
    }

    assert failure("x", config=config).startswith(
        f"The config: [rerankers.x]: {key} must be "
    )


ODD = """
from resift.errors import OptionsError

class Plugin:
    def __init__(
        self, *, k: int = 0, mode: str = '', says: str = '', about: str = ''
    ) -> None:
        raise OptionsError(says, parameter=about) if about else ValueError(says)
    @resift.hookimpl
    def score(self, documents): ...
"""


@pytest.mark.parametrize(
    ("about", "place"),
    [
        ("k", "the config: [rerankers.x]: "),
        ("mode", "the config: [rerankers.base]: "),
        ("", ""),
    ],
)
def test_what_a_constructor_refuses_is_blamed_on_the_option_it_names(
    install, about, place
):
    """An error that names none of several entries' options names no place."""
    install(ODD)
    data = {
        "rerankers": {
            "x": {"use": "base", "options": {"k": 1}},
            "base": {"use": "fake", "options": {"mode": "b"}},
        }
    }

    message = failure("x", config=data, says="must be even", about=about)

    about = f"option {about!r} must be even." if about else "must be even"
    assert message == f"{place}Reranker 'x' (resift-fake 1.0): {about}"


def test_what_a_constructor_refuses_is_blamed_where_all_options_stand(install):
    """Whatever the message says."""
    install(ODD)
    options = {"k": 1, "mode": "b", "says": "no luck"}
    data = {"rerankers": {"x": {"use": "fake", "options": options}}}

    assert failure("x", config=data) == (
        "the config: [rerankers.x]: Reranker 'x' (resift-fake 1.0): no luck"
    )
