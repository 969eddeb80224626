"""`resift list`."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

EXPLODES = "raise RuntimeError('imported')"


@pytest.fixture
def zoo(fake_distribution):
    """Thirty distributions whose modules must not be imported."""
    for n in range(30):
        fake_distribution(
            f"resift-zoo-{n}",
            modules={f"resift_zoo_{n}": EXPLODES},
            rerankers={f"zoo-{n}": f"resift_zoo_{n}:Animal"},
            summary=f"Animal number {n}.",
        )


def test_nothing_is_imported(zoo, cli):
    """Listing reads metadata: a module that raises when imported is listed as ok."""
    result = cli("list", "--json")

    rows = {row["name"]: row for row in json.loads(result.stdout)}
    assert result.exit_code == 0
    assert rows["zoo-7"] == {
        "name": "zoo-7",
        "distribution": "resift-zoo-7",
        "version": "1.0",
        "state": "ok",
        "summary": "Animal number 7.",
        "target": "resift_zoo_7:Animal",
    }


def test_heavy_modules_are_not_imported(environment):
    """Listing imports none of numpy, pyarrow, pydantic, lancedb and torch."""
    code = (
        "import sys; from resift_cli import main;"
        "main(['list'], standalone_mode=False);"
        "sys.stderr.write(','.join(sorted(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )

    loaded = set(done.stderr.split(","))
    heavy = {"numpy", "pyarrow", "pydantic", "lancedb", "torch", "rich", "pluggy"}
    assert "resift.catalog" in loaded
    assert not heavy & loaded


def test_piped(zoo, program):
    """Piped, each line has five columns separated by tabs, and there is no header."""
    done = program("list")

    lines = done.stdout.splitlines()
    assert "zoo-3\tresift-zoo-3\t1.0\tok\tAnimal number 3." in lines
    assert {line.count("\t") for line in lines} == {4}
    assert done.stderr == ""


def test_class_docstring_is_preferred(echo, cli):
    """The summary is the class's own first line where its source can be read."""
    result = cli("list")

    assert "echo\tresift-echo\t1.0\tok\tScore by length.\n" in result.stdout


def test_reexported_class(fake_distribution, cli):
    """A class that its package re-exports is found in the module that defines it."""
    fake_distribution(
        "resift-deep",
        modules={
            "resift_deep": "from resift_deep.inside import Deep",
            "resift_deep.inside": 'class Deep(object):\n    """Dig `deeper`."""\n',
        },
        rerankers={"deep": "resift_deep:Deep"},
    )

    result = cli("list")

    assert "deep\tresift-deep\t1.0\tok\tDig deeper.\n" in result.stdout


@pytest.mark.parametrize(
    ("target", "state"),
    [
        ("resift_odd:Odd", "ok"),
        ("resift_odd", "malformed"),
        ("resift_gone:Odd", "module missing"),
    ],
)
def test_states_of_an_entry_point(fake_distribution, cli, target, state):
    """A malformed entry point and a missing module are seen in metadata alone."""
    fake_distribution(
        "resift-odd", modules={"resift_odd": ""}, rerankers={"odd": target}
    )

    result = cli("list")

    assert f"odd\tresift-odd\t1.0\t{state}\t" in result.stdout


def test_state_not_allowed(echo, cli, monkeypatch):
    """What RESIFT_PLUGINS leaves out is listed as not allowed; the core never is."""
    monkeypatch.setenv("RESIFT_PLUGINS", "")

    result = cli("list")

    assert "echo\tresift-echo\t1.0\tnot allowed\t" in result.stdout
    assert "rrf\tresift\t0.1.0\tok\t" in result.stdout


def test_state_clash_and_hidden(fake_distribution, cli):
    """Two providers of one name clash; a provider of a core name is hidden."""
    for n in (1, 2):
        fake_distribution(
            f"resift-twin-{n}",
            modules={f"resift_twin_{n}": ""},
            rerankers={"twin": f"resift_twin_{n}:Twin", "rrf": f"resift_twin_{n}:Rrf"},
        )

    result = cli("list")

    states = [line.split("\t")[:4:3] for line in result.stdout.splitlines()]
    assert states.count(["twin", "clash"]) == 2
    assert states.count(["rrf", "hidden by core"]) == 2
    assert states.count(["rrf", "ok"]) == 1


@pytest.mark.parametrize("width", [60, 80, 120])
def test_on_a_terminal(echo, terminal, width):
    """On a terminal names stand below their package, whole within any width."""
    shown = terminal("list", width=width)

    package = shown.lines.index("resift-echo 1.0")
    assert shown.lines[package + 1].split() == ["echo", "Score", "by", "length."]
    assert max(map(len, shown.lines)) <= width
    assert not [line for line in shown.lines if "…" in line]
    assert shown.stderr == ""


def test_names_of_the_config_come_first(cli, tmp_path):
    """Your own names are listed, the one whose reranker is not there as such."""
    path = tmp_path / "search.toml"
    path.write_text(
        '[rerankers.mine]\nuse = "bm25"\n[rerankers.top]\nuse = "mine"\n'
        '[rerankers.gone]\nuse = "not-there"\n'
    )

    lines = cli("list", "--config", path).stdout.splitlines()

    assert lines[:3] == [
        "mine\tsearch.toml\t\tok\tConfigured: bm25.",
        "top\tsearch.toml\t\tok\tConfigured: mine.",
        "gone\tsearch.toml\t\tnot installed\tConfigured: not-there.",
    ]


def test_config_that_cannot_be_read_is_told(cli, tmp_path):
    """What is installed is listed all the same, unless that file was asked for."""
    path = tmp_path / "resift.toml"
    path.write_text("x = 3\n")

    found, asked = cli("list"), cli("list", "--config", path)

    assert found.exit_code == 0
    assert "\nbm25\t" in found.stdout
    known = "'default', 'wrappers', 'rerankers', 'commands'"
    message = f"{path}: unknown key 'x'. Keys: {known}."
    assert found.stderr == f"note: {message}\n"
    assert (asked.exit_code, asked.stderr) == (1, f"Error: {message}\n")
