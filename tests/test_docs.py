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

OUTPUT = re.compile(
    r"^```python\n(?P<code>(?:(?!```).*\n)*)```\n\n```text\n(?P<output>(?:.*\n)*?)```$",
    re.MULTILINE,
)


def blocks(page: Path, language: str) -> list[tuple[str, int, str]]:
    """Return the blocks of a page that are meant to work: code, line, mark."""
    text = page.read_text(encoding="utf-8")
    return [
        (match["code"], text[: match.start("code")].count("\n"), match["skip"] or "")
        for match in BLOCK.finditer(text)
        if match["language"] == language
    ]


def outputs(page: Path) -> dict[int, str]:
    """Return the text shown right below a block of Python, by the block's line."""
    text = page.read_text(encoding="utf-8")
    return {
        text[: match.start("code")].count("\n"): match["output"]
        for match in OUTPUT.finditer(text)
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_python_block_runs(page, tmp_path, monkeypatch, capsys):
    """The blocks of a page run one after another, and print what is shown below them.

    They run in a folder with the first config of the page.
    """
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
    shown = outputs(page)

    for source, line, _ in code:
        padded = "\n" * line + source  # so that a traceback names the page's line
        exec(compile(padded, page, "exec"), namespace)  # noqa: S102  # our own pages

        assert capsys.readouterr().out == shown.get(line, "")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_config_on_a_page_is_valid(page):
    """A block of TOML with rerankers is a config that resift reads."""
    for source, _, _ in blocks(page, "toml"):
        data = tomllib.loads(source)

        if "rerankers" in data:
            assert resift.Config.of(data).rerankers


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
