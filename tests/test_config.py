"""The config file: where it is found, what it says, and what is wrong with it."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

import resift
from resift import Config
from resift.config import Entry
from resift.settings import Settings


def write(path: Path, text: str) -> Path:
    """Write a config file and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def refusal(text: str, tmp_path: Path) -> str:
    """Return the whole message that refuses a file, the file's name cut off."""
    path = write(tmp_path / "resift.toml", text)
    with pytest.raises(resift.ConfigError) as caught:
        Config.read(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    return message.removeprefix(str(path))


# Where it is found -----------------------------------------------------------------


def test_without_a_file_the_config_is_empty(tmp_path):
    """Nothing has to be configured."""
    assert Config.find() == Config()
    assert Config.find().path is None


def test_the_nearest_file_applies(tmp_path):
    """The search goes up from the working directory to the first config."""
    write(tmp_path / "resift.toml", "default = 'outer'")
    inner = write(tmp_path / "a/resift.toml", "default = 'inner'")
    (tmp_path / "a/b/c").mkdir(parents=True)

    assert Config.find(tmp_path / "a/b/c").path == inner
    assert Config.find(tmp_path / "a/b/c").default == "inner"


def test_the_search_ends_at_the_root_of_the_repository(tmp_path):
    """A file above the repository does not apply inside it."""
    write(tmp_path / "resift.toml", "default = 'outside'")
    (tmp_path / "repository/.git").mkdir(parents=True)
    (tmp_path / "repository/src").mkdir()

    assert Config.find(tmp_path / "repository/src") == Config()


def test_a_file_at_the_root_of_the_repository_applies(tmp_path):
    """The root itself is searched."""
    write(tmp_path / "resift.toml", "default = 'rrf'")
    (tmp_path / "src").mkdir()

    assert Config.find(tmp_path / "src").default == "rrf"


def test_a_pyproject_applies_if_it_has_the_table(tmp_path):
    """`[tool.resift]` of the nearest pyproject that has one is a config."""
    found = write(tmp_path / "pyproject.toml", "[tool.resift]\ndefault = 'rrf'")
    write(tmp_path / "src/pyproject.toml", "[tool.other]\ndefault = 'no'")

    assert Config.find(tmp_path / "src").path == found
    assert Config.find(tmp_path / "src").default == "rrf"


def test_resift_toml_comes_before_pyproject(tmp_path):
    """Where a folder has both, `resift.toml` is read."""
    write(tmp_path / "pyproject.toml", "[tool.resift]\ndefault = 'no'")
    write(tmp_path / "resift.toml", "default = 'rrf'")

    assert Config.find().default == "rrf"


def test_the_variable_beats_the_nearest_file(tmp_path, monkeypatch):
    """`RESIFT_CONFIG` names the file to read."""
    write(tmp_path / "resift.toml", "default = 'no'")
    named = write(tmp_path / "elsewhere/my.toml", "default = 'rrf'")
    monkeypatch.setenv("RESIFT_CONFIG", str(named))

    assert Config.find().path == named
    assert resift.load().name == "rrf"


def test_an_explicit_path_beats_the_variable(tmp_path, monkeypatch):
    """`config=path` is read whatever the environment says."""
    monkeypatch.setenv("RESIFT_CONFIG", str(tmp_path / "missing.toml"))
    mine = write(tmp_path / "mine.toml", "default = 'rrf'")

    assert resift.load(config=mine).name == "rrf"
    assert resift.load(config=str(mine)).name == "rrf"


def test_none_reads_no_file(tmp_path):
    """`config=None` knows installed names only."""
    write(tmp_path / "resift.toml", "[rerankers.mine]\nuse = 'rrf'")

    assert resift.load("mine").name == "mine"
    with pytest.raises(resift.UnknownRerankerError):
        resift.load("mine", config=None)


def test_a_mapping_or_a_config_is_taken_as_it_is():
    """A config need not be a file."""
    data = {"default": "mine", "rerankers": {"mine": {"use": "rrf"}}}

    assert resift.load(config=data).name == "mine"
    assert resift.load(config=Config.of(data)).name == "mine"


def test_a_config_of_another_type_is_refused():
    """Anything else is no config."""
    with pytest.raises(resift.ConfigError) as caught:
        resift.load("rrf", config=5)

    assert str(caught.value) == (
        "config must be a resift.Config, a path, a mapping or None, got int."
    )


@pytest.mark.parametrize("how", ["", ", named by RESIFT_CONFIG,"])
def test_a_missing_file_is_an_error(tmp_path, monkeypatch, how):
    """A file that was named must exist; the message says who named it."""
    path = tmp_path / "missing.toml"
    if how:
        monkeypatch.setenv("RESIFT_CONFIG", str(path))

    with pytest.raises(resift.ConfigError) as caught:
        resift.load("rrf", **({} if how else {"config": path}))

    assert str(caught.value) == f"Config file {str(path)!r}{how} does not exist."


@pytest.mark.parametrize("how", ["", ", named by RESIFT_CONFIG,"])
def test_a_folder_is_no_file(tmp_path, monkeypatch, how):
    """A directory exists, so the message does not say that it does not."""
    if how:
        monkeypatch.setenv("RESIFT_CONFIG", str(tmp_path))

    with pytest.raises(resift.ConfigError) as caught:
        resift.load("rrf", **({} if how else {"config": tmp_path}))

    assert str(caught.value) == (
        f"Config file {str(tmp_path)!r}{how} is a directory. Name the file in it."
    )


def test_a_pyproject_that_was_named_must_have_the_table(tmp_path):
    """One without `[tool.resift]` is not taken for an empty config."""
    path = write(tmp_path / "pyproject.toml", "[tool.other]")

    with pytest.raises(resift.ConfigError) as caught:
        resift.load("rrf", config=path)

    assert str(caught.value) == (
        f"Config file {str(path)!r} has no table [tool.resift]. Add it, or name "
        "another file."
    )


def test_a_working_directory_that_is_gone_is_told(tmp_path, monkeypatch):
    """Which file applies cannot be known there, but one may be named, or none."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    with pytest.raises(resift.ConfigError) as caught:
        resift.load("rrf")

    assert str(caught.value) == (
        "The working directory cannot be read, nor searched for resift.toml: No such "
        "file or directory. Change to another, or name the config file; None reads "
        "none."
    )
    assert resift.load("rrf", config=None).name == "rrf"


# What it says ----------------------------------------------------------------------


def test_an_entry_holds_options_and_settings(tmp_path):
    """Everything an entry may say is kept as it was written."""
    path = write(
        tmp_path / "resift.toml",
        """
        default = "precise"
        [rerankers.Precise]
        use = "bm25"
        merge = "dbsf"
        top_k = 5
        window = 50
        text = ["title", "body"]
        options = { k1 = 0.9, b = 0.4 }
        """,
    )

    config = Config.read(path)

    assert config.default == "precise"
    assert config.get("PRECISE") == Entry(
        "bm25",
        {"k1": 0.9, "b": 0.4},
        Settings(merge="dbsf", top_k=5, window=50, text=["title", "body"]),
    )
    reranker = resift.load()
    assert (reranker.defaults.top_k, reranker.defaults.window) == (5, 50)
    assert reranker.text == ["title", "body"]
    assert (reranker.plugin.k1, reranker.plugin.b) == (0.9, 0.4)


def test_a_config_does_not_show_its_options():
    """A key written into the file is not in the repr of what was read."""
    data = {
        "rerankers": {"mine": {"use": "rrf", "options": {"key": "sk-secret"}}},
        "wrappers": [{"use": "trace", "options": {"token": "sk-secret"}}],
    }

    assert "sk-secret" not in repr(Config.of(data))


# Precedence ------------------------------------------------------------------------


def test_what_is_given_beats_the_file_which_beats_the_default(tmp_path):
    """Call argument, then config entry, then the plugin's own default."""
    write(
        tmp_path / "resift.toml",
        "[rerankers.mine]\nuse = 'bm25'\nwindow = 7\ntop_k = 3\noptions = { k1 = 0.9 }",
    )

    reranker = resift.load("mine", b=0.1, window=9)

    assert reranker.plugin.b == 0.1
    assert reranker.plugin.k1 == 0.9
    assert (reranker.defaults.window, reranker.defaults.top_k) == (9, 3)
    assert resift.load("mine", k1=2).plugin.k1 == 2
    assert resift.load("bm25").plugin.k1 == 1.2


def test_the_variable_beats_the_default_of_the_file(tmp_path, monkeypatch):
    """`RESIFT_RERANKER` names what `load()` means, and a name given beats both."""
    write(tmp_path / "resift.toml", "default = 'rrf'")
    monkeypatch.setenv("RESIFT_RERANKER", "dbsf")

    assert resift.load().name == "dbsf"
    assert resift.load("bm25").name == "bm25"


def test_no_name_and_no_default_is_an_error():
    """`load()` needs a default from somewhere."""
    with pytest.raises(resift.UnknownRerankerError) as caught:
        resift.load()

    assert str(caught.value) == (
        "No reranker was named and there is no default. Name one, set RESIFT_RERANKER, "
        "or put default = 'NAME' into resift.toml."
    )


def test_a_secret_is_read_from_the_environment(install, monkeypatch):
    """`{ env = NAME }` in the file stands for the variable's value."""
    install(
        "import pydantic\n"
        "class Plugin:\n"
        "    def __init__(self, *, key: pydantic.SecretStr) -> None: self.key = key\n"
        "    @resift.hookimpl\n"
        "    def score(self, query, documents): ...\n"
    )
    monkeypatch.setenv("MY_KEY", "sk-1")
    data = {
        "rerankers": {"mine": {"use": "fake", "options": {"key": {"env": "MY_KEY"}}}}
    }

    reranker = resift.load("mine", config=data)

    assert reranker.plugin.key.get_secret_value() == "sk-1"


@pytest.mark.parametrize(
    "text",
    [
        "[rerankers]\napi_key = 'SECRET'",
        "rerankers = 'SECRET'",
        "[rerankers.a]\nuse = 'bm25'\napi_key = 'SECRET'",
        "[rerankers.a]\nuse = 'bm25'\noptions = 'SECRET'",
        "[rerankers.a]\nuse = 'bm25'\noptions = ['SECRET']",
        "[rerankers.a]\nuse = 'bm25'\noptions = { api_key = 'SECRET' }",
        "[rerankers.a]\nuse = 'bm25'\nmerge = { use = 'rrf', api_key = 'SECRET' }",
        "[rerankers.a]\nuse = 'cascade'\noptions = { keep = [], stages = [{ use = "
        "'bm25', window = 5, options = { api_key = 'SECRET' } }] }",
        "[rerankers.a]\nuse = 'cascade'\noptions = { keep = [], stages = [{ name = "
        "'bm25', api_key = 'SECRET' }] }",
        "wrappers = [{ use = 'none', api_key = 'SECRET' }]\n[rerankers.a]\nuse = 'rrf'",
    ],
)
def test_a_key_in_the_wrong_place_is_not_shown(tmp_path, text):
    """Whatever is wrong with a file, the message does not quote what may be a key."""
    write(tmp_path / "resift.toml", text)

    with pytest.raises(resift.ResiftError) as caught:
        resift.load("a")

    assert "SECRET" not in "".join(traceback.format_exception(caught.value))
    assert "SECRET" not in repr(caught.value.__context__)


def test_an_entry_may_build_on_another():
    """Options and settings are laid over those of the entry that is used."""
    data = {
        "rerankers": {
            "base": {"use": "bm25", "window": 7, "options": {"k1": 0.9, "b": 0.1}},
            "top": {"use": "base", "top_k": 2, "options": {"b": 0.5}},
        }
    }

    reranker = resift.load("top", config=data)

    assert (reranker.plugin.k1, reranker.plugin.b) == (0.9, 0.5)
    assert (reranker.defaults.window, reranker.defaults.top_k) == (7, 2)
    assert reranker.name == "top"


def test_an_entry_under_its_own_name_sets_defaults():
    """`[rerankers.bm25] use = "bm25"` is what `bm25` then means, nested as well."""
    data = {"rerankers": {"bm25": {"use": "BM25", "options": {"k1": 0.9}}}}

    assert resift.load("bm25", config=data).plugin.k1 == 0.9
    cascade = resift.load("cascade", config=data, stages=["bm25"], keep=[])
    assert cascade.plugin.children[0].plugin.k1 == 0.9


def test_an_entry_must_not_hide_an_installed_reranker():
    """A name that is installed means what is installed."""
    data = {"rerankers": {"bm25": {"use": "rrf"}}}

    with pytest.raises(resift.ConfigError) as caught:
        resift.load("bm25", config=data)

    assert str(caught.value) == (
        "the config: [rerankers.bm25] hides the installed reranker 'bm25'. Choose "
        "another name, or set its defaults with use = 'bm25'."
    )


# What is wrong with it ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "defualt = 'rrf'",
            ": unknown key 'defualt'. Did you mean 'default'? Keys: 'default', "
            "'wrappers', 'rerankers', 'commands'.",
        ),
        (
            "[rerankers.a]\nuse = 'rrf'\noption = {}",
            ": [rerankers.a]: unknown key 'option'. Did you mean 'options'? Keys: "
            "'use', 'options', 'merge', 'weights', 'top_k', 'window', 'min_score', "
            "'text', 'instruction', 'price'.",
        ),
        (
            "[rerankers.a]\nuse = 'rrf'\napi_key = 'sk-secret'",
            ": [rerankers.a]: unknown key 'api_key'. Keys: 'use', 'options', 'merge', "
            "'weights', 'top_k', 'window', 'min_score', 'text', 'instruction', "
            "'price'.",
        ),
        ("default = 5", ": 'default' must be a string, got 5."),
        ("rerankers = 'a'", ": 'rerankers' must be a table, got a string."),
        (
            "[rerankers]\na = 'rrf'",
            ": [rerankers.a] must be a table with a key 'use', got a string.",
        ),
        (
            "[rerankers.a]\noptions = {}",
            ": [rerankers.a] needs the key 'use': the name of an installed reranker.",
        ),
        ("[rerankers.a]\nuse = 5", ": [rerankers.a]: 'use' must be a string, got 5."),
        (
            "[rerankers.a]\nuse = 'rrf'\noptions = 1",
            ": [rerankers.a]: 'options' must be a table, got 1.",
        ),
        (
            "[rerankers.a]\nuse = 'rrf'\nmerge = 1",
            ": [rerankers.a]: 'merge' must be a string or a table, got 1.",
        ),
        (
            "[rerankers.a]\nuse = 'rrf'\ntop_k = true",
            ": [rerankers.a]: top_k must be an integer of at least 1, or None, got "
            "True.",
        ),
        (
            "[rerankers.a]\nuse = 'rrf'\nwindow = 1.5",
            ": [rerankers.a]: window must be an integer of at least 1, or None, got "
            "1.5.",
        ),
        (
            "[rerankers.a]\nuse = 'rrf'\nwindow = 0",
            ": [rerankers.a]: window must be an integer of at least 1, or None, got 0.",
        ),
        (
            "[rerankers.a]\nuse = 'rrf'\ntext = 5",
            ": [rerankers.a]: text must be the name of a column, or a list of names, "
            "got 5.",
        ),
        (
            "[rerankers.a]\nuse = 'rrf'\ntext = ['a', 5]",
            ": [rerankers.a]: text must be the name of a column, or a list of names, "
            "got "
            "['a', 5].",
        ),
        (
            "[rerankers.a-b]\nuse = 'rrf'\n[rerankers.A_B]\nuse = 'rrf'",
            ": [rerankers.A_B] is given twice, as 'a-b'.",
        ),
        (
            "default = ",
            " cannot be read as TOML: Invalid value (at end of document).",
        ),
    ],
)
def test_a_wrong_file_names_the_key_and_what_it_must_be(tmp_path, text, message):
    """Unknown keys come with a near miss, wrong types with the right one."""
    assert refusal(text, tmp_path) == message


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            {1: "rrf"},
            "The config: unknown key 1. Keys: 'default', 'wrappers', 'rerankers', "
            "'commands'.",
        ),
        (
            {"rerankers": {"a": {"use": "rrf", 1: 2}}},
            "The config: [rerankers.a]: unknown key 1. Keys: 'use', 'options', "
            "'merge', 'weights', 'top_k', 'window', 'min_score', 'text', "
            "'instruction', 'price'.",
        ),
        (
            {"rerankers": {"a": {"use": "rrf", "options": {1: 2}}}},
            "the config: [rerankers.a]: Reranker 'a' (resift "
            f"{resift.__version__}) has no option 1. Options: 'k'.",
        ),
    ],
)
def test_a_key_that_is_no_string_is_unknown(data, message):
    """A mapping made in Python may have keys that no file has."""
    with pytest.raises(resift.ResiftError) as caught:
        resift.load("a", config=data)

    assert str(caught.value) == message


def test_a_file_that_is_not_utf8_is_told(tmp_path):
    """Bytes that are no text are no TOML."""
    path = tmp_path / "resift.toml"
    path.write_bytes(b"default = '\xff'")

    with pytest.raises(resift.ConfigError) as caught:
        resift.load("rrf")

    assert str(caught.value).startswith(f"{path} cannot be read as TOML: 'utf-8' codec")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tool = 5", ": 'tool' must be a table, got 5."),
        ("[tool]\nresift = 5", ": [tool]: 'resift' must be a table, got 5."),
    ],
)
def test_a_pyproject_with_a_wrong_tool_table_is_told(tmp_path, text, message):
    """`[tool.resift]` must be a table."""
    path = write(tmp_path / "pyproject.toml", text)

    with pytest.raises(resift.ConfigError) as caught:
        resift.load("rrf")

    assert str(caught.value) == f"{path}{message}"
