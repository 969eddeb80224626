"""What a message and a repr show of the values that were given: never a key."""

from __future__ import annotations

import traceback
from collections import OrderedDict
from collections.abc import Callable
from typing import Annotated

import pydantic
import pytest
from pydantic_core import PydanticCustomError

import resift
from resift.building import build
from resift.config import Config
from resift.redaction import quoted

KEY = "sk-SECRET-12345"
TABLE = {"use": "jina", "options": {"api_key": KEY}}


def custom(value: str) -> str:
    """Refuse *value* in words of its own, as pydantic lets a validator do."""
    raise PydanticCustomError(
        "house_style", "no {value}", {"value": value}
    )  # a template


class Plain:
    def __init__(
        self,
        *,
        model: Annotated[str, pydantic.StringConstraints(max_length=5)] = "",
        name: Annotated[str, pydantic.AfterValidator(lambda v: int(v) and v)] = "",
        style: Annotated[str, pydantic.AfterValidator(custom)] = "",
        folder: str = "",
    ) -> None:
        if folder:
            msg = f"folder must exist, got {folder!r}."
            raise ValueError(msg)


def never(value: object, option: str) -> resift.Reranker:
    """Build no nested reranker."""
    raise AssertionError(value)


def refusal(do: Callable[[], object]) -> str:
    """Return the message of what fails, whose traceback must not have the key."""
    with pytest.raises(resift.ResiftError) as caught:
        do()
    assert KEY not in "".join(traceback.format_exception(caught.value))
    return str(caught.value)


circle: list[object] = [1]
circle.append(circle)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        ("much", "'much'"),
        ([1, "a"], "[1, 'a']"),
        ("x" * 500, "'" + "x" * 76 + "..."),
        (10**400, "1" + "0" * 76 + "..."),
        (10**5000, "int"),
        ({}, "dict"),
        (TABLE, "dict"),
        (OrderedDict(TABLE), "OrderedDict"),
        ([TABLE], "list"),
        ([1, ("a", [TABLE])], "list"),
        (circle, "[1, [...]]"),
    ],
    ids=lambda value: str(type(value).__name__),
)
def test_a_value_is_shown_short_and_a_table_by_its_type(value, text):
    """A table, at whatever depth, may hold a key."""
    assert quoted(value) == text


def test_a_config_does_not_show_a_key_in_a_merger_or_a_wrapper():
    """Options of an entry are in tables of many places."""
    config = Config.of(
        {
            "rerankers": {"a": {"use": "rrf", "options": {"key": KEY}, "merge": TABLE}},
            "wrappers": [TABLE],
        }
    )

    assert KEY not in repr(config) + repr(config.get("a"))


def test_a_table_in_the_wrong_place_is_not_quoted():
    """Where an option takes something else."""
    message = refusal(
        lambda: resift.load("cascade", config=None, stages=["bm25"], keep=[TABLE])
    )

    assert message.endswith(", got list.")


def test_a_table_for_a_column_is_not_quoted():
    """In the config as in the call."""
    data = {"rerankers": {"a": {"use": "bm25", "text": [TABLE]}}}

    assert refusal(lambda: Config.of(data)) == (
        "The config: [rerankers.a]: text must be the name of a column, or a list of "
        "names, got list."
    )
    assert refusal(lambda: resift.load("bm25", config=None, text=TABLE)) == (  # type: ignore[arg-type]
        "text must be the name of a column, or a list of names, got dict."
    )


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("model", "option 'model' is wrong: String should have at most 5 characters."),
        ("name", "option 'name' is wrong."),
        ("style", "option 'style' is wrong."),
        ("folder", "folder must exist, got '***'."),
    ],
)
def test_a_value_from_the_environment_is_not_quoted(monkeypatch, option, message):
    """Neither by the type, nor by a validator, nor by the constructor that refuses."""
    monkeypatch.setenv("K", KEY)

    def make() -> object:
        return build(Plain, {option: {"env": "K"}}, who="Reranker 'x'", nest=never)

    assert refusal(make) == f"Reranker 'x': {message}"


def test_a_value_from_elsewhere_is_quoted():
    """It helps to see what was given."""

    def make() -> object:
        return build(Plain, {"model": "abcdef"}, who="Reranker 'x'", nest=never)

    assert refusal(make) == (
        "Reranker 'x': option 'model' is wrong: String should have at most 5 "
        "characters, got 'abcdef'."
    )
