"""The reranker of a component: kept as given, loaded once, and no secret shown."""

from __future__ import annotations

import copy
import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pydantic
import pytest

import resift
from resift_adapter import Choice, Table, checked, mapped, written
from resift_adapter.field import Chosen

OPEN = {"use": "cohere", "options": {"api_key": "sk-open", "model": "m"}}
SAFE = {"use": "cohere", "options": {"api_key": {"env": "KEY"}, "model": "m"}}
SHOWN = "{'use': 'cohere', 'options': {'api_key': '***', 'model': 'm'}}"


def lengths(query, documents):
    return [float(len(text)) for text in documents]


@pytest.mark.parametrize("given", ["bm25", {"use": "bm25", "options": {"k1": 0.5}}])
def test_a_name_or_a_table_is_loaded_once_for_all_threads(given):
    """Nothing is loaded before it is needed, and then one reranker serves all."""
    choice = Choice(given, "Component")

    with ThreadPoolExecutor(8) as pool:
        loaded = set(pool.map(lambda _: choice.reranker(), range(32)))

    assert [reranker.name for reranker in loaded] == ["bm25"]


def test_a_reranker_is_used_as_it_is():
    """It is the caller's: closing the component leaves it open."""
    reranker = resift.Reranker(lengths)
    choice = Choice(reranker, "Component")

    choice.close()

    assert choice.reranker() is reranker
    assert not reranker.closed


def test_what_was_loaded_is_closed_and_loaded_again():
    """Closing twice does no harm."""
    choice = Choice("bm25", "Component")
    first = choice.reranker()

    choice.close()
    choice.close()

    assert first.closed
    assert not choice.reranker().closed


@pytest.mark.parametrize(
    ("given", "kind"), [(lengths, "function"), (["bm25"], "list"), (None, "NoneType")]
)
def test_anything_else_is_refused_in_words(given, kind):
    """The message says what to do with a function."""
    with pytest.raises(resift.InputError) as caught:
        Choice(given, "Component")

    assert str(caught.value) == (
        "Component: reranker must be the name of a reranker, a table with 'use', or a "
        f"resift.Reranker, not {kind}. Give an instance or a function to "
        "resift.Reranker."
    )


def test_no_form_of_it_shows_a_secret():
    """Neither its repr nor that of the table, and no pickle of either."""
    choice = Choice(OPEN, "Component")

    assert repr(choice) == repr(choice.given) == f"{choice.given}" == SHOWN
    for form in (choice, choice.given):
        with pytest.raises(pickle.PicklingError) as caught:
            pickle.dumps(form)
        assert str(caught.value) == (
            "The table of the reranker 'cohere' holds a secret. Give it as "
            "{'env': 'NAME'}, the variable that holds it."
        )


def test_copies_and_pickles_load_anew():
    """They are equal to the original, and share nothing that was loaded."""
    choice = Choice({"use": "bm25", "options": {"k1": 0.5}}, "Component")
    loaded = choice.reranker()

    for other in (copy.deepcopy(choice), pickle.loads(pickle.dumps(choice))):
        assert other == choice
        assert other.reranker() is not loaded
        assert other.reranker().plugin.k1 == 0.5
    assert choice != Choice("bm25", "Component")


def test_a_deep_copy_may_hold_a_secret_in_memory():
    """Frameworks copy their components; that writes nothing."""
    table = Table(OPEN)

    other = copy.deepcopy(table)

    assert other == OPEN
    assert other["options"] is not table["options"]
    assert repr(other) == SHOWN


def test_a_table_given_is_not_the_caller_s_own():
    """What happens to the caller's table afterwards has no effect."""
    given = {"use": "bm25", "options": {"k1": 0.5}}
    kept = checked(given, "Component")

    given["options"]["k1"] = 0.9

    assert kept == {"use": "bm25", "options": {"k1": 0.5}}


def test_plain_data_comes_back():
    """Nested rerankers and paths are written as a config file holds them."""
    inner = resift.load("bm25", config=None, k1=0.5)
    table = {"use": "cascade", "options": {"stages": [inner, "bm25"], "keep": (2,)}}

    assert json.loads(json.dumps(written(table, ""))) == {
        "use": "cascade",
        "options": {
            "stages": [{"use": "resift:bm25", "options": {"k1": 0.5}}, "bm25"],
            "keep": [2],
        },
    }
    assert written(inner, "") == {"use": "resift:bm25", "options": {"k1": 0.5}}
    assert written({"use": "x", "window": 3, "text": Path("a")}, "")["text"] == "a"
    assert written("bm25", "") == "bm25"
    assert written(SAFE, "") == SAFE


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            OPEN,
            "Component: reranker holds a secret, which is never written down. Give it "
            "as {'env': 'NAME'}, the variable that holds it.",
        ),
        (
            {"use": "bm25", "options": {"k1": object()}},
            "Component: reranker must be plain data to be written down, not object.",
        ),
        (
            resift.Reranker(lengths),
            "Reranker 'lengths' was not built by name, so that no table loads it "
            "again. Publish its class, and load it by name.",
        ),
    ],
)
def test_what_cannot_be_written_down_is_refused(given, message):
    """Rather than written in part."""
    with pytest.raises(resift.InputError) as caught:
        written(given, "Component")

    assert str(caught.value) == message


def test_values_are_changed_at_any_depth():
    """Containers are copied."""
    table = {"a": 1, "b": [2, {"c": 3}]}

    assert mapped(table, lambda value: value * 10) == {"a": 10, "b": [20, {"c": 30}]}
    assert table == {"a": 1, "b": [2, {"c": 3}]}


def test_a_field_of_a_model_goes_out_and_in():
    """As JSON, and as a copy with another reranker."""
    model = Chosen(reranker={"use": "bm25", "options": {"k1": 0.5}})
    assert model.loaded() is model.loaded()

    again = Chosen.model_validate_json(model.model_dump_json())
    other = model.model_copy(update={"reranker": "rrf"})

    assert again.loaded().plugin.k1 == 0.5
    assert again == Chosen(reranker={"use": "bm25", "options": {"k1": 0.5}})
    assert other.loaded().name == "rrf"
    assert model.loaded().name == "bm25"


def test_a_model_shows_no_secret():
    """Not when printed, not when it is refused, and it is not dumped."""
    model = Chosen(reranker=OPEN)

    assert str(model) == f"reranker={SHOWN}"
    with pytest.raises(pydantic.ValidationError) as caught:
        Chosen(reranker=[OPEN])
    assert "sk-open" not in str(caught.value)
    for dump in (model.model_dump, model.model_dump_json):
        with pytest.raises(ValueError, match="holds a secret") as refused:
            dump()
        assert "sk-open" not in str(refused.value)
