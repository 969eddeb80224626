from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from resift_static import StaticEmbeddings


def test_table_lists_every_option() -> None:
    """The README's table has one row per option, in the order of the class."""
    readme = (Path(__file__).parents[1] / "README.md").read_text("utf-8")

    listed = re.findall(r"^\| `(\w+)` \|", readme, re.MULTILINE)

    assert listed == [option.name for option in fields(StaticEmbeddings) if option.init]
