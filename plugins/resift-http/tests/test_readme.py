from __future__ import annotations

from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


def test_the_table_is_up_to_date(capsys):
    """The README's table is generated from the dialects: run `cog -r README.md`."""
    cogapp = pytest.importorskip("cogapp")

    assert cogapp.Cog().main(["cog", "--check", str(README)]) == 0, capsys.readouterr()
