"""The command, and a tiny BEIR folder whose measures can be worked out by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from resift_cli import main

DOCUMENTS = {
    "d1": ("", "the quick red fox"),
    "d2": ("Hens", "a red hen and a blue hen"),
    "d3": ("", "green tea in the morning"),
    "d4": ("", "a fox and a hen met"),
    "d5": ("", "black coffee"),
}
QUERIES = {"q1": "red fox", "q2": "green tea", "q3": "hen", "unjudged": "coffee"}
QRELS = {"q1": {"d1": 2, "d4": 1}, "q2": {"d3": 1, "d1": 0}, "q3": {"d4": 1}}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that runs ``resift eval`` away from any config."""
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments):
        return CliRunner().invoke(main, ["eval", *map(str, arguments)])

    return invoke


@pytest.fixture
def beir(tmp_path):
    """Return the folder: corpus, queries, qrels, and vectors of one-hot rows."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    corpus = [{"_id": i, "title": t, "text": x} for i, (t, x) in DOCUMENTS.items()]
    write_jsonl(folder / "corpus.jsonl", corpus)
    write_jsonl(
        folder / "queries.jsonl", [{"_id": i, "text": t} for i, t in QUERIES.items()]
    )
    lines = ["query-id\tcorpus-id\tscore"]
    lines += [
        f"{q}\t{d}\t{g}" for q, grades in QRELS.items() for d, g in grades.items()
    ]
    (folder / "qrels.tsv").write_text("\n".join(lines) + "\n")
    np.savez(folder / "vectors.npz", docs=np.eye(5), queries=np.eye(5)[:4])
    return folder


def write_jsonl(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
