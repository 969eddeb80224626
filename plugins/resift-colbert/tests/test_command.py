"""``resift colbert-index``, run as a user runs it, and killed as a machine kills it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from click.testing import CliRunner

from resift_cli import main

lancedb = pytest.importorskip("lancedb", reason="lancedb is not installed")

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from click.testing import Result
    from lancedb.table import Table


@pytest.fixture
def table(tmp_path: Path) -> Table:
    """A table of three texts, one of them too long, and one row without."""
    texts = ["the red fox", "fox " * 80, "paris is the capital of france", None]
    return lancedb.connect(tmp_path / "db").create_table(
        "docs", pa.table({"text": texts})
    )


def run(*arguments: object) -> Result:
    """Run ``resift colbert-index`` with *arguments*."""
    return CliRunner().invoke(main, ["colbert-index", *map(str, arguments)])


def test_it_fills_the_column_and_says_so(
    table: Table, tmp_path: Path, model: str
) -> None:
    """What was done, and what was cut, is printed; progress is not among it."""
    done = run(tmp_path / "db", "docs", "--model", model, "--device", "cpu")

    assert done.exit_code == 0, done.output
    table.checkout_latest()
    tokens = sum(map(len, table.to_arrow()["colbert"].to_pylist()))
    assert done.stdout == (
        "colbert: 4 rows filled, 0 were filled before.\n"
        f"{tokens} token embeddings, 1 rows without text.\n"
        "1 rows are longer than the 64 tokens that the model reads: the rest was left "
        "out (--document-length).\n"
        "Now run table.optimize(): it joins pieces and updates indexes.\n"
    )
    assert "4/4" in done.stderr


def test_a_second_run_has_nothing_to_do(
    table: Table, tmp_path: Path, model: str
) -> None:
    """Rows that are filled are left alone."""
    arguments = (tmp_path / "db", "docs", "--model", model, "--device", "cpu")
    run(*arguments)

    assert run(*arguments).stdout == "colbert: 0 rows filled, 4 were filled before.\n"


def test_a_reranker_of_the_config_brings_its_options(
    table: Table, tmp_path: Path, model: str
) -> None:
    """Model and column come from the entry that later reranks."""
    config = tmp_path / "resift.toml"
    options = f'model = "{model}", device = "cpu", embeddings = "tokens"'
    config.write_text(
        f'[rerankers.precise]\nuse = "colbert"\noptions = {{ {options} }}\n'
    )

    done = run(
        *(tmp_path / "db", "docs", "--reranker", "precise", "--config", config),
        *("--float16", "--document-length", 128, "--rows", 2),
    )

    assert done.stdout.startswith("tokens: 4 rows filled")
    assert "longer" not in done.stdout
    table.checkout_latest()
    assert str(table.schema.field("tokens").type).count("halffloat") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["db", "nothing"],
            "colbert-index: 'db' has no table 'nothing'. Tables: 'docs'.",
        ),
        (
            ["elsewhere", "docs"],
            "colbert-index: 'elsewhere' has no table 'docs'. Tables: none: is it a "
            "LanceDB?.",
        ),
        (
            ["db", "docs", "--reranker", "bm25"],
            "colbert-index: --reranker must name a colbert reranker, but 'bm25' is a "
            "BM25.",
        ),
        (
            ["db", "docs", "--model", "./nowhere"],
            "colbert: option 'model': there is no folder './nowhere'. Give the folder "
            "of a saved late-interaction model, or a name on the Hub.",
        ),
    ],
)
@pytest.mark.usefixtures("table")
def test_mistakes_are_one_line(
    arguments: Sequence[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A wrong table, reranker or model is an error in one line."""
    monkeypatch.chdir(tmp_path)

    failed = run(*arguments)

    assert failed.exit_code == 1
    assert failed.stderr.startswith(f"Error: {message}")


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")
def test_a_killed_run_is_resumed(tmp_path: Path, model: str) -> None:
    """After SIGKILL the committed rows are filled, and the next run does the rest."""
    texts = [
        f"the red fox jumps over the lazy dog {'fox ' * (i % 40)}" for i in range(4000)
    ]
    table = lancedb.connect(tmp_path).create_table(
        "docs", pa.table({"id": range(4000), "text": texts})
    )
    command = [
        *(sys.executable, "-c", "from resift_cli import main; main()", "colbert-index"),
        *(str(tmp_path), "docs", "--model", model, "--device", "cpu", "--rows", "100"),
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    give_up = time.monotonic() + 120
    while not (
        "colbert" in table.schema.names and table.count_rows("colbert IS NULL") <= 3700
    ):
        assert time.monotonic() < give_up
        assert process.poll() is None
        time.sleep(0.05)
        table.checkout_latest()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    table.checkout_latest()
    left = table.count_rows("colbert IS NULL")
    assert 0 < left <= 3700

    done = run(tmp_path, "docs", "--model", model, "--device", "cpu")

    assert done.stdout.startswith(f"colbert: {left} rows filled, {4000 - left} were")
    table.checkout_latest()
    rows = table.to_arrow().sort_by("id")
    assert rows["id"].to_pylist() == list(range(4000))
    assert rows["text"].to_pylist() == texts
    assert rows["colbert"].null_count == 0
    assert rows.column_names == ["id", "text", "colbert"]
