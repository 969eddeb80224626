"""The README says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import resift
from resift.options import Schema
from resift_colbert import ColBERT

README = Path(__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8")


def test_the_table_of_options_is_complete() -> None:
    """Each option stands in the table with its default, in the constructor's order."""
    rows = re.findall(r"^\| `(\w+)` \| `(.+?)` \|", README, re.MULTILINE)
    options = Schema(ColBERT, "colbert").options.values()

    assert rows == [
        (option.name, repr(option.default).replace("'", '"')) for option in options
    ]


def test_the_config_entry_loads(tmp_path: Path) -> None:
    """The entry of the README is a reranker that reads the column it names."""
    (entry,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    config = tmp_path / "resift.toml"
    config.write_text(entry)

    reranker = resift.load("precise", config=config)

    assert reranker.columns == ("colbert",)
    assert reranker.score_kind == "similarity"
