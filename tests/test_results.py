"""What becomes of a ranking: lists, frames, tables, JSON, a notebook, a shell."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pydantic import BaseModel, TypeAdapter

import resift
from resift import RankedDocuments, Scores

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = ["a fox", "<b>red</b> foxes", "a whale"]


def ranked(documents=DOCUMENTS, **columns):
    """Return a ranking whose last document is not scored."""
    scores = Scores(np.array([0.25, 2 / 3, np.nan]), columns, ("one note",))
    return RankedDocuments.of(documents, scores)


def test_list_is_json():
    """`to_list` gives dictionaries that JSON holds; what is not scored is null."""
    rows = json.loads(json.dumps(ranked(tokens_cut=pa.array([1, 2, 3])).to_list()))

    assert rows[1] == {
        "tokens_cut": 1,
        "rank": 2,
        "score": 0.25,
        "document": "a fox",
        "index": 0,
    }
    assert rows[2]["score"] is None


def test_columns_of_our_names_keep_theirs():
    """What a reranker calls `rank` does not replace the rank."""
    row = ranked(rank=pa.array([7, 8, 9])).to_list()[0]

    assert (row["rank"], row["_rank"]) == (1, 8)


def test_arrow():
    """`to_arrow` gives typed columns, best first."""
    table = ranked().to_arrow()

    assert table.schema == pa.schema(
        {
            "rank": pa.int64(),
            "score": pa.float32(),
            "document": pa.string(),
            "index": pa.int64(),
        }
    )
    assert table["index"].to_pylist() == [1, 0, 2]


def test_arrow_of_nothing():
    """A ranking of no documents is a table of no rows, with its columns."""
    table = RankedDocuments([]).to_arrow()

    assert table.num_rows == 0
    assert table.column_names == ["rank", "score", "document", "index"]


def test_pandas():
    """`to_pandas` gives the columns of `to_list`."""
    pytest.importorskip("pandas")

    frame = ranked().to_pandas()

    assert list(frame.columns) == ["rank", "score", "document", "index"]
    assert frame["document"].tolist() == [DOCUMENTS[1], DOCUMENTS[0], DOCUMENTS[2]]


def test_pydantic_writes_it():
    """Pydantic, and so FastAPI, writes a ranking as JSON, alone and in a model."""

    class Answer(BaseModel):
        results: RankedDocuments[str]

    written = json.loads(TypeAdapter(RankedDocuments).dump_json(ranked()))

    assert list(written) == ["documents", "notes", "usage", "kind"]
    assert written["notes"] == ["one note"]
    assert json.loads(Answer(results=ranked()).model_dump_json()) == {
        "results": written
    }
    assert Answer.model_json_schema(mode="serialization")["properties"]


def test_fastapi_answers_with_it():
    """A FastAPI route returns a ranking, with its type as the annotation or without."""
    fastapi = pytest.importorskip("fastapi")
    client = pytest.importorskip("fastapi.testclient")
    app = fastapi.FastAPI()

    @app.get("/typed")
    def typed() -> RankedDocuments[str]:
        return ranked()

    @app.get("/untyped")
    def untyped():
        return ranked()

    with client.TestClient(app) as browser:
        answers = [browser.get(path) for path in ("/typed", "/untyped")]

    assert [answer.status_code for answer in answers] == [200, 200]
    for answer in answers:
        assert set(answer.json()) == {"documents", "kind", "notes", "usage"}
        assert answer.json()["documents"][0]["document"] == DOCUMENTS[1]


def test_shell():
    """A ranking shows ranks, rounded scores, the beginning of the texts, and notes."""
    long = ranked(["a fox", "red " * 50, "a whale"])

    assert repr(long) == (
        "<RankedDocuments: 3\n"
        "  1. 0.6667  red red red red red red red red red red red red red red r...\n"
        "  2. 0.25  a fox\n"
        "  3. -  a whale\n"
        "  note: one note>"
    )


def test_long_rankings_are_cut():
    """A shell shows five documents of a long ranking."""
    many = RankedDocuments.of(["x"] * 6, [6, 5, 4, 3, 2, 1])

    assert repr(many).splitlines()[-2:] == ["  5. 2  x", "  ...>"]


def test_notebook():
    """A notebook shows a table, texts escaped."""
    html = ranked()._repr_html_()

    assert html.count("<tr>") == 4
    assert "&lt;b&gt;red&lt;/b&gt; foxes" in html
    assert html.endswith("<p>note: one note</p>")


def test_composites_show_what_they_are_made_of():
    """A composite's repr has one line for each of its rerankers, indented."""
    inner = {"use": "ensemble", "options": {"rerankers": ["bm25", "incoming"]}}
    reranker = resift.load("cascade", config=None, stages=["bm25", inner], keep=[5])

    assert repr(reranker).splitlines()[:4] == [
        "<resift.Reranker 'cascade'",
        "  'bm25'",
        "  'ensemble'",
        "    'bm25'>",
    ]


@pytest.mark.slow
def test_types():
    """A user's type checker sees what `typing_tests` asserts."""
    pytest.importorskip("mypy")
    command = [sys.executable, "-m", "mypy", "typing_tests"]

    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (
        0,
        "Success: no issues found in 1 source file\n",
    )
