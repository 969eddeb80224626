"""The pages for authors are true: what is on them runs, and prints what they say.

A block is run as it stands, unless a comment before it says otherwise: ``not run``,
``file:`` and ``shows:`` with a path, ``prints`` for the output of the block above, and
``fails`` for a command that is meant to.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from resift.options import RESERVED
from resift_cli import main

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs" / "authors").glob("*.md"))
TUTORIAL = ROOT / "docs" / "authors" / "tutorial.md"
BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>[^>]+?) -->\n)?^ *```(?P<language>\w+)\n(?P<code>.*?)^ *```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    """A block of a page, and what the comment before it says."""

    language: str
    code: str
    mark: str
    line: int

    @property
    def file(self) -> str:
        """The file that it is about."""
        return self.mark.rpartition(": ")[2]


def blocks(page: Path) -> Iterator[Block]:
    """Yield the blocks of a page that mean something."""
    text = page.read_text(encoding="utf-8")
    for found in BLOCK.finditer(text):
        mark = found["mark"] or ""
        line = text[: found.start("code")].count("\n")
        if not mark.startswith("not run"):
            yield Block(found["language"], found["code"], mark, line)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_python_on_a_page_runs_and_prints_what_it_says(
    page: Path, tmp_path: Path, monkeypatch
) -> None:
    """The blocks of a page run one after another, and print what is printed below."""
    if page == TUTORIAL:
        pytest.skip("run below, in an environment of its own")
    namespace: dict[str, object] = {"__name__": page.stem}
    printed = ""
    for block in blocks(page):
        if block.language == "python":
            padded = "\n" * block.line + block.code  # a traceback names the page's line
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(padded, page, "exec"), namespace)  # noqa: S102  # our page
            printed = out.getvalue()
        elif block.mark == "prints":
            assert printed == block.code, f"{page.name}, line {block.line}"


@pytest.mark.slow
def test_tutorial_holds_as_written(
    tmp_path: Path, core: Path, environment: Callable
) -> None:
    """Every command and file of the tutorial, in order, in a fresh environment."""
    pytest.importorskip("lancedb", reason="the tutorial ends in LanceDB")
    walk = Walk(environment(), core, tmp_path)
    for block in blocks(TUTORIAL):
        walk.step(block)

    assert (tmp_path / "resift-word-overlap" / "dist").is_dir()


def test_page_of_hooks_lists_the_reserved_names() -> None:
    """Every argument of `resift.load` that no option may be called is on the page."""
    text = (ROOT / "docs" / "authors" / "hooks.md").read_text(encoding="utf-8")
    listed = re.search(r"^- ([^-]+?) are arguments of", text, re.MULTILINE)

    assert tuple(re.findall(r"`(\w+)`", listed[1])) == RESERVED


def test_commands_of_the_cache_find_what_the_page_has_cached(
    tmp_path: Path, monkeypatch
) -> None:
    """On the page about production, commands look where its code keeps scores."""
    pytest.importorskip("resift_cache", reason="the command ships in resift-cache")
    monkeypatch.chdir(tmp_path)
    page = list(blocks(ROOT / "docs" / "production.md"))
    code = [b.code for b in page if b.language == "python"]
    caching = next(source for source in code if 'directory="scores"' in source)
    shell = next(b.code for b in page if "resift cache" in b.code)
    with contextlib.redirect_stdout(io.StringIO()):
        exec(code[0] + caching, {})  # noqa: S102  # our page
    lines = [shlex.split(line, comments=True)[1:] for line in shell.splitlines()]
    stats, clear = lines
    before, cleared, after = (
        CliRunner().invoke(main, line) for line in (stats, clear, stats)
    )

    assert before.stdout.startswith("resift:bm25 ")
    assert cleared.exit_code == 0
    assert after.stdout == ""


class Walk:
    """A walk through the tutorial: where it is, and what was printed last.

    Args:
        environment: The environment in which it goes.
        core: The wheel that ``pip install resift`` finds, the command line's beside it.
        here: The folder in which it starts.
    """

    def __init__(self, environment, core: Path, here: Path) -> None:
        self.here = here
        self.printed = ""
        for name in ("pip", "pytest"):  # here, but not as scripts of the environment
            script = environment.scripts / name
            script.write_text(
                f'#!/bin/sh\nexec "{environment.python}" -m {name} "$@"\n'
            )
            script.chmod(0o755)
        self.variables = {
            **{k: v for k, v in os.environ.items() if not k.startswith("RESIFT")},
            "PATH": f"{environment.scripts}{os.pathsep}{os.environ['PATH']}",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(core.parent),
            "PIP_NO_BUILD_ISOLATION": "0",  # 0 stands for: no
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def step(self, block: Block) -> None:
        """Do what one block says."""
        if block.language == "bash":
            self.run(block)
        elif block.mark == "prints":
            assert self.printed == block.code, f"line {block.line}"
        elif block.mark.startswith("file: "):
            (self.here / block.file).write_text(block.code, encoding="utf-8")
        elif block.mark.startswith("shows: "):
            assert block.code in (self.here / block.file).read_text(encoding="utf-8")
        elif block.mark.startswith("replaces the end of score in: "):
            self.mend(self.here / block.file, block.code)
        else:
            pytest.fail(f"line {block.line}: what is this block for?")

    def run(self, block: Block) -> None:
        """Run commands as a shell does, and stay where they have gone to."""
        where = self.here / ".where"
        script = f"{block.code}\npwd > {where}"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],  # noqa: S607  # wherever it is
            cwd=self.here,
            env=self.variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode != 0) == (block.mark == "fails"), (
            f"line {block.line}\n{done.stdout}\n{done.stderr}"
        )
        self.printed = done.stdout
        if where.exists():
            self.here = Path(where.read_text().strip())
            where.unlink()

    def mend(self, path: Path, code: str) -> None:
        """Put *code* in the place of the last two lines of the method `score`."""
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        stop = next(i for i, line in enumerate(lines) if "return sorted" in line) + 1
        lines[stop - 2 : stop] = [code]
        path.write_text("".join(lines), encoding="utf-8")
