"""The group behind `resift`: lazy commands, packages' commands, errors, exit codes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from resift.catalog import COMMANDS, published
from resift_cli import main

OWN = {
    "demo": "See reranking at work on your Python's docs.",
    "list": "List the installed rerankers and mergers.",
    "show": "Show what a reranker does, and its options.",
    "rank": "Rank the documents of a file by a query.",
    "search": "Search a LanceDB table, and rerank the hits.",
    "config": "Show the configuration that applies here.",
    "doctor": "Find out what is broken, and why.",
    "check": "Prove that a reranker keeps its promises.",
    "new": "Write a package for a reranker of your own.",
    "completion": "Set up completion in bash, zsh or fish.",
}
PLUGIN = """
import click

@click.command()
@click.argument("name")
def greet(name):
    '''Greet someone.'''
    click.echo(f"hello {name}")

def not_a_command():
    pass
"""


@pytest.fixture
def greeting(fake_distribution):
    """Install a package that adds the commands `greet` and, wrongly, `odd`."""
    return fake_distribution(
        "resift-greeting",
        modules={"resift_greeting": PLUGIN},
        entry_points={
            "resift.commands": {
                "say_Greet": "resift_greeting:greet",
                "odd": "resift_greeting:not_a_command",
                "list": "resift_greeting:greet",
            }
        },
        summary="Greetings.",
    )


@pytest.fixture
def broken(fake_distribution):
    """Install a package whose command cannot be imported."""
    return fake_distribution(
        "resift-broken",
        modules={"resift_broken": "import not_there_at_all"},
        entry_points={"resift.commands": {"bang": "resift_broken:bang"}},
        summary="Never works.",
    )


def test_no_arguments_show_the_help(cli):
    """`resift` alone shows the help, and says that this was no command."""
    result = cli()

    assert result.exit_code == 2
    assert "Start with `resift demo`" in result.output


@pytest.mark.parametrize("name", OWN)
def test_every_command_has_help(cli, name):
    """Every own command explains itself."""
    result = cli(name, "--help")

    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: main {name} ")
    assert result.stderr == ""


@pytest.mark.parametrize("width", [60, 80])
def test_help_fits(terminal, width):
    """The help page shows what every own command does, uncut, in one line each."""
    shown = terminal("--help", width=width)

    start = shown.lines.index("Commands:") + 1
    page = shown.lines[start : start + len(OWN)]
    assert page == [f"  {name:10}  {summary}" for name, summary in OWN.items()]
    assert max(map(len, shown.lines)) <= width


@pytest.mark.parametrize("name", OWN)
def test_help_of_a_command_fits(cli, name):
    """No line of a command's help, examples included, is wider than 80 columns."""
    page = cli(name, "--help").stdout

    assert [line for line in page.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("name", OWN)
def test_every_option_has_a_help_text(name):
    """No option is left unexplained."""
    command = main.get_command(main.make_context("resift", [name]), name)
    options = [p for p in command.params if p.param_type_name == "option"]

    assert [o.name for o in options if not o.help] == []


@pytest.mark.parametrize(("value", "red"), [("", True), ("1", False)])
def test_no_color(monkeypatch, value, red):
    """NO_COLOR takes the colour out of errors, too, unless it is empty."""
    monkeypatch.setenv("NO_COLOR", value)

    result = CliRunner().invoke(main, ["show", "rff"], color=True)

    assert result.stderr.startswith("\x1b[31mError: " if red else "Error: No reranker")
    assert ("\x1b" in result.stderr) is red


def test_error_without_escapes(fake_distribution, cli):
    """What a server or a plugin says cannot steer the terminal."""
    fake_distribution(
        "resift-odd",
        modules={
            "resift_odd": "import resift\n"
            "class Odd:\n"
            "    @resift.hookimpl\n"
            "    def score(self, query, documents):\n"
            "        raise resift.BackendError('a\\x1b[5m\\nb')\n"
        },
        rerankers={"odd": "resift_odd:Odd"},
    )

    result = cli("rank", "q", "-r", "odd", stdin="a\n")

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: a[5m b")
    assert result.stderr.count("\n") == 1


def test_help_imports_no_plugin(greeting, broken, cli):
    """The help page reads what commands do from source, the broken one's as well."""
    result = cli("--help")

    page = " ".join(result.stdout.split())
    assert result.exit_code == 0
    assert "say-greet Greet someone. (resift-greeting 1.0)" in page
    assert "bang Never works. (resift-broken 1.0)" in page
    assert "resift_greeting" not in sys.modules
    assert "resift_broken" not in sys.modules


@pytest.mark.parametrize("name", ["say-greet", "say_greet", "Say.Greet"])
def test_plugin_command_in_any_spelling(greeting, cli, name):
    """A package's command is found by the rules of rerankers' names."""
    result = cli(name, "you")

    assert result.stdout == "hello you\n"


def test_own_name_means_own_command(greeting, cli):
    """A package cannot take over an own command; its own is reached qualified."""
    own, other = cli("list"), cli("resift-greeting:list", "you")

    assert "rrf\tresift" in own.stdout
    assert other.stdout == "hello you\n"


def test_broken_command_hurts_only_itself(greeting, broken, cli):
    """A command that cannot be imported fails with its cause; others work."""
    bad, good = cli("bang"), cli("say-greet", "you")

    assert bad.exit_code == 1
    assert bad.stdout == ""
    assert bad.stderr == (
        "Error: Command 'bang' (resift-broken 1.0) cannot be imported: "
        "ModuleNotFoundError: No module named 'not_there_at_all'. The fault lies in "
        "resift-broken, or in what it needs.\n"
    )
    assert good.exit_code == 0


def test_not_a_command(greeting, cli):
    """An entry point that names no click command is refused."""
    result = cli("odd")

    assert result.exit_code == 1
    assert result.stderr == (
        "Error: Command 'odd' (resift-greeting 1.0) must be a click command, but "
        "'resift_greeting:not_a_command' is an object of type 'function'.\n"
    )


def test_clash_of_commands(fake_distribution, cli):
    """A command that two packages offer names both, and how to ask for one."""
    for n in (1, 2):
        fake_distribution(
            f"resift-twin-{n}",
            modules={f"resift_twin_{n}": PLUGIN},
            entry_points={"resift.commands": {"twin": f"resift_twin_{n}:greet"}},
        )

    clash, one = cli("twin", "you"), cli("resift-twin-2:twin", "you")

    assert clash.exit_code == 1
    assert "'resift-twin-1:twin'" in clash.stderr
    assert "'resift-twin-2:twin'" in clash.stderr
    assert one.stdout == "hello you\n"


def test_command_that_is_not_allowed(greeting, cli, monkeypatch):
    """RESIFT_PLUGINS leaves commands out, too, and the error says so."""
    monkeypatch.setenv("RESIFT_PLUGINS", "resift-other")

    result, page = cli("say-greet"), cli("--help")

    assert result.exit_code == 1
    assert (
        "which the environment variable RESIFT_PLUGINS does not allow" in result.stderr
    )
    assert "say-greet" not in page.stdout


@pytest.mark.parametrize(("name", "package"), published(COMMANDS).items())
def test_missing_command_names_its_package(cli, name, package, monkeypatch):
    """A command that one of the project's packages adds says which one."""
    monkeypatch.setattr("resift_cli.group.load_command", lambda name: None)

    result = cli(name)

    assert result.exit_code == 2
    assert result.stderr.endswith(
        f"Error: The command {name!r} ships in {package}: pip install {package}\n"
    )


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("serach", "No such command 'serach'. Did you mean 'search'?"),
        ("xyzzy", "No such command 'xyzzy'."),
    ],
)
def test_unknown_command(cli, typed, message):
    """An unknown command is wrong usage, with a near miss where there is one."""
    result = cli(typed)

    assert result.exit_code == 2
    assert result.stderr.endswith(f"Error: {message}\n")


def test_failure_is_one_red_line(terminal, program):
    """A failure prints one line on standard error and nothing on standard output."""
    done = program("show", "rff")

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(
        "Error: No reranker named 'rff' is installed. Did you mean 'rrf'"
    )
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


def test_traceback_on_demand(program):
    """--traceback shows where an error came from."""
    done = program("--traceback", "show", "rff")

    assert done.returncode == 1
    assert "Traceback (most recent call last)" in done.stderr
    assert "UnknownRerankerError" in done.stderr


def test_plugin_that_raises(fake_distribution, program):
    """Whatever a plugin raises becomes one line, with the way to its traceback."""
    fake_distribution(
        "resift-raises",
        modules={
            "resift_raises": "import resift\n"
            "class Raises:\n"
            "    @resift.hookimpl\n"
            "    def score(self, query, documents):\n"
            "        raise KeyError('oops')\n"
        },
        rerankers={"raises": "resift_raises:Raises"},
    )

    done = program("rank", "q", "-r", "raises", stdin="a\nb\n")

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        "Error: KeyError: 'oops'. Reranker 'raises' (resift-raises 1.0) raised this "
        "while scoring. (resift --traceback shows where)\n"
    )


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_interrupt(environment, start):
    """Ctrl-C ends it quietly, with exit code 130."""
    process = subprocess.Popen(
        [*start, "rank", "q"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        # a parent that ignores the signal, as `nohup` makes one, hands that on
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )
    time.sleep(1.5)  # it now waits for documents
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=30)

    assert process.returncode == 130
    assert output == b""
    assert errors.strip() == b""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
def test_reader_that_leaves(environment, start):
    """A reader that leaves early, such as head, ends it quietly."""
    ours, theirs = os.pipe()
    os.close(ours)
    process = subprocess.Popen(
        [*start, "list"], stdout=theirs, stderr=subprocess.PIPE, env=environment
    )
    os.close(theirs)
    errors = process.communicate(timeout=30)[1]

    assert process.returncode == 141
    assert errors == b""


def test_version(program):
    """--version names the program and its version."""
    assert program("--version").stdout == "resift, version 0.1.0\n"
