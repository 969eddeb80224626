"""``resift eval`` from the outside: sources, reports, interruption, tuning."""

from __future__ import annotations

import datetime as dt
import json
import re
import tomllib
from xml.etree import ElementTree as ET

import lancedb
import pyarrow as pa
import pytest
from lancedb.index import FTS

import resift
from resift_eval.beir import BeirFolder
from resift_eval.experiment import Contestant, Experiment
from resift_eval.first_stage import built


def test_a_beir_folder_is_evaluated(run, beir):
    """Legs and rerankers are measured on the same candidates."""
    result = run("--data", beir, "bm25", "--json")

    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert [row["name"] for row in found["contestants"]] == ["text", "bm25"]
    assert found["baseline"] == "text"
    assert found["queries"] == ["q1", "q2", "q3"]
    assert found["contestants"][1]["documents_per_query"] > 0


def test_vectors_make_a_second_leg(run, beir):
    """With vectors there are two legs, and rrf is what to compare with."""
    result = run(
        "--data",
        beir,
        "--vectors",
        beir / "vectors.npz",
        "dbsf",
        "--json",
        "-m",
        "RR@10",
    )

    found = json.loads(result.stdout)
    names = [row["name"] for row in found["contestants"]]
    assert names == ["vector", "text", "rrf", "dbsf"]
    assert found["baseline"] == "rrf"
    assert list(found["contestants"][0]["measures"]) == ["RR@10"]


def test_the_same_command_gives_the_same_numbers(run, beir):
    """Nothing but latency differs between two evaluations."""

    def numbers():
        found = json.loads(run("--data", beir, "bm25", "--json").stdout)
        return [(r["measures"], r["comparison"]) for r in found["contestants"]]

    assert numbers() == numbers()


def test_a_trec_run_is_reranked(run, beir, tmp_path):
    """A run file is a first stage of one leg."""
    path = tmp_path / "bm25.trec"
    lines = [f"{q} Q0 {d} {i} {9 - i} tag" for q in ("q1", "q2", "q3")
             for i, d in enumerate(["d5", "d4", "d3", "d2", "d1"])]  # fmt: skip
    path.write_text("\n".join(lines))

    result = run(
        "--run", path, "--documents", beir / "corpus.jsonl", "--queries",
        beir / "queries.jsonl", "--qrels", beir / "qrels.tsv", "bm25", "--json",
    )  # fmt: skip

    assert result.exit_code == 0, result.stderr
    before, after = json.loads(result.stdout)["contestants"]
    assert before["name"] == "run"
    assert after["measures"]["nDCG@10"]["mean"] > before["measures"]["nDCG@10"]["mean"]


def test_a_lancedb_table_is_evaluated(run, beir, tmp_path):
    """A table that exists is searched by its own full-text index."""
    documents = BeirFolder(beir).read().documents
    rows = pa.table({"key": list(documents), "body": list(documents.values())})
    table = lancedb.connect(tmp_path / "db").create_table("docs", rows)
    table.create_index("body", config=FTS())

    result = run(
        "--db", tmp_path / "db", "--table", "docs", "--id", "key", "--text", "body",
        "--queries", beir / "queries.jsonl", "--qrels", beir / "qrels.tsv",
        "bm25", "--json",
    )  # fmt: skip

    assert result.exit_code == 0, result.stderr
    assert [r["name"] for r in json.loads(result.stdout)["contestants"]] == [
        "body",
        "bm25",
    ]


def test_reports_are_written(run, beir, tmp_path):
    """A folder gets Markdown, JSON, and a page whose charts are whole drawings."""
    out = tmp_path / "report"

    result = run("--data", beir, "bm25", "--out", out)

    assert result.exit_code == 0, result.stderr
    assert "| bm25 |" in (out / "report.md").read_text()
    assert json.loads((out / "report.json").read_text())["baseline"] == "text"
    page = (out / "report.html").read_text()
    drawings = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(drawings) == 3
    for drawing in drawings:
        assert ET.fromstring(drawing).tag.endswith("svg")  # noqa: S314  # our own


def test_texts_are_escaped_in_the_page(run, beir, tmp_path):
    """A query that looks like HTML stays text."""
    queries = (beir / "queries.jsonl").read_text()
    (beir / "queries.jsonl").write_text(queries.replace("hen", "<b>hen</b>"))

    class Reverse:
        @resift.hookimpl
        def score(self, query, documents):
            return list(range(len(documents)))

    collection = BeirFolder(beir).read()
    with built(collection, None) as stage:
        from resift_eval.cost import Cost
        from resift_eval.measures import parsed
        from resift_eval.report import as_html
        from resift_eval.results import results_of

        contestant = Contestant(resift.Reranker(Reverse()), Cost())
        answers = Experiment(collection, stage, {"reverse": contestant}).run()
        results = results_of(answers, collection, parsed(["RR@10"]), "text", 100)

    page = as_html(results)
    assert "<b>hen" not in page
    assert results.row("reverse").comparison.worse > 0
    assert "&lt;b&gt;hen" in page


def test_an_interrupted_evaluation_goes_on(beir, tmp_path):
    """Answers are on disk when Ctrl-C comes; only the others are asked again."""
    asked = []

    class Interrupted:
        @resift.hookimpl
        def score(self, query, documents):
            asked.append(query)
            if len(asked) == 2:
                raise KeyboardInterrupt
            return [1.0] * len(documents)

    def experiment(stage):
        from resift_eval.cost import Cost

        contestant = Contestant(resift.Reranker(Interrupted(), name="x"), Cost())
        return Experiment(collection, stage, {"x": contestant})

    collection = BeirFolder(beir).read()
    journal = tmp_path / "journal.jsonl"
    with built(collection, None) as stage:
        with pytest.raises(KeyboardInterrupt):
            experiment(stage).run(journal)
        with journal.open("a") as cut_off:
            cut_off.write('{"query": "q2", "contest')
        answers = experiment(stage).run(journal)

    assert asked == ["red fox", "green tea", "green tea", "hen"]
    assert list(answers["x"]) == ["q1", "q2", "q3"]


def test_another_evaluation_cannot_go_on(run, beir, tmp_path):
    """A folder that holds other settings is refused, unless overwritten."""
    out = tmp_path / "report"
    run("--data", beir, "bm25", "--out", out)

    refused = run("--data", beir, "bm25", "--out", out, "--depth", "3")
    forced = run("--data", beir, "bm25", "--out", out, "--depth", "3", "--overwrite")

    assert refused.exit_code == 1
    assert refused.stderr.splitlines()[-1] == (
        f"Error: {out / 'journal.jsonl'} holds an evaluation with other data or depth. "
        "Choose another --out, or pass --overwrite."
    )
    assert forced.exit_code == 0


def test_a_failing_reranker_is_reported(run, beir, tmp_path):
    """A reranker that fails counts 0, and the report says why."""
    out = tmp_path / "report"

    class Fails:
        @resift.hookimpl
        def score(self, query, documents):
            msg = "the server is down"
            raise resift.ServerError(msg)

    collection = BeirFolder(beir).read()
    with built(collection, None) as stage:
        from resift_eval.cost import Cost
        from resift_eval.measures import parsed
        from resift_eval.report import as_html, as_markdown
        from resift_eval.results import results_of

        contestant = Contestant(resift.Reranker(Fails()), Cost())
        answers = Experiment(collection, stage, {"fails": contestant}).run(out / "j")
        results = results_of(answers, collection, parsed(["RR@10"]), "text", 100)

    assert results.row("fails").measures["RR@10"].mean == 0.0
    assert (
        "**fails** failed on 3 queries, which count 0; first on `q1`: ServerError: the "
        "server is down"
    ) in as_markdown(results)
    assert (
        "<p><b>fails</b> failed on 3 queries, which count 0; first on `q1`: "
        "ServerError: the server is down</p>"
    ) in as_html(results)


def test_a_reranker_may_raise_anything(beir):
    """An error of another library counts 0 on that query, and the others go on."""

    class Breaks:
        @resift.hookimpl
        def score(self, query, documents):
            if query == "green tea":
                raise KeyError("a" * 600)
            return [1.0] * len(documents)

    collection = BeirFolder(beir).read()
    with built(collection, None) as stage:
        from resift_eval.cost import Cost

        contestant = Contestant(resift.Reranker(Breaks()), Cost())
        answers = Experiment(collection, stage, {"breaks": contestant}).run()

    errors = {query: answer.error for query, answer in answers["breaks"].items()}
    assert errors == {"q1": None, "q2": f"KeyError: '{'a' * 499}...", "q3": None}


@pytest.fixture
def dead(tmp_path):
    """Return a config file with a reranker whose server is not there."""
    options = 'base_url = "http://127.0.0.1:9", max_retries = 0'
    path = tmp_path / "resift.toml"
    path.write_text(f'[rerankers.my-server]\nuse = "http"\noptions = {{ {options} }}\n')
    return path


def test_a_server_that_is_down_is_said_on_screen(run, beir, dead):
    """Who answers no query is told with the reason, and fails the command."""
    pytest.importorskip("resift_http")

    result = run("--data", beir, "bm25", "my-server", "--config", dead)

    (note,) = [n for n in result.stderr.splitlines() if "note: my-server" in n]
    assert result.exit_code == 1
    assert re.search(r"^ my-server +0\.0000", result.stdout, re.MULTILINE)
    assert note.startswith(
        "note: my-server failed on 3 queries, which count 0; first on `q1`: "
        "ServerError: http at http://127.0.0.1:9/v1/rerank: "
    )


def test_a_server_that_is_down_cannot_be_tuned(run, beir, dead):
    """Numbers that stand for no answer are said to do so."""
    pytest.importorskip("resift_http")

    result = run(
        "--data", beir, "my-server", "--config", dead, "--tune", "concurrency",
        "--grid", "1,2",
    )  # fmt: skip

    assert result.exit_code == 1
    assert "note: my-server failed on 3 queries, which count 0; " in result.stderr


def test_one_failure_of_many_is_a_note(beir):
    """A reranker that answers the other queries does not fail the command."""
    from resift_eval.results import failed

    assert failed({}) == ""
    assert failed({"q2": "ServerError: no"}) == (
        "failed on 1 query, which counts 0; first on `q2`: ServerError: no"
    )


def test_costs_count_models_not_composites(beir):
    """A cascade costs what its stages cost."""
    collection = BeirFolder(beir).read()
    cascade = Contestant.load("cascade", stages=["bm25", "bm25"], keep=[1], config=None)

    with built(collection, None) as stage:
        answers = Experiment(collection, stage, {"cascade": cascade}).run()

    found = len(answers["text"]["q1"].ids)
    assert answers["cascade"]["q1"].documents == found + 1
    assert answers["cascade"]["q1"].calls == 2


def test_tuning_finds_the_weight_and_prints_the_config(run, beir):
    """Where only the words are right, the best alpha gives the vectors nothing."""
    result = run(
        "--data", beir, "--vectors", beir / "vectors.npz", "--tune", "alpha", "convex",
        "--grid", "0,0.5,1", "-m", "RR@10",
    )  # fmt: skip

    assert result.exit_code == 0, result.stderr
    assert "alpha = 0      RR@10 0.7500  best" in result.stdout
    config = tomllib.loads(result.stdout.partition("\n\n")[2])
    assert config["rerankers"]["tuned"] == {"use": "convex", "options": {"alpha": 0}}
    assert resift.Config.of(config).get("tuned").use == "convex"


def test_tuning_finds_the_weights_of_the_legs(run, beir):
    """Where only the words are right, the vectors get no weight."""
    result = run(
        "--data", beir, "--vectors", beir / "vectors.npz", "--tune", "weights", "rrf",
        "-m", "RR", "--depth", 1,
    )  # fmt: skip

    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "weights = vector=0 text=1 RR 0.6667  best"
    assert len(lines) == 11 + 5
    config = tomllib.loads(result.stdout.partition("\n\n")[2])
    assert config["rerankers"]["tuned"] == {
        "use": "rrf",
        "weights": {"vector": 0, "text": 1},
    }
    tuned = resift.load("tuned", config=resift.Config.of(config))
    assert tuned.defaults.weights == {"vector": 0, "text": 1}


def test_weights_are_tried_as_given(run, beir):
    """A grid holds what each leg may weigh; the same shares are tried once."""
    result = run(
        "--data", beir, "--vectors", beir / "vectors.npz", "--tune", "weights", "rrf",
        "-m", "RR", "--depth", 1, "--grid", "0,1,2", "--json",
    )  # fmt: skip

    found = json.loads(result.stdout)
    assert [row["value"] for row in found["values"]] == [
        {"vector": 0, "text": 1}, {"vector": 1, "text": 0}, {"vector": 1, "text": 1},
        {"vector": 1, "text": 2}, {"vector": 2, "text": 1},
    ]  # fmt: skip
    assert found["best"] == {"vector": 0, "text": 1}


def test_several_options_are_tuned_together(run, beir):
    """Every combination is tried, in one cross-validation."""
    result = run(
        "--data", beir, "bm25", "--tune", "k1=0.8,1.6", "--tune", "b=0,1", "-m", "RR",
        "--json",
    )  # fmt: skip

    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["option"] == ["k1", "b"]
    assert [row["value"] for row in found["values"]] == [
        {"k1": 0.8, "b": 0}, {"k1": 0.8, "b": 1}, {"k1": 1.6, "b": 0},
        {"k1": 1.6, "b": 1},
    ]  # fmt: skip


MIX = {"use": "mix-of", "options": {"rerankers": ["bm25", "incoming"]}}


@pytest.mark.parametrize(
    ("values", "options"),
    [
        ({"weights": {"text": 2}}, None),
        ({"options.weights": [1, 2]}, {"weights": [1, 2]}),
        ({"keep": [10]}, {"keep": [10]}),
        (
            {"rerankers.0.k1": 2, "rerankers.0.b": 0},
            {"rerankers": [{"use": "bm25", "options": {"k1": 2, "b": 0}}, "incoming"]},
        ),
    ],
)
def test_lists_and_ensembles_are_tuned(values, options):
    """An option may be a list, or one of a reranker within."""
    from resift_eval.tuning import Trial

    config = resift.Config.of({"rerankers": {"mix": {**MIX, "use": "ensemble"}}})
    trial = Trial("mix", config)

    table = trial.table(values)

    assert table["options"] == {**MIX["options"], **(options or {})}
    assert tomllib.loads(trial.toml(values))["rerankers"]["tuned"] == table


@pytest.mark.parametrize("path", ["boosts.day.weight", "boosts.1.weight"])
def test_weights_of_boosts_are_tuned(path):
    """One of a list of tables is set by its place, or by its column."""
    from resift_eval.tuning import Trial, default_grid

    day = dt.date(2026, 1, 1)
    boosts = [
        {"column": "stars", "curve": "log1p"},
        {"column": "day", "decay": "exp", "half_life": "14d", "origin": day},
    ]
    fresh = {"use": "boost", "options": {"boosts": boosts}}
    trial = Trial("fresh", resift.Config.of({"rerankers": {"fresh": fresh}}))

    table = trial.table({path: 0.5})

    tuned = [boosts[0], {**boosts[1], "weight": 0.5}]
    assert table == {"use": "boost", "options": {"boosts": tuned}}
    assert tomllib.loads(trial.toml({path: 0.5}))["rerankers"]["tuned"] == table
    assert default_grid(path) == [0, 0.1, 0.25, 0.5, 1, 2]


@pytest.mark.parametrize(
    ("tune", "message"),
    [
        (
            "rerankers.5.k1=1",
            "--tune rerankers.5.k1: 'mix' has no reranker at 'rerankers.5'.",
        ),
        (
            "rerankers.1.k1=1",
            "--tune rerankers.1.k1: 'incoming' is not a reranker with options.",
        ),
        ("k1=", "--tune must look like OPTION or OPTION=VALUE,VALUE, got 'k1='."),
        ("k1=NaN", "--tune: values must be finite, got NaN."),
        ("other", "Give the values to try for 'other': --tune other=0.1,0.2,0.5."),
    ],
)
def test_what_cannot_be_tuned(run, beir, tmp_path, tune, message):
    """Is an error that says why."""
    (tmp_path / "resift.toml").write_text(
        '[rerankers.mix]\nuse = "ensemble"\n'
        'options = { rerankers = ["bm25", "incoming"] }\n'
    )

    result = run("--data", beir, "mix", "--tune", tune)

    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == f"Error: {message}"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            (),
            "--tune weights needs two legs or more; this first stage has 1: 'text'.",
        ),
        (
            ("--vectors", "vectors.npz", "--grid", "-1,1"),
            "--grid: weights must not be negative, got -1.",
        ),
    ],
)
def test_weights_that_cannot_be_tuned(run, beir, options, message):
    """One leg has no weight to find, and no leg weighs less than nothing."""
    given = [beir / o if o == "vectors.npz" else o for o in options]

    result = run("--data", beir, "--tune", "weights", "rrf", *given)

    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == f"Error: {message}"


@pytest.mark.parametrize(
    ("option", "reranker"), [("alpha", "convex"), ("merge.k", "bm25")]
)
def test_a_value_that_changes_nothing_is_not_recommended(run, beir, option, reranker):
    """Where every value does as well as none, there is nothing to paste."""
    result = run("--data", beir, "--tune", option, reranker, "--grid", "0,1")

    assert result.exit_code == 0, result.stderr
    *values, left, empty, advice = result.stdout.splitlines()
    assert [line.endswith("best") for line in values] == [False, False]
    assert re.fullmatch(
        r"not set: (0\.\d{4})  best; expect \1 on new queries \(5-fold "
        r"cross-validation\)",
        left,
    )
    assert empty == ""
    assert advice == f"No value is better than leaving {option!r} as it is."


def test_help_keeps_the_lines_of_the_examples(run):
    """Each example stands on a line of its own."""
    lines = run("--help").stdout.splitlines()

    start = lines.index("  Examples:")
    assert all(line.startswith("    resift eval --") for line in lines[start + 1 :][:8])
    assert lines[start + 9] == ""


@pytest.mark.parametrize("grid", ["a,b", "0.1,", "0,nan"])
def test_a_grid_of_no_numbers_is_a_usage_error(run, beir, grid):
    """What should be numbers is shown as it was typed."""
    result = run("--data", beir, "--tune", "alpha", "convex", "--grid", grid)

    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == (
        f"Error: Invalid value for '--grid': must be numbers with commas between "
        f"them, got {grid!r}."
    )


@pytest.mark.parametrize("option", ["zz=1", "bm25.k1", "rrf.k=1"])
def test_an_option_of_nobody_is_a_usage_error(run, beir, option):
    """The rerankers that may have options are listed as they were typed."""
    result = run("--data", beir, "bm25", "dbsf", "-o", option)

    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == (
        "Error: Invalid value for '-o' / '--option': must look like "
        f"NAME.OPTION=VALUE, NAME 'bm25' or 'dbsf', got {option!r}."
    )


def test_a_table_that_is_not_there_is_told_from_those_that_are(run, beir, tmp_path):
    """A misspelt table is answered with the tables of the database."""
    folder = tmp_path / "db"
    lancedb.connect(folder).create_table("docs", pa.table({"id": ["d1"]}))

    result = run(
        "--db", folder, "--table", "nope", "--queries", beir / "queries.jsonl",
        "--qrels", beir / "qrels.tsv", "bm25",
    )  # fmt: skip

    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        f"Error: {str(folder)!r} has no table 'nope'. Tables: 'docs'."
    )


def test_unknown_judged_documents_are_said(run, beir):
    """Judgements of documents that are not there are counted, and said so."""
    with (beir / "qrels.tsv").open("a") as lines:
        lines.write("q1\tgone\t1\n")

    result = run("--data", beir, "bm25")

    assert result.exit_code == 0
    assert (
        "note: Not in the collection: 1 of 4 relevant documents, 'gone'; they count as "
        "never found."
    ) in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Give --data, or --queries and --qrels with either --db or --run."),
        (("--tune", "k"), "--tune takes exactly one reranker."),
    ],
)
def test_incomplete_commands_say_what_is_missing(run, beir, arguments, message):
    """A command that cannot work is a usage error."""
    data = ("--data", beir) if arguments else ()

    result = run(*data, *arguments)

    assert result.exit_code == 2
    assert message in result.stderr


def test_what_a_query_costs_is_shown(run, beir, tmp_path):
    """In money where the config has prices, and what was used in the details."""
    (tmp_path / "resift.toml").write_text(
        '[rerankers.paid]\nuse = "bm25"\nprice = { calls = 1 }\n'
    )

    result = run("--data", beir, "paid", "--out", tmp_path / "out", "-m", "RR")

    assert result.exit_code == 0, result.stderr
    assert re.search(r"RR +ms +cost +against", result.stdout)
    rows = json.loads((tmp_path / "out" / "report.json").read_text())["contestants"]
    assert [row["usage_per_query"] for row in rows] == [{}, {"cost": 0.0}]
    report = (tmp_path / "out" / "report.md").read_text()
    assert "| ms | docs | cost |" in report
    assert "**paid** used per query: 0 cost" in report
    assert ">cost</th>" in (tmp_path / "out" / "report.html").read_text()
