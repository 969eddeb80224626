"""The page for those who come from LanceDB names what there is, on both sides."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from resift.catalog import catalog
from resift.errors import UnknownRerankerError
from resift.options import Schema

lancedb_rerankers = pytest.importorskip("lancedb.rerankers")

PAGE = Path(__file__).parents[1] / "docs" / "migration.md"
ROWS = {
    cells[1].strip("`").partition("(")[0]: cells
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if line.startswith("| `")
    for cells in [[cell.strip() for cell in line.split("|")]]
}
THEIRS = sorted(set(lancedb_rerankers.__all__) - {"Reranker"})


def test_every_class_has_a_row():
    """A class that LanceDB adds is missed here first."""
    assert sorted(ROWS) == THEIRS


@pytest.mark.parametrize("name", THEIRS)
def test_their_arguments_are_theirs(name):
    """Each argument in a row is a parameter of their constructor, and none is new."""
    row = ROWS[name][1]
    cls = getattr(lancedb_rerankers, name)
    mentioned = set(re.findall(r"[(,] ?\*{0,2}(\w+)(?=[=,)])", row))
    parameters = set(inspect.signature(cls).parameters)

    assert mentioned <= parameters
    assert parameters - mentioned <= {"column", "return_score"}


@pytest.mark.parametrize("name", THEIRS)
def test_our_names_and_options_exist(name):
    """Each row names an installed reranker and options that it has."""
    ours = re.findall(r"`([^`]+)`", ROWS[name][2])
    if not ours:
        assert ROWS[name][2] == "none yet"
        return
    try:
        provider = catalog().find(ours[0])
    except UnknownRerankerError:
        pytest.skip(f"{ours[0]} is not installed")
    options = Schema(provider.load(), ours[0]).options
    given = {text.partition(" = ")[0] for text in ours[1:]}

    assert given - {"top_k", 'model_type="cross-encoder"', "cross-encoder"} <= {
        *options
    }
