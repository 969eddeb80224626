"""Sources of a job, and the one file that its answers become."""

from __future__ import annotations

import io
import json

import lancedb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import resift
from jobs import answers, lists

ROWS = lists(12, 4)
OPTIONS = ("-r", "bm25", "--workers", "1", "--pairs-per-part", "20")
DOCUMENTS = {c["id"]: c["text"] for row in ROWS for c in row["candidates"]}
PAIRS = [(row["qid"], c["id"]) for row in ROWS for c in row["candidates"]]
QUERIES = {row["qid"]: row["query"] for row in ROWS}


def expected():
    """Return query, document and score as `rank` gives them, best first."""
    reranker = resift.load("bm25", config=None)
    return [
        (row["qid"], row["candidates"][found.index]["id"], found.score)
        for row in ROWS
        for found in reranker.rank(row["query"], [c["text"] for c in row["candidates"]])
    ]


def lines(path, rows, separator):
    """Write rows of fields; return the file."""
    path.write_text("".join(separator.join(map(str, row)) + "\n" for row in rows))
    return path


def trec(folder):
    """Write a run of TREC, with its queries and corpus in BEIR layout."""
    run = lines(
        folder / "run.trec",
        [(q, "Q0", d, i, -i, "tag") for i, (q, d) in enumerate(PAIRS)],
        " ",
    )
    files = {"queries": QUERIES, "corpus": DOCUMENTS}
    for name, texts in files.items():
        rows = [json.dumps({"_id": i, "text": text}) for i, text in texts.items()]
        (folder / f"{name}.jsonl").write_text("\n".join(rows))
    corpus = ("--corpus", folder / "corpus.jsonl")
    return run, "--queries", folder / "queries.jsonl", *corpus


def ms_marco(folder):
    """Write a run of MS MARCO, with its queries and collection."""
    run = lines(folder / "run.tsv", [(q, d, 1) for q, d in PAIRS], "\t")
    queries = lines(folder / "queries.tsv", QUERIES.items(), "\t")
    collection = lines(folder / "collection.tsv", DOCUMENTS.items(), "\t")
    return run, "--queries", queries, "--corpus", collection


def top1000(folder):
    """Write pairs as MS MARCO's top1000 has them."""
    rows = [(q, d, QUERIES[q], DOCUMENTS[d]) for q, d in PAIRS]
    return (lines(folder / "top1000.dev.tsv", rows, "\t"),)


def json_lines(folder):
    """Write a row per query as JSON Lines."""
    path = folder / "queries.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)))
    return (path,)


def parallel(folder):
    """Write lists of ids and lists of texts, side by side."""
    table = {
        "qid": list(QUERIES),
        "query": list(QUERIES.values()),
        "documents": [[c["text"] for c in row["candidates"]] for row in ROWS],
        "doc_ids": [[c["id"] for c in row["candidates"]] for row in ROWS],
    }
    pq.write_table(pa.table(table), folder / "parallel.parquet")
    return (folder / "parallel.parquet",)


def hugging_face(folder):
    """Write what `save_to_disk` does: Arrow streams, and a list of them."""
    data = folder / "data"
    data.mkdir()
    table = pa.Table.from_pylist(ROWS)
    names = []
    for i in (0, 1):
        names.append(f"data-0000{i}-of-00002.arrow")
        with pa.ipc.new_stream(str(data / names[-1]), table.schema) as writer:
            writer.write_table(table.slice(i * 5, 5 if i == 0 else None))
    files = {"_data_files": [{"filename": name} for name in names]}
    (data / "state.json").write_text(json.dumps(files))
    return (data,)


def lance(folder):
    """Write a LanceDB table, and change it after."""
    table = lancedb.connect(folder / "db").create_table("queries", ROWS)
    del table
    return (folder / "db" / "queries.lance",)


@pytest.mark.parametrize(
    "make", [trec, ms_marco, top1000, json_lines, parallel, hugging_face, lance]
)
def test_every_source_gives_the_answers_of_rank(make, run, tmp_path):
    """Order and scores of all queries are those of `rank`."""
    source, *options = make(tmp_path)
    done = run(source, tmp_path / "out", *OPTIONS, *options)

    assert done.returncode == 0, done.stderr
    found = [(a["qid"], a["id"], a["score"]) for a in answers(tmp_path / "out")]
    assert found == expected()


def test_a_run_needs_texts(run, tmp_path):
    """Without them it is refused in words."""
    source, *_ = trec(tmp_path)
    done = run(source, tmp_path / "out", *OPTIONS)

    assert done.stderr == (
        f"Error: {source} is a run: it has no texts. Name them: --queries FILE "
        "--corpus FILE.\n"
    )


def test_documents_that_a_collection_lacks_are_noted(run, tmp_path):
    """They follow, unscored, and a note says how many."""
    source, *options = ms_marco(tmp_path)
    lines(tmp_path / "collection.tsv", [*DOCUMENTS.items()][1:], "\t")
    done = run(source, tmp_path / "out", *OPTIONS, *options)

    assert done.returncode == 0, done.stderr
    note = json.loads((tmp_path / "out/notes/part-000000.jsonl").read_text())
    assert note == {"row": 0, "qid": "q0", "note": "1 of 4 candidates have no text"}
    assert answers(tmp_path / "out")[3]["score"] is None


def test_triples_in_columns_are_no_candidates(run, tmp_path):
    """Examples to train with are refused in words."""
    source = lines(tmp_path / "triples.tsv", [("a query", "a text", "another")], "\t")
    done = run(source, tmp_path / "out", *OPTIONS)

    assert done.stderr == (
        f"Error: {source} has two texts for each query: examples to train with. Give "
        "candidates: a run, or a row each.\n"
    )


def test_cat_makes_one_file(run, source, tmp_path):
    """All answers as JSON Lines, as a run of TREC, and as Parquet."""
    out = tmp_path / "out"
    run(source(ROWS), out, *OPTIONS)

    def cat(*options):
        return run("cat", out, *options).stdout

    rows = [json.loads(line) for line in cat().splitlines()]
    assert rows == answers(out)
    query, q0, document, rank, score, tag = cat("--format", "trec").split()[:6]
    first = rows[0]
    assert [query, q0, document.decode(), tag] == [
        *(b"q0", b"Q0"),
        *(first["id"], b"resift"),
    ]
    assert (int(rank), float(score)) == (1, pytest.approx(first["score"], rel=1e-8))
    table = pq.read_table(io.BytesIO(cat("--format", "parquet")))
    assert table.to_pylist() == rows


def test_cat_wants_a_finished_job(run, source, tmp_path):
    """What is missing is never left out in silence."""
    out = tmp_path / "out"
    run(source(ROWS), out, *OPTIONS)
    (out / "parts/part-000001.parquet").unlink()
    done = run("cat", out)

    assert done.stderr == (
        f"Error: {out} is not finished: 1 parts are missing. Run its command again: it "
        "goes on from there.\n"
    )
