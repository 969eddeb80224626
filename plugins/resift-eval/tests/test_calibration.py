"""``resift eval --calibrate``: probabilities fitted on judged queries."""

from __future__ import annotations

import json
import re
import tomllib
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

import resift
from resift_cli import main
from resift_eval.calibration import calibration_of
from resift_eval.collection import Collection
from resift_eval.journal import Answer

N = 30
KNOWN = {"method": "platt", "keep": 0.9, "pasted": "x"}


def written(folder):
    """Return the options of a run: each query's word is in ten texts, one answers."""
    words = [f"w{i}x" for i in range(N)]
    corpus = [
        {"_id": f"{word}-{n}", "text": " ".join([word, *["filler"] * (n * 3)])}
        for word in words
        for n in range(10)
    ]
    queries = [{"_id": word, "text": word} for word in words]
    for name, rows in (("corpus", corpus), ("queries", queries)):
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(text)
    # of one query in five it is the second shortest that answers
    answers = [(word, f"{word}-{int(i % 5 == 0)}") for i, word in enumerate(words)]
    lines = ["query-id\tcorpus-id\tscore", *(f"{q}\t{d}\t1" for q, d in answers)]
    (folder / "qrels.tsv").write_text("\n".join(lines) + "\n")
    ranked = [f"{w} Q0 {w}-{n} {n} {9 - n} x" for w in words for n in range(10)]
    (folder / "run.trec").write_text("\n".join(ranked))
    return ("--data", folder, "--run", folder / "run.trec", "-m", "RR")


def evaluated(*arguments):
    """Run ``resift eval``."""
    return CliRunner().invoke(main, ["eval", *map(str, arguments)])


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Return what one evaluation printed, and the folder of its reports."""
    folder = tmp_path_factory.mktemp("judged")
    out = folder / "out"
    config = folder / "none.toml"
    config.write_text("")
    result = evaluated(
        *written(folder), "--calibrate", "bm25", "--out", out, "--config", config,
        "--keep", 0.7,
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    return result.stdout, out


@pytest.fixture
def judged(tmp_path, monkeypatch):
    """Return the options of a run, away from any config."""
    monkeypatch.chdir(tmp_path)
    return written(tmp_path)


def answers_of(scores, relevant):
    """Return answers and a collection of one document per query."""
    queries = {str(i): str(i) for i in range(len(scores))}
    qrels = {str(i): {"d": int(yes)} for i, yes in enumerate(relevant)}
    answers = {
        str(i): Answer(str(i), "x", ["d"], scores=[score], scored=1)
        for i, score in enumerate(scores)
    }
    return answers, Collection.of("x", queries, qrels | {"r": {"d": 1}})


def test_what_is_pasted_works(report, tmp_path):
    """The TOML loads, and is of the reranker that it was made for."""
    stdout, _ = report
    (tmp_path / "resift.toml").write_text(stdout.partition("To paste:\n\n")[2])

    calibrated = resift.load("calibrated", config=tmp_path / "resift.toml")

    assert calibrated.score_kind == "probability"
    assert 0 < calibrated.defaults.min_score < 1
    scores = calibrated.score("fox", ["fox", "fox " + "filler " * 20, "hen"])
    assert scores.values[0] >= scores.values[1] > scores.values[2]
    assert list(scores.notes) == []


def test_the_error_is_that_of_other_queries(report):
    """Calibrated probabilities are true on queries that were left out of the fit."""
    _, out = report

    row = json.loads((out / "report.json").read_text())["contestants"][1]
    found = row["calibration"]
    assert (found["queries"], found["documents"], found["relevant"]) == (N, 10 * N, N)
    assert found["error_before"] is None  # bm25 says nothing of chances
    assert found["error_after"] < 0.05
    kept = {each["share"]: each["seen"] for each in found["thresholds"]}
    assert list(kept) == [0.7, 0.8, 0.9, 0.95]
    assert all(kept[share] >= share for share in (0.8, 0.9, 0.95))


def test_the_report_has_a_reliability_chart(report):
    """Markdown and HTML say what the screen says, and the page draws it."""
    stdout, out = report

    assert f"bm25 calibrated (platt, {N} queries" in stdout
    assert "[rerankers.calibrated]" in (out / "report.md").read_text()
    page = (out / "report.html").read_text()
    assert "share that is relevant" in page
    assert "[rerankers.calibrated]" in page
    for drawing in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        assert ET.fromstring(drawing).tag.endswith("svg")  # noqa: S314  # our own


def test_an_interrupted_calibration_goes_on(report, tmp_path):
    """The journal holds the scores, so that the same command gives the same numbers."""
    _, out = report
    old = json.loads((out / "report.json").read_text())["contestants"]
    journal = out / "journal.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(lines[: len(lines) // 2]))
    config = tmp_path / "none.toml"
    config.write_text("")

    again = evaluated(
        *written(out.parent), "--calibrate", "bm25", "--out", out, "--keep", 0.7,
        "--config", config, "--json",
    )  # fmt: skip

    new = json.loads(again.stdout)["contestants"]
    assert new[1]["calibration"] == old[1]["calibration"]


def test_options_of_the_command_are_in_what_is_pasted(judged):
    """What --option sets up is fitted, so it stands in the TOML, whole."""
    result = evaluated(
        *judged, "--calibrate", "bm25", "-o", "bm25.k1=0.5", "--curve", "isotonic",
        "--json",
    )  # fmt: skip

    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)["contestants"][1]["calibration"]
    table = tomllib.loads(found["toml"])["rerankers"]["calibrated"]
    assert table["options"]["reranker"] == {
        "use": "resift:bm25",
        "options": {"k1": 0.5},
    }
    assert table["options"]["method"] == "isotonic"
    sure = resift.load(table, config=None)
    assert list(sure.score("fox", ["fox", "hen"]).notes) == []


@pytest.mark.parametrize(
    ("kind", "scores", "error"),
    [
        ("probability", [0.9, 0.1, 0.9, 0.1], 0.1),
        ("logit", [2.1972, -2.1972, 2.1972, -2.1972], 0.1),
        ("similarity", [2.0, -1.0, 0.8, 0.0], 0.05),
        ("ordinal", [9.0, 1.0, 8.0, 2.0], None),
    ],
)
def test_scores_are_first_taken_as_they_are(kind, scores, error):
    """Before: a probability, a logit's sigmoid, a similarity cut to 0 and 1."""

    class Kind:
        score_kind = kind

        @resift.hookimpl
        def score(self, documents):
            return [0.0] * len(documents)

    answers, collection = answers_of(scores * 5, [True, False] * 10)

    found = calibration_of(answers, collection, resift.Reranker(Kind()), **KNOWN)

    assert found.error_before == (error and pytest.approx(error, abs=1e-4))


def test_too_few_documents_promise_nothing():
    """A share that so few relevant documents cannot promise gets no threshold."""
    answers, collection = answers_of([3.0, 1.0, 2.5, 0.5, 2.0, 0.2], [1, 0, 1, 0, 1, 0])

    class Ordinal:
        @resift.hookimpl
        def score(self, documents):
            return [0.0] * len(documents)

    reranker = resift.Reranker(Ordinal())
    found = calibration_of(answers, collection, reranker, **KNOWN)

    assert [kept.min_score for kept in found.kept] == [0.0, 0.0, 0.0]
    assert "min_score" not in found.toml()


def test_one_judged_query_is_an_error(judged):
    """Nothing can be left out of the fit."""
    result = evaluated(*judged, "--limit", 1, "--calibrate", "bm25")

    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        "Error: --calibrate: held_out needs at least 2 judged queries, got 1."
    )


def test_a_merger_has_nothing_to_calibrate(judged):
    """Probabilities are of scores."""
    result = evaluated(*judged, "--calibrate", "rrf")

    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == (
        "Error: --calibrate needs a reranker that scores; rrf only merges."
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--curve", "platt"], "--curve has no effect here: it needs --calibrate."),
        (["--keep", "0.8"], "--keep has no effect here: it needs --calibrate."),
        (
            ["--tune", "k1", "--calibrate", "bm25"],
            "--calibrate has no effect here: --tune fits no probabilities.",
        ),
    ],
)
def test_an_option_without_an_effect_is_refused(judged, options, message):
    """What belongs to --calibrate is refused without it."""
    result = evaluated(*judged, "bm25", *options)

    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == f"Error: {message}"
