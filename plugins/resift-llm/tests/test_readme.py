from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import resift
from resift.options import Schema
from resift_llm import Llm

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
TABLE = README.partition("## Options")[2].partition("\n## ")[0]


def blocks(language):
    """The examples in one language."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_example_runs(server, capsys):
    """What a reader copies works, but for the address of the server."""
    example = blocks("python")[0].replace("http://localhost:11434/v1", server.base_url)
    exec(compile(example, "README.md", "exec"), {})  # noqa: S102  # our own README

    assert capsys.readouterr().out == "Paris is the capital of France.\n"


def test_the_config_loads(tmp_path, monkeypatch):
    """Its options are the options there are, and the names resolve."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk")
    path = tmp_path / "resift.toml"
    path.write_text(blocks("toml")[0], encoding="utf-8")

    with resift.load("precise", config=path) as reranker:
        assert reranker.can_score
    assert tomllib.loads(blocks("toml")[0])["rerankers"]["judge"]["use"] == "llm"


def test_every_option_is_in_the_table():
    """The table names each option, and no other."""
    named = re.findall(r"^\| `(\w+)` \|", TABLE, re.MULTILINE)

    assert sorted(named) == sorted(Schema(Llm, "llm").options)


@pytest.mark.parametrize("option", Schema(Llm, "llm").options.values())
def test_defaults_in_the_table_are_true(option):
    """Where the table has a value, it is the option's default."""
    (cell,) = re.findall(rf"^\| `{option.name}` \| (.*?) \|", TABLE, re.MULTILINE)
    told = cell.strip("`").removesuffix(" s")

    if option.name == "api_key":
        assert told == "OPENAI_API_KEY"
    elif told == "none":
        assert not option.default
    else:
        assert type(option.default)(told) == option.default
