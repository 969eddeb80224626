"""`resift demo`, from end to end."""

from __future__ import annotations

import json
import re
import shlex
from statistics import fmean

import lancedb
import pytest

from resift.errors import InputError
from resift_cli.demo.corpus import Docstring
from resift_cli.demo.database import TABLE, build, is_demo, is_static
from resift_cli.demo.experiment import BASELINE, METHODS, Measured, measure
from resift_cli.demo.report import measures, side_by_side, verdict
from resift_cli.output import REPLACED

CORPUS = [
    Docstring("shutil.rmtree", "function", "shutil.rmtree\n\nDelete a directory."),
    Docstring("os.remove", "function", "os.remove\n\nDelete a file."),
    Docstring("os.walk", "function", "os.walk\n\nVisit each directory."),
]


def shown(renderable, width: int) -> list[str]:
    """Return what a terminal of that width shows, line by line."""
    from rich.console import Console

    console = Console(width=width, force_terminal=False, record=True, quiet=False)
    with console.capture() as capture:
        console.print(renderable)
    return [line.rstrip() for line in capture.get().splitlines()]


def measured(name: str, *values: float) -> Measured:
    """Make up what the method *name* reached."""
    method = next(m for m in METHODS if m.name == name)
    return Measured(method, list(values), list(values), seconds=0.5)


def test_database(tmp_path):
    """The table has names, kinds, texts, vectors, and LanceDB can embed a query."""
    table = build(tmp_path, CORPUS)

    found = table.search("delete a folder", query_type="hybrid").limit(1).to_list()
    assert table.schema.names == ["name", "kind", "text", "vector"]
    assert is_demo(table)
    assert found[0]["name"] in ("shutil.rmtree", "os.remove")


def test_database_is_replaced(tmp_path):
    """A demo's own table is replaced."""
    build(tmp_path, CORPUS)

    assert build(tmp_path, CORPUS[:2]).count_rows() == 2


def test_foreign_table_is_kept(tmp_path):
    """A table that no demo has written is never replaced."""
    lancedb.connect(tmp_path).create_table(TABLE, [{"mine": 1}])

    with pytest.raises(InputError) as caught:
        build(tmp_path, CORPUS)

    assert str(caught.value) == (
        f"demo: {str(tmp_path)!r} has a table 'stdlib' that no demo has written. "
        "Choose another folder."
    )
    assert lancedb.connect(tmp_path).open_table(TABLE).schema.names == ["mine"]


def test_measure(tmp_path):
    """Every method answers every question, by a real search each."""
    table = build(tmp_path, CORPUS)
    steps = []

    results = measure(
        table, {"delete a file": {"os.remove"}}, progress=lambda: steps.append(1)
    )

    assert [one.method for one in results] == list(METHODS)
    assert [one.ndcg for one in results] == [[1.0]] * len(METHODS)
    assert len(steps) == len(METHODS)


def test_comparison():
    """Questions are counted better and worse against another method."""
    one, other = measured("rrf", 1.0, 0.5, 0.2), measured("full text", 0.5, 0.5, 0.7)

    assert one.compared_with(other) == (1, 1)


@pytest.mark.parametrize("width", [80, 100, 120, 160])
def test_side_by_side_fits(width):
    """Rankings stand beside each other in one band or two, within the width."""
    long = "concurrent.futures.process.ProcessPoolExecutor.map_everything_there_is"
    rankings = {
        m.name: [long, "a.b", f"only.{m.name}"] for m in METHODS if m.name != "bm25"
    }

    lines = shown(side_by_side(rankings, {"a.b"}, width), width)

    headings = [line for line in lines if line.lstrip().startswith("#")]
    assert len(headings) == (1 if width >= 112 else 2)
    assert max(map(len, lines)) <= width
    assert sum(line.count("✓ a.b") for line in lines) == 5


def test_moves():
    """A move is counted from the place in the full text's list."""
    rankings = {"vector": ["c"], "full text": ["a", "b"], "rrf": ["b", "a", "c"]}

    lines = shown(side_by_side(rankings, set(), 120), 120)

    assert [line.split()[1:] for line in lines[1:4]] == [
        ["c", "a", "b", "▲1"],
        ["b", "a", "▼1"],
        ["c", "new"],
    ]


def test_measures_fit_80_columns():
    """The table of measures fits 80 columns, nothing cut."""
    results = [measured(m.name, 0.123, 0.456) for m in METHODS]

    lines = shown(measures(results, static=True), 80)

    assert max(map(len, lines)) <= 80
    assert "…" not in "".join(lines)


def test_measures_say_how_sure_they_are():
    """Each method's difference has its interval and p; the baseline says it is one."""
    results = [measured(m.name, *[0.5] * 20) for m in METHODS]
    results[3] = measured("dbsf", *[0.75] * 20)

    lines = shown(measures(results, static=False), 80)

    assert " ".join(lines[1].split()) == (
        "vector hashed spelling 0.500 █████▍ +0.000 [+0.00, +0.00] 1.000"
    )
    assert lines[2].endswith("the baseline")
    assert lines[4].endswith("+0.250 [+0.25, +0.25]  <.001")


def test_verdict_is_honest():
    """The verdict follows the numbers, whichever way they fall."""
    lost = [measured(m.name, *[0.5 if m is BASELINE else 0.4] * 9) for m in METHODS]
    won = [
        measured(m.name, *[{"dbsf": 0.5, "bm25": 0.25}.get(m.name, 0.4)] * 9)
        for m in METHODS
    ]

    assert verdict(lost, static=False) == (
        "No: nothing beats full text here. These vectors match spelling, not meaning: "
        "pip install 'resift-cli[static]'. Rescoring the candidates by bm25 alone "
        "hurts (-0.100): it throws away what the searches knew. Measure before you "
        "rerank."
    )
    assert verdict(won, static=True) == (
        "Yes: dbsf is +0.100 nDCG@10 over full text, 9 questions better and 0 worse. "
        "Rescoring the candidates by bm25 alone hurts (-0.150): it throws away what "
        "the searches knew. Measure before you rerank."
    )


def test_hashed_words_without_resift_static(tmp_path, monkeypatch):
    """Where resift-static is not installed, the demo's vectors are hashed words."""
    monkeypatch.setattr("resift_cli.demo.embedding.find_spec", lambda name: None)
    steps = []

    table = build(tmp_path, CORPUS, lambda *step: steps.append(step))

    assert (is_demo(table), is_static(table)) == (True, False)
    assert steps == [(3, 3)]


def test_static_embeddings(tmp_path):
    """Where resift-static is installed, the demo's vectors know what a folder is."""
    pytest.importorskip("resift_static")

    table = build(tmp_path, CORPUS)

    found = table.search("wipe a folder", query_type="vector").limit(1).to_list()
    assert is_static(table)
    assert found[0]["name"] == "shutil.rmtree"


def test_blank_question(cli):
    """A blank question is refused before anything is read or built."""
    result = cli("demo", "--query", " ")

    assert result.exit_code == 2
    assert result.stderr.endswith(
        "Error: Invalid value for '--query': must not be blank\n"
    )


def test_letters_that_a_terminal_lacks():
    """Where arrows cannot be written, up and down are still told apart."""
    shown = "▲3 ▼2 ✓ …end “q” ██▍ é".encode("ascii", REPLACED).decode()

    assert shown == '^3 v2 * ~end "q" ##  ?'


def test_without_lancedb(cli, monkeypatch):
    """Without LanceDB the demo says what to install."""
    monkeypatch.setattr("resift_cli.databases.find_spec", lambda name: None)

    result = cli("demo")

    assert result.exit_code == 1
    assert result.stderr == "Error: demo needs LanceDB: pip install 'resift[lancedb]'\n"


@pytest.mark.slow
def test_whole_demo(terminal, program, tmp_path):
    """The whole demo runs, fits 80 columns, and ends with commands that work."""
    demo = terminal("demo", "--keep", tmp_path / "kept db")

    steps = demo.lines[demo.lines.index("Now try") + 1 :]
    assert demo.returncode == 0
    assert max(len(line) for line in demo.lines if "resift search" not in line) <= 80
    assert "100 judged questions, the right answers known" in demo.lines
    assert len(steps) == 3
    for step in steps:
        piped = "import this\n" if "|" in step else ""
        command = shlex.split(step.rpartition("| ")[2])
        done = program(*command[1:], stdin=piped)
        assert done.returncode == 0
        assert done.stdout


@pytest.mark.slow
def test_numbers_as_json(program):
    """--json prints the measures; the progress is on standard error."""
    done = program("demo", "--json")

    known = json.loads(done.stdout)
    values = {name: m["ndcg@10"] for name, m in known["methods"].items()}
    assert known["documents"] > 3_500
    assert {m["questions"] for m in known["methods"].values()} == {100}
    assert set(values) == {method.name for method in METHODS}
    assert min(values.values()) > 0.2
    assert fmean(values.values()) < 0.9


@pytest.mark.slow
def test_own_question(program):
    """A question of one's own is asked instead, and no answer is marked."""
    done = program("demo", "--query", "undo a transaction")

    question, _, rest = done.stdout.partition("“undo a transaction”")
    assert "docstrings of Python" in question
    assert "✓" not in rest.partition("judged questions")[0]
    assert not re.search(r"\x1b", done.stdout)


def test_rows_can_be_added(tmp_path):
    """LanceDB embeds what is added to the table by itself."""
    table = build(tmp_path, CORPUS)

    table.add(
        [
            {"name": "os.rmdir", "kind": "function", "text": "Remove a folder."},
            {"name": "os.nothing", "kind": "function", "text": None},
        ]
    )

    found = table.search("remove folder", query_type="vector").limit(1).to_list()
    assert found[0]["name"] == "os.rmdir"
