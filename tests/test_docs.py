"""The documentation says what is so: every block of Python in it runs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import resift

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    [
        ROOT / "README.md",
        *(ROOT / "docs").glob("*.md"),
        *(
            ROOT / "docs" / "authors" / name
            for name in ("composites.md", "wrappers.md")
        ),
    ]
)
BLOCK = re.compile(
    r"(?P<skip><!-- not run: .+? -->\n)?^```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


def blocks(page: Path, language: str) -> list[tuple[str, int, str]]:
    """Return the blocks of a page that are meant to work: code, line, mark."""
    text = page.read_text(encoding="utf-8")
    return [
        (match["code"], text[: match.start("code")].count("\n"), match["skip"] or "")
        for match in BLOCK.finditer(text)
        if match["language"] == language
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_python_block_runs(page, tmp_path, monkeypatch, capsys):
    """The blocks of a page run one after another, in a folder with its config."""
    code = [block for block in blocks(page, "python") if not block[2]]
    if not code:
        pytest.skip("no Python on this page")
    if page.name == "lancedb.md":
        pytest.importorskip("lancedb")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RESIFT_RERANKER", raising=False)
    configs = [c for c in blocks(page, "toml") if "project" not in tomllib.loads(c[0])]
    if configs:
        (tmp_path / "resift.toml").write_text(configs[0][0], encoding="utf-8")
    namespace: dict[str, object] = {"__name__": page.stem}

    for source, line, _ in code:
        padded = "\n" * line + source  # so that a traceback names the page's line
        exec(compile(padded, page, "exec"), namespace)  # noqa: S102  # our own pages


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_config_on_a_page_is_valid(page):
    """A block of TOML with rerankers is a config that resift reads."""
    for source, _, _ in blocks(page, "toml"):
        data = tomllib.loads(source)

        if "rerankers" in data:
            assert resift.Config.of(data).rerankers


OUTPUT = re.compile(
    r"^```python\n(.*?)^```\n\n```text\n(.*?)^```$", re.DOTALL | re.MULTILINE
)


@pytest.mark.parametrize("name", ["README.md", "docs/start.md", "docs/tracing.md"])
def test_a_page_shows_what_its_code_prints(name, tmp_path, monkeypatch, capsys):
    """A block of text below a block of Python is that block's output."""
    monkeypatch.chdir(tmp_path)
    text = (ROOT / name).read_text(encoding="utf-8")
    namespace: dict[str, object] = {"__name__": "page"}
    shown = OUTPUT.findall(text)

    for code, output in shown:
        exec(compile(code, name, "exec"), namespace)  # noqa: S102  # our own pages

        assert capsys.readouterr().out == output
    assert shown


LINKED = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("plugins/*/README.md"),
    ]
)
FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[([^]]*)\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """Return the anchors that a forge gives to the headings of a page."""
    text = FENCED.sub("", page.read_text("utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    plain = (re.sub(r"[^\w\s-]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", LINKED, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_work_on_a_forge(page):
    """Every link has words, and leads to a file of ours or a heading in it."""
    wrong = []
    text = FENCED.sub("", page.read_text("utf-8"))
    for words, target in LINK.findall(text):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        found = file.exists() and (not anchor or anchor in anchors(file))
        if not (words and found):
            wrong.append(target)

    assert not wrong
