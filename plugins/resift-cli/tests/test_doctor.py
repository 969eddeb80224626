"""`resift doctor`."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from resift_cli.examination import examine_apart

HEALTHY = """
from __future__ import annotations
import resift

class Plugin:
    def __init__(self, size: int = 1) -> None: ...

    @resift.hookimpl
    def score(self, query, documents):
        return [0.0] * len(documents)
"""


@pytest.fixture
def patient(fake_distribution, monkeypatch):
    """Install one reranker with the given source, and look at nothing else."""

    def make(source: str, name: str = "sick"):
        module = f"resift_{name}"
        monkeypatch.setenv("RESIFT_PLUGINS", f"resift-{name}")
        return fake_distribution(
            f"resift-{name}",
            modules={module: source},
            rerankers={name: f"{module}:Plugin"},
        )

    return make


@pytest.fixture
def doctor(program, monkeypatch):
    """Run the doctor on the names given, with the core and *allowed* installed."""

    def run(*names: str, allowed: str = "resift-sick"):
        done = program("doctor", "--json", *names, RESIFT_PLUGINS=allowed)
        rows = json.loads(done.stdout)
        return done.returncode, {(r["kind"], r["name"]): r for r in rows}

    return run


def test_healthy(patient, doctor):
    """When everything works the exit code is 0 and each row says what it implements."""
    patient(HEALTHY)

    code, rows = doctor("sick", "resift:rrf")

    assert code == 0
    assert rows["reranker", "sick"]["state"] == "ok"
    assert rows["reranker", "sick"]["implements"] == ["score"]
    assert rows["reranker", "rrf"]["implements"] == ["merge"]
    assert rows["reranker", "sick"]["seconds"] >= 0


@pytest.mark.slow
def test_everything(patient, doctor):
    """Without names, everything that is installed is examined."""
    patient(HEALTHY)

    code, rows = doctor()

    assert code == 0
    assert {name for _, name in rows} >= {"sick", "rrf", "dbsf", "bm25", "cascade"}


def test_unknown_name(doctor, program):
    """A name that is neither installed nor configured is wrong usage."""
    done = program("doctor", "nobody")

    assert done.returncode == 2
    assert done.stderr.endswith(
        "Error: Nothing called 'nobody' is installed or configured.\n"
    )


@pytest.mark.parametrize(
    ("source", "state", "message"),
    [
        ("import absent_module", "broken", "No module named 'absent_module'"),
        ("import sys; sys.exit(3)", "broken", "SystemExit: 3"),
        (
            "import os; os._exit(7)",
            "broken",
            "resift-sick:sick: importing it ended the process (exit code 7).",
        ),
        (
            "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
            "broken",
            "importing it ended the process (signal 9).",
        ),
        (f"{HEALTHY}\n    resift_api = 2", "incompatible", "hooks of version 2"),
        (
            HEALTHY.replace("    @resift.hookimpl\n", ""),
            "invalid",
            "not marked as a hook",
        ),
        (
            HEALTHY.replace("size: int", "size: Missing"),
            "invalid",
            "cannot be resolved",
        ),
        (HEALTHY.replace("Plugin", "Other"), "broken", "has no attribute 'Plugin'"),
    ],
)
def test_sick(patient, doctor, source, state, message):
    """Whatever is wrong with a plugin is told, hurts no other, and fails the doctor."""
    patient(source)

    code, rows = doctor("sick", "bm25")

    assert code == 1
    assert rows["reranker", "sick"]["state"] == state
    assert message in rows["reranker", "sick"]["message"]
    assert rows["reranker", "bm25"]["state"] == "ok"


def test_noise_is_no_finding(patient, doctor):
    """A plugin may print while it is imported."""
    patient(f"{HEALTHY}\nimport os\nprint('hello')\nos.write(1, b'there')")

    code, rows = doctor("sick")

    assert code == 0
    assert rows["reranker", "sick"]["state"] == "ok"


def test_hanging_import(patient, monkeypatch, tmp_path):
    """An import that takes too long is given up."""
    patient("import time; time.sleep(600)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site-packages"))

    found = examine_apart("reranker", "sick", timeout=3)

    assert found == {
        "state": "broken",
        "message": "sick: importing it took longer than 3 seconds.",
    }


def test_not_allowed_is_not_imported(patient, doctor):
    """What RESIFT_PLUGINS leaves out is not imported, and is no failure."""
    patient("raise SystemError")

    code, rows = doctor("sick", allowed="resift-other")

    assert code == 0
    assert rows["reranker", "sick"]["state"] == "not allowed"


def test_clash(fake_distribution, program):
    """A clash fails the doctor although both can be imported."""
    for n in (1, 2):
        fake_distribution(
            f"resift-twin-{n}",
            modules={f"resift_twin_{n}": HEALTHY},
            rerankers={"twin": f"resift_twin_{n}:Plugin"},
        )

    done = program(
        *("doctor", "--json", "twin"), RESIFT_PLUGINS="resift-twin-1,resift-twin-2"
    )

    twins = [row for row in json.loads(done.stdout) if row["name"] == "twin"]
    assert done.returncode == 1
    assert [row["state"] for row in twins] == ["clash", "clash"]
    assert [row["implements"] for row in twins] == [["score"], ["score"]]


def test_clash_is_explained_when_piped(fake_distribution, program):
    """Piped, a clash says how to ask for each of the two."""
    for n in (1, 2):
        fake_distribution(
            f"resift-twin-{n}",
            modules={f"resift_twin_{n}": HEALTHY},
            rerankers={"twin": f"resift_twin_{n}:Plugin"},
        )

    done = program("doctor", "twin")

    assert [line.split("\t")[4:] for line in done.stdout.splitlines()] == [
        ["clash", "score", f"'twin' is in several distributions: ask for {name!r}."]
        for name in ("resift-twin-1:twin", "resift-twin-2:twin")
    ]


@pytest.mark.parametrize(
    ("group", "kind", "meant"),
    [
        ("resift.reranker", "reranker", "resift.rerankers"),
        ("resift_rerankers", "reranker", "resift.rerankers"),
        ("Resift.Rerankers", "reranker", "resift.rerankers"),
        ("reshift.rerankers", "reranker", "resift.rerankers"),
        ("resift.command", "command", "resift.commands"),
        ("resift.wraper", "wrapper", "resift.wrappers"),
        ("resift.plugins", "reranker", "resift.rerankers"),
        ("resift", "reranker", "resift.rerankers"),
    ],
)
def test_misspelt_group(fake_distribution, doctor, group, kind, meant):
    """What stands in a group that is almost ours is found, with what to write."""
    fake_distribution(
        "resift-sick",
        modules={"resift_sick": "raise SystemError"},
        entry_points={group: {"Sick": "resift_sick:Plugin"}},
    )

    code, rows = doctor("sick")

    assert code == 1
    assert list(rows.values()) == [
        {
            "kind": "entry point",
            "name": "sick",
            "distribution": "resift-sick",
            "version": "1.0",
            "state": "misspelt group",
            "message": f"Entry point 'sick' (resift-sick 1.0) is in the group "
            f"{group!r}, which resift does not read. For a {kind} write "
            f'[project.entry-points."{meant}"] in pyproject.toml, and install it '
            "again.",
        }
    ]


def test_misspelt_group_of_what_is_not_allowed(fake_distribution, doctor):
    """What RESIFT_PLUGINS leaves out is no failure, however its group is spelt."""
    fake_distribution(
        "resift-sick", entry_points={"resift.reranker": {"sick": "resift_sick:Plugin"}}
    )

    code, rows = doctor("sick", allowed="resift-other")

    assert code == 0
    assert rows["entry point", "sick"]["state"] == "not allowed"


@pytest.mark.slow
def test_group_of_its_own(fake_distribution, doctor):
    """A package may have groups of its own, and those of others concern nobody."""
    fake_distribution(
        "resift-sick",
        entry_points={
            "resift_sick.parts": {"one": "resift_sick:Part"},
            "rest.commands": {"two": "resift_sick:Part"},
            "git.rerankers": {"three": "resift_sick:Part"},
        },
    )

    code, rows = doctor()

    assert code == 0
    assert "entry point" not in {kind for kind, _ in rows}


@pytest.mark.parametrize(
    ("mark", "body", "message"),
    [
        (
            "",
            "return (yield)",
            " must mark each of its hooks with @resift.hookimpl(wrapper=True), and "
            "have at least one of: score, score_many, merge, warmup, check, close.",
        ),
        (
            "(wrapper=True)",
            "return None",
            ": 'score' is a wrapper, so it must be a generator with one 'yield', "
            "where the hook runs. Add it.",
        ),
    ],
)
def test_sick_wrapper(fake_distribution, doctor, mark, body, message):
    """A wrapper that no reranker would be loaded with is not called ok."""
    fake_distribution(
        "resift-sick",
        modules={
            "resift_sick": "import resift\n"
            "class Wrapper:\n"
            f"    @resift.hookimpl{mark}\n"
            "    def score(self):\n"
            f"        {body}\n"
        },
        entry_points={"resift.wrappers": {"around": "resift_sick:Wrapper"}},
    )

    code, rows = doctor("around")

    assert code == 1
    assert rows["wrapper", "around"]["state"] == "invalid"
    assert rows["wrapper", "around"]["message"] == (
        f"Wrapper 'around' (resift-sick 1.0){message}"
    )


def test_wrapper_that_makes_others(fake_distribution, doctor):
    """One that stands around nothing itself, but makes a wrapper of each reranker."""
    body = "class Wrapper:\n    def for_reranker(self, reranker): ...\n"
    fake_distribution(
        "resift-sick",
        modules={"resift_maker": body},
        entry_points={"resift.wrappers": {"maker": "resift_maker:Wrapper"}},
    )

    code, rows = doctor("maker")

    assert (code, rows["wrapper", "maker"]["state"]) == (0, "ok")


def test_commands_and_wrappers(fake_distribution, doctor):
    """Commands and wrappers of packages are examined, too."""
    fake_distribution(
        "resift-sick",
        modules={
            "resift_sick": "import click, resift\n"
            "@click.command()\n"
            "def good(): ...\n"
            "class Wrapper:\n"
            "    @resift.hookimpl(wrapper=True)\n"
            "    def score(self):\n"
            "        return (yield)\n"
        },
        entry_points={
            "resift.commands": {"good": "resift_sick:good", "bad": "resift_sick:bad"},
            "resift.wrappers": {"around": "resift_sick:Wrapper"},
        },
    )

    code, rows = doctor("good", "bad", "around")

    assert code == 1
    assert rows["command", "good"]["state"] == "ok"
    assert rows["command", "bad"]["state"] == "broken"
    assert rows["wrapper", "around"]["implements"] == ["score"]


def test_configured_names_are_built(patient, doctor, tmp_path):
    """Each name of the config file is built, so that wrong options are found."""
    patient(HEALTHY)
    (tmp_path / "resift.toml").write_text(
        '[rerankers.good]\nuse = "sick"\n'
        '[rerankers.bad]\nuse = "sick"\noptions = { sise = 2 }\n'
    )

    code, rows = doctor("good", "bad")

    assert code == 1
    assert rows["configured", "good"]["state"] == "ok"
    assert rows["configured", "bad"]["state"] == "invalid"
    assert "Did you mean 'size'?" in rows["configured", "bad"]["message"]


def test_default_and_wrappers_are_built(patient, doctor, tmp_path):
    """The default and the wrappers of the config file are examined without entries."""
    patient(HEALTHY)
    config = tmp_path / "resift.toml"

    config.write_text('default = "Nope"\n')
    default = doctor("nope")
    config.write_text('wrappers = ["zzz"]\n')
    wrappers = doctor("wrappers")

    for (code, rows), name, message in (
        (default, "nope", "No reranker named 'Nope' is installed."),
        (wrappers, "wrappers", "No wrapper named 'zzz' is installed."),
    ):
        assert code == 1
        assert rows["configured", name]["state"] == "invalid"
        assert message in rows["configured", name]["message"]


def test_default_that_works(patient, doctor, tmp_path):
    """A default that is an entry is built once, one that is installed as it is."""
    patient(HEALTHY)
    config = tmp_path / "resift.toml"

    config.write_text('default = "mine"\n[rerankers.mine]\nuse = "sick"\n')
    entry = doctor("mine")
    config.write_text('default = "sick"\n')
    installed = doctor("sick")

    assert (entry[0], list(entry[1])) == (0, [("configured", "mine")])
    assert installed[0] == 0
    assert list(installed[1]) == [("reranker", "sick"), ("configured", "sick")]


@pytest.mark.slow
def test_wrong_config_file(doctor, tmp_path):
    """A config file that cannot be read is a finding, not a failure of the doctor."""
    (tmp_path / "resift.toml").write_text("= 1")

    code, rows = doctor()

    assert code == 1
    assert "cannot be read as TOML" in rows["configured", "-"]["message"]
    assert rows["reranker", "rrf"]["state"] == "ok"


def test_piped(patient, program):
    """Piped, a line holds kind, name, distribution, version, state, hooks, message."""
    patient("import absent_module")

    done = program("doctor", "sick", "bm25", RESIFT_PLUGINS="resift-sick")

    lines = [line.split("\t") for line in done.stdout.splitlines()]
    row = next(line for line in lines if line[1] == "sick")
    assert {len(line) for line in lines} == {7}
    assert row[:6] == ["reranker", "sick", "resift-sick", "1.0", "broken", ""]
    assert ["reranker", "bm25", "resift", "0.1.0", "ok", "score", ""] in lines


def test_on_a_terminal(patient, terminal, environment):
    """On a terminal there are a table, the problems, and a verdict."""
    patient("import absent_module")
    environment["RESIFT_PLUGINS"] = "resift-sick"

    shown = terminal("doctor", "sick", "rrf")

    assert shown.lines[0].split() == ["name", "state", "implements", "from", "import"]
    assert any(line.startswith("✗ Reranker 'sick'") for line in shown.lines)
    assert shown.lines[-1] == "1 of 2 need attention"
    assert max(map(len, shown.lines)) <= 80
    assert shown.returncode == 1


DEEP = """
from __future__ import annotations
import time
import resift

class Plugin:
    def __init__(self, trouble: str = "") -> None:
        self.trouble = trouble

    @resift.hookimpl
    def warmup(self):
        if self.trouble == "warmup":
            raise resift.ModelError("the weights are gone")
        if self.trouble == "hang":
            time.sleep(600)

    @resift.hookimpl
    def score(self, query, documents):
        if self.trouble == "score":
            raise resift.ServerError("the server says no")
        return [0.0] * len(documents)
"""


@pytest.mark.parametrize(
    ("trouble", "seconds", "message"),
    [
        ("warmup", 100, "deep: the weights are gone"),
        ("score", 100, "deep: the server says no"),
        ("hang", 4, "deep: loading and asking it took longer than 4 seconds."),
    ],
)
def test_deep(patient, program, tmp_path, trouble, seconds, message):
    """--deep warms up what is configured and asks it to score, within the time."""
    patient(DEEP)
    path = tmp_path / "search.toml"
    path.write_text(
        f'[rerankers.deep]\nuse = "sick"\noptions = {{ trouble = "{trouble}" }}\n'
    )
    given = ["doctor", "deep", "--json", "--config", path]

    light = program(*given)
    deep = program(*given, "--deep", "--timeout", seconds)

    assert json.loads(light.stdout)[0]["state"] == "ok"
    assert deep.returncode == 1
    assert json.loads(deep.stdout) == [
        {"kind": "configured", "name": "deep", "state": "failing", "message": message}
    ]


def test_deep_by_name_needs_no_config(patient, program):
    """An installed reranker is asked where it is named; one without options is told."""
    patient(DEEP)

    done = program("doctor", "sick", "cascade", "--deep", "--json")

    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert done.returncode == 0
    assert rows["sick"]["state"] == "ok"
    assert rows["cascade"]["state"] == "unconfigured"
    assert rows["cascade"]["message"] == (
        "Reranker 'cascade' (resift 0.1.0): option 'stages' is required and was not "
        "given. Give it a name in the config file, and examine that."
    )


def test_config_that_is_wrong_is_told_for_every_name(program, tmp_path):
    """A name that may be the file's own is not called unknown: the file's error is."""
    path = tmp_path / "search.toml"
    path.write_text('[rerankers.precise]\nuse = "bm25"\ntop = 3\n')

    done = program("doctor", "precise", "--json", "--config", path)

    row = json.loads(done.stdout)[0]
    assert done.returncode == 1
    assert (row["kind"], row["state"]) == ("configured", "invalid")
    assert row["message"].startswith(f"{path}: [rerankers.precise]: unknown key 'top'")


def test_command_hidden_by_an_own_one(fake_distribution, program, monkeypatch):
    """A command that has the name of an own one is said to be hidden, harmlessly."""
    fake_distribution(
        "resift-other",
        modules={"resift_other": "import click\nlist = click.Command('list')"},
        entry_points={"resift.commands": {"list": "resift_other:list"}},
    )

    done = program("doctor", "resift-other:list", "--json")

    row = json.loads(done.stdout)[0]
    assert done.returncode == 0
    assert row["state"] == "hidden by resift-cli"
    assert row["message"] == (
        "'list' means the command of resift-cli: ask for 'resift-other:list'."
    )


@pytest.mark.parametrize("command", ["show", "check"])
def test_import_that_hangs_ends_the_command(patient, environment, command):
    """A module that never finishes its import ends `show` and `check` with words."""
    patient("import time; time.sleep(600)")
    code = (
        "import resift_cli.patience as p; p.SECONDS = 1.0;"
        f"from resift_cli import main; main([{command!r}, 'sick'])"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr == (
        "Error: Reranker 'sick' (resift-sick 1.0): importing it took longer than 1 "
        "seconds. The fault lies in that package, or in what it needs.\n"
    )
