"""Files as people save them: encodings, compression, formats, separators."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import re

import pyarrow as pa
import pytest

from resift.errors import InputError
from resift_eval.collection import read_documents, read_qrels, read_queries
from resift_eval.run import read_run

QUERIES = {"q1": "red föx", "q2": "green tea"}
ROWS = [{"_id": i, "text": t} for i, t in QUERIES.items()]
TSV = "q1\tred föx\nq2\tgreen tea\n"
JSONL = "".join(json.dumps(row) + "\n" for row in ROWS)


@pytest.fixture
def save(tmp_path):
    """Return a function that saves text or bytes under a name."""

    def saved(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return saved


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be"]
)
@pytest.mark.parametrize(("name", "text"), [("q.tsv", TSV), ("q.jsonl", JSONL)])
def test_a_byte_order_mark_tells_the_encoding(save, encoding, name, text):
    """What Excel and PowerShell save is read, and no id carries the mark."""
    mark = "\ufeff" if encoding in ("utf-16-le", "utf-16-be") else ""

    assert read_queries(save(name, (mark + text).encode(encoding))) == QUERIES


def test_a_mark_inside_a_file_is_no_part_of_an_id(save):
    """Files that were put one after the other have a mark on a later line."""
    path = save("q.tsv", "\ufeffq1\tred föx\n\ufeffq2\tgreen tea\n")

    assert read_queries(path) == QUERIES


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n"])
def test_all_line_ends_are_read(save, end):
    """Windows' line ends are no part of a text, and blank lines are no rows."""
    assert read_queries(save("q.tsv", TSV.replace("\n", end))) == QUERIES


def test_other_separators_of_lines_are_text(save):
    """A line separator of Unicode inside a text does not end the line."""
    path = save("q.tsv", "q1\tred\u2028fox\x0bhen\x85\n")

    assert read_queries(path) == {"q1": "red\u2028fox\x0bhen\x85"}


def _zstd(data):
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize(
    "name", ["q.jsonl.gz", "q.ndjson.bz2", "q.jsonl.xz", "q.json.zst", "q.jsonl"]
)
@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, _zstd])
def test_compression_is_told_from_the_content(save, name, pack):
    """A packed file is read whatever its name says of the compression."""
    assert read_queries(save(name, pack(JSONL.encode()))) == QUERIES


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("q.jsonl", JSONL),
        ("q.ndjson", JSONL),
        ("q.txt", JSONL),
        ("q.jsonl", JSONL.replace("_id", "qid").replace("text", "query")),
        ("q.json", json.dumps(ROWS)),
        ("q.json", json.dumps(ROWS, indent=2)),
        ("q.json", json.dumps(QUERIES)),
        ("q.json", json.dumps(QUERIES, indent=2)),
        ("q.tsv", TSV),
        ("q.tsv", "query_id\ttext\n" + TSV),
        ("q.tsv", "n\tText\tId\n1\tred föx\tq1\n2\tgreen tea\tq2\n"),
        ("q.csv", 'id,text\nq1,"red föx"\nq2,green tea\n'),
        ("q.csv", 'q1,"red föx"\nq2,green tea\n'),
    ],
)  # fmt: skip
def test_queries_are_read_in_every_form(save, name, text):
    """JSON Lines, an array, an object of ids, TSV and CSV, with a header or without."""
    assert read_queries(save(name, text)) == QUERIES


def test_a_text_of_csv_may_hold_commas_quotes_and_lines(save):
    """CSV is read as CSV."""
    path = save("d.csv", 'docid,body\n1,"a, ""b""\nc"\n')

    assert read_documents(path) == {"1": 'a, "b"\nc'}


def test_documents_have_names_that_other_tools_gave_them(save):
    """Pyserini's `contents`, a title, a list of texts, and ids that are numbers."""
    rows = [
        {"id": 7, "contents": "a hive"},
        {"docid": "x", "title": "Hens", "body": "a hen"},
        {"_id": "y", "title": "", "text": ["one", "two"]},
        {"_id": "z", "title": "only", "text": None},
    ]
    path = save("d.jsonl", "\n".join(map(json.dumps, rows)))

    assert read_documents(path) == {
        "7": "a hive", "x": "Hens a hen", "y": "one two", "z": "only",
    }  # fmt: skip


def test_half_a_surrogate_pair_is_replaced(save):
    """What no encoding can hold becomes U+FFFD, and the rest stays."""
    path = save("d.jsonl", '{"_id": "a", "text": "red \\ud83d fox \\ud83e\\udd8a"}\n')

    assert read_documents(path) == {"a": "red \ufffd fox \U0001f98a"}


@pytest.mark.parametrize(
    ("text", "query", "document"),
    [
        ("q1 0 d1 2\n", "q1", "d1"),
        ("q1\t0\td1\t2\n", "q1", "d1"),
        ("q1\td1\t2\n", "q1", "d1"),
        ("q1 d1 2\n", "q1", "d1"),
        ("q 1\t0\td 1 2\t2\n", "q 1", "d 1 2"),
        ("q1 0 d\t1 2\n", "q1", "d\t1"),
        ("q1   0  d1\t 2 \n", "q1", "d1"),
        ("q1\t0\td1\t2\t\n", "q1", "d1"),
        ("query-id\tcorpus-id\tscore\nq1\td1\t2\n", "q1", "d1"),
        ("topic iter docno rel\nq1 0 d1 2\n", "q1", "d1"),
        ("score\tcorpus_id\tquery_id\tsource\n2\td1\tq1\tme\n", "q1", "d1"),
        ('{"query-id": "q1", "corpus-id": "d1", "score": 2}\n', "q1", "d1"),
        ('{"q1": {"d1": 2}}', "q1", "d1"),
        ('{\n "q1": {"d1": 2.0}\n}\n', "q1", "d1"),
    ],
)
def test_judgements_are_read_in_every_form(save, text, query, document):
    """Tabs or spaces, ids that contain the other, headers, and JSON."""
    assert read_qrels(save("qrels", text)) == {query: {document: 2}}


def test_columns_of_csv_are_separated_by_commas(save):
    """A file called .csv has commas."""
    path = save("qrels.csv", "query-id,corpus-id,score\nq1,d 1,2\n")

    assert read_qrels(path) == {"q1": {"d 1": 2}}


def test_negative_grades_are_kept_apart_from_0(save):
    """TREC's -2 (junk) and -1 (pooled, not judged) stay what they are."""
    path = save("qrels", "q1 0 d1 -2\nq1 0 d2 -1\nq1 0 d3 0\nq1 0 d4 1.0\n")

    assert read_qrels(path) == {"q1": {"d1": -2, "d2": -1, "d3": 0, "d4": 1}}


def test_fractional_grades_are_scaled_on_request(save):
    """ESCI's gains become whole numbers by a factor, exactly."""
    path = save("qrels", "q1 d1 1.0\nq1 d2 0.1\nq1 d3 0.01\nq1 d4 0\n")

    assert read_qrels(path, 100) == {"q1": {"d1": 100, "d2": 10, "d3": 1, "d4": 0}}


RUN = "q1 Q0 {} {} {} tag\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("run", "q1 Q0 b 1 3.5 t\nq1 Q0 a 2 2e-1 t\n"),
        ("run", "q1 Q0 a 2 .2 t\nq1 Q0 b 1 3.5 t\n"),
        ("run", "q1\tQ0\tb\t1\t3.5\tmy tag\nq1\tQ0\ta\t2\t0.2\tmy tag\n"),
        ("run", "q1 Q0 b 1 3.5\nq1 Q0 a 2 0.2\n"),
        ("run.tsv", "q1\tb\t1\nq1\ta\t2\n"),
        ("run.tsv", "q1\ta\t2\nq1\tb\t1\n"),
        ("run.tsv", "qid\tpid\tscore\nq1\ta\t0.2\nq1\tb\t3.5\n"),
        ("run.json", '{"q1": {"a": 0.2, "b": 3.5}}'),
        ("run.jsonl.gz", gzip.compress(
            b'{"qid": "q1", "docid": "b", "rank": 1}\n'
            b'{"qid": "q1", "docid": "a", "rank": 2}\n', mtime=0)),
    ],
)  # fmt: skip
def test_runs_are_read_in_every_form(save, name, text):
    """TREC's six columns or five, MS MARCO's three, headers, and JSON."""
    run = read_run(save(name, text))

    assert {q: [r.document for r in ranked] for q, ranked in run.ranked.items()} == {
        "q1": ["b", "a"]
    }
    assert run.notes == []


def test_ties_of_a_run_follow_the_rank_column(save):
    """Equal scores follow the ranks, then the document ids, falling."""
    by_rank = [RUN.format(d, rank, 1) for rank, d in enumerate("cab", start=1)]
    without = [RUN.format(d, 0, 1) for d in "cab"]

    orders = [
        [r.document for r in read_run(save("run", "".join(lines))).ranked["q1"]]
        for lines in (by_rank, sorted(by_rank), without, sorted(without))
    ]

    assert orders == [["c", "a", "b"], ["c", "a", "b"], ["c", "b", "a"],
                      ["c", "b", "a"]]  # fmt: skip


def test_ranks_that_disagree_with_the_scores_are_noted(save):
    """A run whose scores are distances is read by its scores, which is said."""
    path = save("run", "q1 Q0 a 1 0.1 t\nq1 Q0 b 2 0.9 t\n")

    run = read_run(path)

    assert [r.document for r in run.ranked["q1"]] == ["b", "a"]
    assert run.notes == [
        "run: scores and ranks disagree on 1 queries ('q1' first): the scores count, "
        "as in trec_eval."
    ]


def test_a_document_that_is_ranked_twice_keeps_its_best_place(save):
    """A repeated document is counted and said."""
    path = save("run", "q1 Q0 a 1 3 t\nq1 Q0 b 2 2 t\nq1 Q0 a 3 1 t\n")

    run = read_run(path)

    assert [(r.document, r.score) for r in run.ranked["q1"]] == [("a", 3.0), ("b", 2.0)]
    assert run.notes == [
        "run ranks a document again for the same query in 1 rows: the best place "
        "counts."
    ]


@pytest.mark.parametrize(
    ("name", "content", "read", "message"),
    [
        ("q.tsv", "", read_queries, "{path} is empty."),
        ("q.tsv", "1\tf\xf6x\n".encode("latin-1"), read_queries,
         "{path}:1: is not UTF-8 (byte 0xf6). Save the file as UTF-8."),
        ("q.tsv", "1\tfox\n".encode("utf-16-le"), read_queries,
         "{path}:1: holds NUL characters, as UTF-16 without a byte order mark does. "
         "Save the file as UTF-8."),
        ("q.tsv", b"PK\x03\x04....", read_queries,
         "{path} is a ZIP archive. Save its rows as JSON Lines or TSV."),
        ("q.parquet", b"PAR1....", read_queries,
         "{path} is a Parquet file. Save its rows as JSON Lines or TSV."),
        ("q.tsv.gz", gzip.compress(TSV.encode(), mtime=0)[:-9], read_queries,
         "{path} cannot be read: Compressed file ended before the end-of-stream marker "
         "was reached."),
        ("q.jsonl", "{}\n{}\n", read_queries,
         "{path}:1: a query has no field for its id ('id' or 'queryid' or 'qid' or "
         "'topicid' or 'topic'). Its fields: none."),
        ("q.jsonl", '{"_id": "1", "words": "a"}\n', read_queries,
         "{path}: a query has no field for its text ('text' or 'query' or 'question' "
         "or 'contents' or 'content' or 'title'). Its fields: '_id', 'words'."),
        ("q.jsonl", '{"_id": "1", "text": "a"}\n["b"]\n', read_queries,
         "{path}:2: a query must be a JSON object."),
        ("q.jsonl", '{"_id": "1", "text": "a"}\n{"_id"\n', read_queries,
         "{path}:2: is not JSON: Expecting ':' delimiter: line 1 column 7 (char 6)."),
        ("q.json", '[{"_id": "1", "text": "a"}, {"_id": null, "text": "b"}]',
         read_queries, "{path}[1]: the id must be a string, got None."),
        ("q.json", '["red fox"]', read_queries,
         "{path}[0]: a query must be a JSON object."),
        ("q.jsonl", "1\tred fox\n", read_queries,
         "{path}:1: is not JSON: Extra data: line 1 column 3 (char 2)."),
        ("q.tsv", "no tab\n", read_queries,
         "{path}:1: a query must be 'id<TAB>text', got 1 fields between tabs."),
        ("q.tsv", "1\ta\nb\n", read_queries,
         "{path}:2: must have 2 fields between tabs, as the first line has, got 1."),
        ("q.tsv", "1\ta\n \tb\n", read_queries, "{path}:2: the id must not be blank."),
        ("q.tsv", "1\ta\n1\tb\n", read_queries, "{path}:2: the id '1' is given twice."),
        ("q.tsv", "1\t \n", read_queries, "{path}: the query '1' is blank."),
        ("q.csv", '1,"a\n', read_queries,
         "{path}:1: is not CSV: unexpected end of data."),
        ("qrels", "q1 d1 much\n", read_qrels,
         "{path}:1: a grade must be a number, got 'much'."),
        ("qrels", "q1 d1 nan\n", read_qrels,
         "{path}:1: a grade must be a number, got 'nan'."),
        ("qrels", "q1 d1 1_0\n", read_qrels,
         "{path}:1: a grade must be a number, got '1_0'."),
        ("qrels", "q1 0 d1 1\nq1 0 d2 0.25\nq2 0 d1 0.5\n", read_qrels,
         "{path}:2: a grade must be a whole number, got 0.25. Multiply all of them: "
         "--scale-grades 100."),
        ("qrels", "q1 0 d1 2000000\n", read_qrels,
         "{path}:1: a grade must be at most 1000000, got 2000000."),
        ("qrels", "q1 0 d1 1\nq1 0 d1 2\n", read_qrels,
         "{path}:2: document 'd1' of query 'q1' is judged again, with another grade "
         "than at {path}:1."),
        ("qrels", "q1 0 d1 1\nq1 d1 1\n", read_qrels,
         "{path}:2: must have 4 fields between single spaces, as the first line has, "
         "got 3: ['q1', 'd1', '1']."),
        ("qrels", "q1 Q0 d1 1 3 tag\n", read_qrels,
         "{path}:1: a judgement must be 'query document grade, or query 0 document "
         "grade', got 6 fields between white space: ['q1', 'Q0', 'd1', '1', '3', "
         "'tag']."),
        ("qrels.json", '{"q1": 1}', read_qrels,
         "{path}['q1']: must be an object of documents, got 1."),
        ("run", "q1 0 d1 1\n", read_run,
         "{path}:1: a row of a run must be 'query Q0 document rank score tag, or query "
         "document rank', got 4 fields between white space: ['q1', '0', 'd1', '1']."),
        ("run", "q1 Q0 d1 1 nan t\n", read_run,
         "{path}:1: a score must be a number, got 'nan'."),
        ("run", "q1 d1 first\n", read_run,
         "{path}:1: a score or a rank must be a number, got 'first'."),
        ("run", "q1 d1 1\nq1 d2 1\n", read_run,
         "{path}: query 'q1' has two documents of rank 1, 'd1' and 'd2'. Is it a run?"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named(save, name, content, read, message):
    """An error names the file, the line, what is wrong, and what is right."""
    path = save(name, content)

    with pytest.raises(InputError) as error:
        read(path)

    assert str(error.value) == message.replace("{path}", str(path))


def test_a_text_is_never_in_an_error(save):
    """Errors about documents name the line, not what it says."""
    path = save("d.tsv", "1\ta secret\nanother secret\n")

    with pytest.raises(InputError) as error:
        read_documents(path)

    assert not re.search("secret", str(error.value).replace(str(path), ""))
