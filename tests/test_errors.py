"""Errors are data, of which `str` makes a sentence."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pytest

import resift
from resift.errors import InputError

FLAGS = Path(__file__).parents[1] / "plugins" / "resift-cli" / "src/resift_cli/flags.py"


def test_arguments_of_a_remedy():
    """The arguments that a remedy names are data: each reader spells them its way."""
    error = InputError("is wrong", remedy="Use {k}.", arguments={"k": "k=..."})
    in_python = str(error)

    error.arguments = {"k": "--k"}

    assert (in_python, str(error)) == ("is wrong. Use k=....", "is wrong. Use --k.")


def test_a_remedy_without_arguments_is_taken_as_it_is():
    """Braces in a remedy that names no arguments are those of an example."""
    error = InputError("is wrong", remedy="Give {'env': 'NAME'}.")

    assert str(error) == "is wrong. Give {'env': 'NAME'}."


def test_who_and_what_to_do():
    """What a message says of the reranker and of the way out, its attributes hold."""
    table = pa.table({"_rowid": [1], "body": ["a fox"]})

    with pytest.raises(InputError) as caught:
        resift.load("bm25", config=None).rerank("fox", table)

    error = caught.value
    assert error.who == f"Reranker 'bm25' (resift {resift.__version__})"
    assert error.message == (
        "the results have no text column 'text'. Columns: '_rowid', 'body'"
    )
    assert error.remedy == (
        "Name the right one with text=..., and select it in the search."
    )
    assert str(error) == f"{error.who}: {error.message}. {error.remedy}"


def test_the_command_line_reads_no_sentence():
    """Errors are told in flags by their attributes, never by their words."""
    source = FLAGS.read_text()

    assert re.findall(r"\bre\.|str\(error\)|\.replace\(", source) == []
