"""READMEs of rerankers made of others: their Python, TOML and commands work."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NAMES = ["anytime", "boost", "calibrate", "collapse", "highlight"]
BLOCK = re.compile(
    r"(?P<skip><!-- not run: .+? -->\n)?^```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
ROWS = [
    {
        "text": f"A {'red ' * (n > 14)}fox ran. It rained.",
        "stars": n,
        "source": ("docs", "forum")[n % 2],
        "published": f"2024-01-{n + 1:02}",
    }
    for n in range(25)
]


@pytest.fixture
def blocks(request, tmp_path, monkeypatch):
    """Return the code of a README by language, in a folder with its config."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RESIFT_RERANKER", raising=False)
    page = ROOT / "plugins" / f"resift-{request.param}" / "README.md"
    text = page.read_text("utf-8").replace("cross-encoder", "bm25")  # no weights here
    found: dict[str, list[str]] = {"python": [], "toml": [], "sh": []}
    for match in BLOCK.finditer(text):
        if not match["skip"]:
            found[match["language"]].append(match["code"])
    (tmp_path / "resift.toml").write_text("\n".join(found["toml"]), "utf-8")
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    (tmp_path / "pages.jsonl").write_text(lines, "utf-8")
    return found


@pytest.mark.parametrize("blocks", NAMES, indirect=True)
def test_the_python_of_a_readme_runs(blocks, tmp_path, capsys):
    """In code, by the name in the config, and in a search of a real LanceDB."""
    lancedb = pytest.importorskip("lancedb")
    from lancedb.index import FTS

    table = lancedb.connect(tmp_path / "db").create_table("pages", ROWS)
    table.create_index("text", config=FTS())
    namespace: dict[str, object] = {"table": table}

    for code in blocks["python"]:
        exec(compile(code, "README.md", "exec"), namespace)  # noqa: S102  # our own

    page = namespace["page"]
    assert page.num_rows == 10


@pytest.mark.parametrize("blocks", NAMES, indirect=True)
def test_the_command_of_a_readme_runs(blocks):
    """`resift rank` finds the name in the config, and ranks a file of JSON lines."""
    testing = pytest.importorskip("click.testing")
    from resift_cli import main

    (name,) = tomllib.loads("\n".join(blocks["toml"]))["rerankers"]
    lines = "".join(blocks["sh"]).splitlines()
    (command,) = [line for line in lines if line.startswith("resift rank")]
    arguments = shlex.split(command)[1:]

    result = testing.CliRunner().invoke(main, arguments)

    assert f"-r {name}" in command
    assert result.exit_code == 0, result.output
    assert "red fox" in result.stdout
