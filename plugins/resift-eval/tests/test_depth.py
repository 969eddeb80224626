"""The measure by depth, from one scoring of all candidates."""

from __future__ import annotations

import json
import re
import tomllib

import pytest

import resift
from resift_eval.beir import BeirFolder
from resift_eval.cost import Cost
from resift_eval.depth import curve_of, depths_up_to, ids_at
from resift_eval.experiment import Contestant, Experiment
from resift_eval.first_stage import built
from resift_eval.journal import Answer
from resift_eval.measures import parsed


class Length:
    """Scores by length; a pointwise reranker."""

    pointwise = True

    @resift.hookimpl
    def score(self, documents):
        return [float(len(document)) for document in documents]


def test_a_lesser_depth_is_cut_out_of_the_whole():
    """Scored ones keep their order, the others follow as they were merged."""
    answer = Answer("q", "x", ["c", "a", "d", "b"], merged=(3, 1, 4, 2), scored=3)

    found = [ids_at(answer, depth) for depth in (0, 1, 3, 4)]

    assert found == [
        (["a", "b", "c", "d"], 0),
        (["a", "b", "c", "d"], 1),
        (["c", "a", "b", "d"], 2),
        (["c", "a", "d", "b"], 3),
    ]


def test_depths_are_denser_where_they_are_small():
    """From 0 to the depth of the evaluation."""
    assert depths_up_to(20) == [0, 1, 2, 3, 5, 7, 10, 15, 20]
    assert depths_up_to(1) == [0, 1]


@pytest.mark.parametrize("window", [1, 2, 3])
def test_the_curve_is_what_each_window_gives(beir, window):
    """One scoring pass gives the ranking that each window would give itself."""
    collection = BeirFolder(beir).read()

    with built(collection, None) as stage:

        def answers(by_depth, **settings):
            contestant = Contestant(resift.Reranker(Length(), **settings), Cost())
            experiment = Experiment(
                collection, stage, {"x": contestant}, by_depth=by_depth
            )
            return experiment.run()["x"]

        whole = answers(by_depth=True, top_k=1, window=1)
        alone = answers(by_depth=False, window=window)

    cut = {query: ids_at(answer, window)[0] for query, answer in whole.items()}
    assert cut == {query: answer.ids for query, answer in alone.items()}


def test_the_knee_is_the_least_depth_that_gains_nearly_all():
    """Two of three queries gain by depth 2, and none by more."""
    from resift_eval.collection import Collection

    collection = Collection.of("x", {q: q for q in "pqr"}, {q: {"a": 1} for q in "pqr"})
    found = Answer("p", "x", ["a", "b", "c"], merged=(2, 1, 3), scored=3)
    same = Answer("r", "x", ["a", "b", "c"], merged=(1, 2, 3), scored=3)

    curve = curve_of(
        {"p": found, "q": found, "r": same}, collection, parsed(["RR"])[0], 3,
        seconds=0.3, pointwise=True,
    )  # fmt: skip

    assert [round(p.measured.mean, 4) for p in curve.points] == [0.6667, 0.6667, 1, 1]
    assert [p.seconds for p in curve.points] == pytest.approx([0, 0.1, 0.2, 0.3])
    assert (curve.knee, curve.best.depth, curve.deeper.difference) == (2, 2, 0.0)
    assert curve.advice("x") == (
        "Depth 2 reaches RR 1.0000 (the best, depth 2). To paste:\n\n"
        '[rerankers.tuned]\nuse = "x"\nwindow = 2'
    )


def test_where_no_depth_gains_nothing_is_to_be_pasted():
    """A reranker that only harms has its knee at 0."""
    from resift_eval.collection import Collection

    collection = Collection.of("x", {"q": "q"}, {"q": {"a": 1}})
    answer = Answer("q", "x", ["b", "a"], merged=(2, 1), scored=2)

    curve = curve_of({"q": answer}, collection, parsed(["RR"])[0], 2, seconds=None,
                     pointwise=True)  # fmt: skip

    assert curve.knee == 0
    assert curve.advice("x") == (
        "No depth of x is better than the order that it is given."
    )


def test_depths_are_shown_everywhere(run, beir, tmp_path):
    """On the screen, in JSON, and as a chart and TOML in the reports."""
    options = ("--data", beir, "bm25", "--depths", "--depth", 3, "-m", "RR")

    screen = run(*options, "--out", tmp_path / "out")
    found = json.loads(run(*options, "--json").stdout)["contestants"]

    assert screen.exit_code == 0, screen.stderr
    assert re.search(r"^ +3  RR \d\.\d{4} \[", screen.stdout, re.MULTILINE)
    assert "lesser depths are estimates" in screen.stdout
    assert [row["depths"] is None for row in found] == [True, False]
    assert [p["depth"] for p in found[1]["depths"]["points"]] == [0, 1, 2, 3]
    assert found[1]["depths"]["exact"] is False
    page = (tmp_path / "out" / "report.html").read_text()
    assert "bm25 by depth" in page
    assert "bm25 by depth:" in (tmp_path / "out" / "report.md").read_text()


def test_what_is_to_be_pasted_is_a_config():
    """The advice ends in an entry with the window."""
    from resift_eval.collection import Collection

    collection = Collection.of("x", {"q": "q"}, {"q": {"a": 1}})
    answer = Answer("q", "x", ["a", "b"], merged=(2, 1), scored=2)
    curve = curve_of({"q": answer}, collection, parsed(["RR"])[0], 2, seconds=None,
                     pointwise=True)  # fmt: skip

    config = tomllib.loads(curve.advice("bm25").partition("\n\n")[2])

    tuned = resift.load("tuned", config=resift.Config.of(config))
    assert tuned.defaults.window == 2


def test_a_merger_has_no_depth(run, beir):
    """Depth is about scoring."""
    result = run("--data", beir, "--depths", "rrf")

    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == (
        "Error: --depths needs a reranker that scores; these only merge."
    )
