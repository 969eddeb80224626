"""`resift config`."""

from __future__ import annotations

import json
import tomllib

import pytest

SECRETIVE = """
from __future__ import annotations
import resift
from pydantic import SecretStr

class Vendor:
    def __init__(self, api_key: SecretStr | None = None, tokenizer: str = "") -> None:
        pass

    @resift.hookimpl
    def score(self, query, documents): ...
"""

CONFIG = """
default = "precise"

[rerankers.precise]
use = "base"
top_k = 5
options = { b = 0.5 }

[rerankers.base]
use = "bm25"
merge = { use = "rrf", options = { k = 20 } }
options = { k1 = 2.0, b = 0.1 }

[rerankers."odd name"]
use = "not-there"
[rerankers."odd name".options]
api_key = "hunter2"
note = "a \\"b\\" \\u00e9"
headers = { Authorization = "hunter3" }
"""


@pytest.fixture
def file(tmp_path):
    """Write a config file into the working directory."""
    path = tmp_path / "resift.toml"
    path.write_text(CONFIG)
    return path


def test_merged(file, program):
    """The output is TOML: entries laid over entries, and the file they came from."""
    done = program("config")

    shown = tomllib.loads(done.stdout)
    assert done.stdout.startswith(f"# {file}\n")
    assert done.stderr == ""
    assert shown["default"] == "precise"
    assert shown["rerankers"]["precise"] == {
        "use": "bm25",
        "merge": {"use": "rrf", "options": {"k": 20}},
        "top_k": 5,
        "options": {"k1": 2.0, "b": 0.5},
    }


def test_missing_reranker_is_marked(file, cli):
    """An entry whose reranker is not installed is marked."""
    assert 'use = "not-there"  # not installed' in cli("config").stdout


def test_missing_default_merger_and_wrapper_are_marked(tmp_path, program):
    """The default, a merger and a wrapper that are not installed are marked, too."""
    file = tmp_path / "resift.toml"
    file.write_text(
        'default = "nope"\nwrappers = ["zzz", { use = "yyy" }]\n'
        '[rerankers.a]\nuse = "bm25"\nmerge = "xxx"\n'
        '[rerankers.b]\nuse = "bm25"\nmerge = { use = "rrf" }\n'
    )

    done, other = program("config"), program("config", RESIFT_RERANKER="www")
    entry = program("config", RESIFT_RERANKER="a")

    assert done.stdout == (
        f"# {file}\n"
        'default = "nope"  # not installed\n'
        'wrappers = ["zzz", { use = "yyy" }]  # not installed: zzz, yyy\n'
        '\n[rerankers.a]\nuse = "bm25"\nmerge = "xxx"  # not installed\n'
        '\n[rerankers.b]\nuse = "bm25"\nmerge = { use = "rrf" }\n'
    )
    assert 'default = "www"  # from RESIFT_RERANKER, not installed\n' in other.stdout
    assert 'default = "a"  # from RESIFT_RERANKER\n' in entry.stdout


def test_secrets_are_hidden(file, fake_distribution, cli):
    """Neither TOML nor JSON shows a secret, whether its class is there or not."""
    fake_distribution(
        "resift-vendor",
        modules={"resift_vendor": SECRETIVE},
        rerankers={"vendor": "resift_vendor:Vendor"},
    )
    file.write_text(
        CONFIG
        + """
[rerankers.ours]
use = "vendor"
options = { api_key = "hunter4", tokenizer = "bert" }

[rerankers.nested]
use = "cascade"
[[rerankers.nested.options.stages]]
use = "vendor"
options = { api_key = "hunter5" }
[[rerankers.nested.options.stages]]
use = "vendor"
options = { api_key = { env = "VENDOR_KEY" } }
"""
    )

    toml, plain = cli("config"), cli("config", "--json")

    shown = json.loads(plain.stdout)["rerankers"]
    assert "hunter" not in toml.stdout + plain.stdout
    assert tomllib.loads(toml.stdout)["rerankers"] == shown
    assert shown["ours"]["options"] == {"api_key": "***", "tokenizer": "bert"}
    assert shown["nested"]["options"]["stages"] == [
        {"use": "vendor", "options": {"api_key": "***"}},
        {"use": "vendor", "options": {"api_key": {"env": "VENDOR_KEY"}}},
    ]
    assert shown["odd name"]["options"]["note"] == 'a "b" é'


def test_environment_overrides_the_default(file, program):
    """RESIFT_RERANKER is shown as the default, with where it is from."""
    done = program("config", RESIFT_RERANKER="rrf")

    assert 'default = "rrf"  # from RESIFT_RERANKER\n' in done.stdout


def test_file_of_the_environment(file, tmp_path, program):
    """RESIFT_CONFIG names the file."""
    other = tmp_path / "other.toml"
    other.write_text('default = "rrf"\n')

    done = program("config", RESIFT_CONFIG=str(other))

    assert done.stdout == f'# {other}\ndefault = "rrf"\n'


def test_no_file(cli):
    """Without a file the result is empty, and a note says so."""
    result = cli("config")

    assert result.exit_code == 0
    assert result.stdout == ""
    assert result.stderr == (
        "note: no config file applies here; a resift.toml in this directory would.\n"
    )


def test_no_file_as_json(cli):
    """Without a file, JSON says null."""
    known = json.loads(cli("config", "--json").stdout)

    assert known == {"file": None, "default": None, "wrappers": [], "rerankers": {}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("defualt = 'x'", "unknown key 'defualt'. Did you mean 'default'?"),
        ("[rerankers.a]\nuse = 'b'\n[rerankers.b]\nuse = 'a'", "circle: a -> b -> a"),
        ("= 1", "cannot be read as TOML"),
    ],
)
def test_wrong_file(tmp_path, cli, text, message):
    """A wrong file fails and names itself."""
    (tmp_path / "resift.toml").write_text(text)

    result = cli("config")

    assert result.exit_code == 1
    assert result.stdout == ""
    assert str(tmp_path / "resift.toml") in result.stderr
    assert message in result.stderr


def test_on_a_terminal(file, terminal):
    """On a terminal the TOML is coloured, and still TOML."""
    shown = terminal("config", width=200)

    assert "\x1b[" in shown.raw
    assert tomllib.loads(shown.text)["default"] == "precise"


LONG = """
default = "a"
wrappers = [{ use = "www", options = { a = "aaaaaaaaaaaa" } }, "xxxxxxxxxxxxxxxxxxxxx"]

[rerankers.a]
use = "cascade"
instruction = 'Prefer what "answers" the question,  and cites a source for it. \\ '
merge = { use = "not-there", options = { k = 20, note = "long enough for a table" } }

[rerankers.a.options]
keep = [50]
stages = ["bm25", "some-reranker-of-ours", "another-reranker-of-ours", "the-last-one"]

[rerankers.b]
use = "bm25"
"""


def test_long_lines_stay_toml(tmp_path, terminal, cli):
    """On a terminal, lines are broken only where TOML may be: it can be pasted back."""
    path = tmp_path / "long.toml"
    path.write_text(LONG)

    shown = terminal("config", "--config", path, width=80)

    said = json.loads(cli("config", "--config", path, "--json").stdout)
    assert max(map(len, shown.lines[1:])) <= 80
    assert tomllib.loads(shown.text) == {
        key: value for key, value in said.items() if key != "file"
    }
    assert "[rerankers.a.merge]  # not installed" in shown.lines


def test_a_long_word_is_never_broken(tmp_path, terminal):
    """A text without spaces stays in its line, however long: the terminal wraps it."""
    path = tmp_path / "long.toml"
    model = "/".join(["a-long-folder"] * 9)
    path.write_text(f'[rerankers.a]\nuse = "bm25"\noptions = {{ model = "{model}" }}\n')

    shown = terminal("config", "--config", path, width=80)

    assert tomllib.loads(shown.text)["rerankers"]["a"]["options"] == {"model": model}
