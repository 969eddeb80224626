"""`resift new` writes packages that work, and says why where it does not write one."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

import resift
from resift.testing import check_reranker
from resift.testing.fixtures import InstallFake
from resift_cli import main
from resift_cli.scaffold import KINDS, LICENSES, Package
from resift_remote.testing import RerankServer

ROOT = Path(__file__).resolve().parents[2]
RERANKERS = [kind for kind in KINDS if kind not in ("wrapper", "command")]
PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))


def new(*arguments: object) -> SimpleNamespace:
    """Run ``resift new`` with *arguments*."""
    return CliRunner().invoke(main, ["new", *map(str, arguments)])


@pytest.mark.parametrize(
    "spelling",
    ["word-overlap", "Word_Overlap", "resift-word-overlap", "word.overlap"],
)
def test_names_follow_from_one(spelling: str) -> None:
    """Distribution, module and class are named after the reranker, however spelt."""
    package = Package(spelling)

    assert package.name == "word-overlap"
    assert package.distribution == "resift-word-overlap"
    assert package.module == "resift_word_overlap"
    assert package.cls == "WordOverlap"


@pytest.mark.parametrize("name", ["2fast", "1st", "wörter", "a b", "-", "", "a--"])
def test_impossible_name_is_refused(name: str) -> None:
    """A name that cannot be a module and a class is an error."""
    with pytest.raises(resift.InputError) as caught:
        Package(name)

    assert str(caught.value) == (
        "new: the name must begin with a letter from a to z, and be words of such "
        f"letters and digits with hyphens between them, got {name!r}. Choose one like "
        "'word-overlap'."
    )


def test_name_that_makes_a_keyword_is_refused() -> None:
    """A name is an error where its class would be a keyword of Python."""
    with pytest.raises(resift.InputError) as caught:
        Package("none")

    assert str(caught.value) == (
        "new: the name must not make a class called 'None', a keyword of Python, got "
        "'none'. Choose another."
    )


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("bm25", "resift"),
        ("borda", "resift-fusion"),
        *((path.name.removeprefix("resift-"), path.name) for path in PLUGINS),
    ],
)
def test_name_of_this_project_is_refused(name: str, owner: str) -> None:
    """A reranker or package that would be one of ours is an error that says whose."""
    with pytest.raises(resift.InputError) as caught:
        Package(name)

    assert str(caught.value) == (
        f"new: the name must be free, got {name!r}, which belongs to {owner}, a "
        "package of this project. Choose another."
    )


@pytest.mark.parametrize("kind", KINDS)
def test_pyproject_says_what_is_needed(kind) -> None:
    """The metadata of a new package is complete: entry point, needs, licence."""
    package = Package("word-overlap", kind, "MIT")
    project = tomllib.loads(package.files["pyproject.toml"])["project"]
    target = "command" if kind == "command" else "WordOverlap"

    assert project["name"] == "resift-word-overlap"
    assert project["license"] == "MIT"
    assert "authors" not in project
    assert "resift>=0.1" in project["dependencies"]
    assert project["optional-dependencies"] == {
        "test": ["pytest>=8.2" if kind == "command" else "resift[test]>=0.1"]
        + ["resift-remote>=0.1"] * (kind == "http")
    }
    assert project["entry-points"] == {
        package.group: {"word-overlap": f"resift_word_overlap:{target}"}
    }


@pytest.mark.parametrize("author", ["Ada Lovelace", 'Ada "A" \\ Löve'])
def test_metadata_name_the_author(author: str) -> None:
    """Whatever the licence, an author that is given stands in the metadata."""
    files = Package("word-overlap", author=author).files
    project = tomllib.loads(files["pyproject.toml"])["project"]

    assert project["authors"] == [{"name": author}]


@pytest.mark.parametrize("license_", LICENSES)
def test_licence_is_written_out(license_) -> None:
    """Each licence is there in full; MIT and BSD name who holds the copyright."""
    text = Package("word-overlap", license=license_, author="Ada").files["LICENSE"]

    assert ("Ada" in text) == (license_ != "Apache-2.0")
    assert "AS IS" in text
    assert "$" not in text


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_left_to_fill_in(kind) -> None:
    """No placeholder stays; what is a dollar elsewhere is one still."""
    files = Package("word-overlap", kind).files

    for name, text in files.items():
        left = text.replace("${{ matrix.python }}", "")
        assert "$" not in left, name
        assert text.endswith("\n")
    assert "${{ matrix.python }}" in files[".github/workflows/test.yml"]


def test_command_writes_the_package(tmp_path: Path) -> None:
    """The command prints each file, and what to do next beside it."""
    done = new("word-overlap", "--folder", tmp_path / "here")
    paths = [Path(line) for line in done.stdout.splitlines()]

    assert done.exit_code == 0
    assert len(paths) == 8
    assert all(path.is_file() for path in paths)
    assert 'pip install -e ".[test]"' in done.stderr


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "reranker"])
def test_each_kind_has_its_option(kind, tmp_path: Path) -> None:
    """Each kind is written by an option of its name."""
    done = new("votes", f"--{kind}", "--folder", tmp_path / "here")
    written = (tmp_path / "here" / "resift_votes.py").read_text("utf-8")

    assert done.exit_code == 0
    assert written == Package("votes", kind).files["resift_votes.py"]


def test_two_kinds_are_wrong_usage(tmp_path: Path) -> None:
    """What is of one kind only is not written as two."""
    done = new("votes", "--merger", "--http", "--folder", tmp_path / "here")

    assert done.exit_code == 2
    assert done.stderr.endswith(
        "Error: --merger and --http exclude each other. Give one of them.\n"
    )
    assert not (tmp_path / "here").exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A folder that holds anything is left alone."""
    (tmp_path / "notes.txt").write_text("mine")
    done = new("word-overlap", "--folder", tmp_path)

    assert done.exit_code == 1
    assert done.stderr == (
        f"Error: new: {str(tmp_path)!r} exists and is not empty. Choose another "
        "folder.\n"
    )


def test_default_folder_is_named_after_the_package(tmp_path: Path, monkeypatch) -> None:
    """Without --folder the package goes into one of its own, here."""
    monkeypatch.chdir(tmp_path)
    new("word-overlap")

    assert (tmp_path / "resift-word-overlap" / "pyproject.toml").is_file()


@pytest.mark.parametrize("kind", ["reranker", "merger"])
def test_new_reranker_keeps_the_contract(kind, fake_distribution: InstallFake) -> None:
    """What is written works at once, without a line being changed."""
    package = Package("word-overlap", kind)
    fake_distribution(
        package.distribution,
        modules={package.module: package.files[f"{package.module}.py"]},
        rerankers={package.name: f"{package.module}:{package.cls}"},
    )
    report = check_reranker(package.name)

    assert report.ok, str(report)


def test_new_composite_keeps_the_contract(fake_distribution: InstallFake) -> None:
    """What is written works around another reranker at once."""
    package = Package("phrase", "composite")
    fake_distribution(
        package.distribution,
        modules={package.module: package.files[f"{package.module}.py"]},
        rerankers={package.name: package.target},
    )
    report = check_reranker("phrase", {"reranker": "bm25"})

    assert report.ok, str(report)
    assert report.count("kept") > 40


def test_new_wrapper_keeps_the_contract(fake_distribution: InstallFake) -> None:
    """What is written changes no answer, whatever it stands around."""
    package = Package("stopwatch", "wrapper")
    fake_distribution(
        package.distribution,
        modules={package.module: package.files[f"{package.module}.py"]},
        entry_points={"resift.wrappers": {package.name: package.target}},
    )
    reranker = resift.load("bm25", config=None, wrappers=[package.name])
    report = check_reranker(reranker)

    assert report.ok, str(report)


def test_new_command_runs(fake_distribution: InstallFake, tmp_path: Path) -> None:
    """What is written is a command of resift at once, and passes its own test."""
    package = Package("compare-two", "command")
    fake_distribution(
        package.distribution,
        modules={package.module: package.files[f"{package.module}.py"]},
        entry_points={"resift.commands": {package.name: package.target}},
    )
    tests: dict[str, Callable] = {}
    exec(package.files["tests/test_command.py"], tests)  # noqa: S102  # ours

    tests["test_row_holds_both_ranks"](tmp_path)


@pytest.mark.parametrize("kind", RERANKERS)
def test_readme_is_true(kind, fake_distribution: InstallFake, monkeypatch) -> None:
    """Its first example puts the fox first, and its configs are configs."""
    package = Package("word-overlap", kind)
    fake_distribution(
        package.distribution,
        modules={package.module: package.files[f"{package.module}.py"]},
        rerankers={package.name: f"{package.module}:{package.cls}"},
    )
    blocks = re.findall(r"```(\w+)\n(.+?)```", package.files["README.md"], re.DOTALL)
    example = next(code for language, code in blocks if language == "python")
    config = next(code for language, code in blocks if language == "toml")
    monkeypatch.setattr("resift.load", partial(resift.load, config=None))
    names: dict[str, object] = {}
    with RerankServer("jina") as server:
        exec(example.replace("http://localhost:8080", server.url), names)  # noqa: S102  # ours

    if kind == "merger":
        assert names["merged"]["text"][0].as_py() == "the quick red fox"
    else:
        assert names["ranked"][0].document == "the quick red fox"
        names["reranker"].close()
    for name in tomllib.loads(config)["rerankers"]:
        resift.load(name, config=resift.Config.of(tomllib.loads(config))).close()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_new_package_passes_its_own_tests_once_installed(
    kind,
    tmp_path: Path,
    core: Path,
    program: Path,
    build: Callable,
    environment: Callable,
) -> None:
    """In a fresh environment its wheel is built, installed, listed and tested."""
    package = Package("word-overlap", kind)
    package.write(tmp_path / "package")
    wheels = build(tmp_path / "package")
    more = build(ROOT / "plugins" / "resift-remote") if kind == "http" else []
    fresh = environment(core, program, *wheels, *more)

    rows = json.loads(fresh.run("resift", "list", "--json").stdout)
    tested = fresh.run("-m", "pytest", "-q", "-W", "error", cwd=tmp_path / "package")

    assert [wheel.name for wheel in wheels] == [
        "resift_word_overlap-0.1.0-py3-none-any.whl"
    ]
    if package.group == "resift.rerankers":
        assert {r["name"]: r["state"] for r in rows}["word-overlap"] == "ok"
    assert "failed" not in tested.stdout
    assert "passed" in tested.stdout


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_new_package_is_tidy(kind, tmp_path: Path, shell: Callable) -> None:
    """What is written passes a linter, a formatter and a strict type checker."""
    for tool in ("ruff", "mypy"):
        pytest.importorskip(tool, reason=f"{tool} is not installed")
    Package("word-overlap", kind).write(tmp_path / "package")
    here = {"cwd": tmp_path / "package"}
    rules = ["--isolated", "--select", "B,C4,E,F,I,PT,RET,SIM,UP,W"]

    shell([sys.executable, "-m", "ruff", "check", *rules, "."], **here)
    shell([sys.executable, "-m", "ruff", "format", "--isolated", "--check"], **here)
    shell([sys.executable, "-m", "mypy", "--strict", "resift_word_overlap.py"], **here)
