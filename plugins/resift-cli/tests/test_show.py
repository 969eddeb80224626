"""`resift show`."""

from __future__ import annotations

import json

import pytest


def test_json_schema(cli):
    """--json holds the hooks, the documentation and a JSON schema of the options."""
    known = json.loads(cli("show", "cascade", "--json").stdout)

    assert known["target"] == "resift.rerankers.composites:Cascade"
    assert "score" in known["hooks"]
    assert known["documentation"].startswith("Score in stages")
    assert known["types"] == {
        "stages": "list[Reranker]",
        "keep": "list[int]",
        "budget": "dict[str, float] | None",
    }
    assert known["schema"]["required"] == ["stages", "keep"]
    assert known["schema"]["additionalProperties"] is False
    assert known["schema"]["properties"]["keep"]["items"] == {"type": "integer"}


def test_nothing_is_built(fake_distribution, cli):
    """The class is examined without building it."""
    fake_distribution(
        "resift-shy",
        modules={
            "resift_shy": "import resift\n"
            "class Shy:\n"
            "    def __init__(self, size: int = 3) -> None:\n"
            "        raise RuntimeError('built')\n"
            "    @resift.hookimpl\n"
            "    def score(self, query, documents): ...\n"
        },
        rerankers={"shy": "resift_shy:Shy"},
    )

    result = cli("show", "shy", "--json")

    assert result.exit_code == 0
    assert json.loads(result.stdout)["schema"]["properties"]["size"]["default"] == 3


@pytest.mark.parametrize("width", [60, 80, 120])
def test_page(terminal, width):
    """The page has the name, what it implements, prose without markup, the options."""
    shown = terminal("show", "bm25", width=width)

    assert shown.lines[0] == "bm25  resift 0.1.0  implements score"
    assert shown.lines[1] == "resift.rerankers.bm25:BM25"
    assert "k1  float  default 1.2" in shown.lines
    assert ":math:" not in shown.text
    assert "``" not in shown.text
    assert max(map(len, shown.lines)) <= width


def test_formula_letters(terminal):
    """Greek letters of a formula are shown as letters."""
    shown = terminal("show", "dbsf")

    assert "μ_l and σ_l are the mean" in shown.text
    assert "It has no options." in shown.lines


def test_piped_page(program):
    """Piped, it is the same page without colours."""
    done = program("show", "cascade")

    assert "list[Reranker]  required" in done.stdout
    assert "\x1b" not in done.stdout


def test_configured_name(echo, cli, tmp_path):
    """A name from the config shows what it stands for, secrets hidden."""
    (tmp_path / "resift.toml").write_text(
        '[rerankers.mine]\nuse = "echo"\nmerge = "dbsf"\n'
        "[rerankers.mine.options]\nsign = 2\n"
    )

    known = json.loads(cli("show", "mine", "--json").stdout)
    page = cli("show", "mine").stdout

    assert known["name"] == "echo"
    assert known["configured"] == {
        "name": "mine",
        "file": str(tmp_path / "resift.toml"),
        "use": "echo",
        "merge": "dbsf",
        "options": {"sign": 2},
    }
    assert "merge = 'dbsf'" in page


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "import absent_module",
            "Reranker 'bad' (resift-bad 1.0) cannot be imported: ModuleNotFoundError: "
            "No module named 'absent_module'. resift-bad needs the module "
            "'absent_module', which is not installed. Reinstall resift-bad, with the "
            "extra that it documents.",
        ),
        (
            "class Bad:\n    def score(self, query, documents): ...",
            "Reranker 'bad' (resift-bad 1.0) has a method 'score' that is not marked "
            "as a hook. Decorate it with @resift.hookimpl, or rename it.",
        ),
    ],
)
def test_broken_plugin(fake_distribution, cli, source, message):
    """A broken plugin says what is wrong with it."""
    fake_distribution(
        "resift-bad",
        modules={"resift_bad": source},
        rerankers={"bad": "resift_bad:Bad"},
    )

    result = cli("show", "bad")

    assert result.exit_code == 1
    assert result.stderr == f"Error: {message}\n"


def test_wrapper(fake_distribution, cli):
    """A wrapper is shown with the hooks that it stands around."""
    fake_distribution(
        "resift-watch",
        modules={
            "resift_watch": "import resift\n"
            "class Watch:\n"
            "    'Watch what happens.'\n"
            "    def __init__(self, loud: bool = False) -> None: ...\n"
            "    @resift.hookimpl(wrapper=True)\n"
            "    def score(self):\n"
            "        return (yield)\n"
        },
        entry_points={"resift.wrappers": {"watch": "resift_watch:Watch"}},
    )

    lines = cli("show", "watch").stdout.splitlines()

    assert lines[0] == "watch  resift-watch 1.0  wraps score"
    assert "loud  bool  default False" in [line.rstrip() for line in lines]


def test_a_composite_of_the_config_is_drawn_as_a_tree(cli, tmp_path):
    """Names of the config, tables and installed rerankers, each below its parent."""
    (tmp_path / "resift.toml").write_text(
        '[rerankers.mix]\nuse = "ensemble"\n'
        'options = { rerankers = ["bm25", "incoming"] }\n'
        '[rerankers.deep]\nuse = "cascade"\n'
        'options = { stages = ["mix", { use = "bm25" }], keep = [5] }\n'
    )

    shown = cli("show", "deep", "--config", str(tmp_path / "resift.toml")).stdout

    assert shown.partition("Built of\n")[2] == (
        "  deep  cascade\n    mix  ensemble\n      bm25\n      incoming\n    bm25\n"
    )
