"""`resift search`, on a real LanceDB that the demo's own builder wrote."""

from __future__ import annotations

import importlib.util
import json

import lancedb
import pytest
from lancedb.index import FTS

import resift
from resift_cli.demo.corpus import Docstring
from resift_cli.demo.database import TABLE, build

DOCUMENTS = {
    "shutil.rmtree": "Delete a directory and everything in it.",
    "shutil.copytree": "Copy a directory and everything in it.",
    "os.remove": "Delete a file.",
    "os.walk": "Visit every directory below a directory.",
    "zipfile.ZipFile": "Read and write zip archives.",
    "json.dumps": "Write an object as JSON text.",
}

WIDTH = 256 if importlib.util.find_spec("resift_static") else 512  # of the vectors


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """Build a small database: names, kinds, texts, vectors, a full-text index."""
    folder = tmp_path_factory.mktemp("database")
    build(
        folder, [Docstring(n, "function", f"{n}\n\n{t}") for n, t in DOCUMENTS.items()]
    )
    return folder


@pytest.fixture
def search(cli, database):
    """Run `resift search` on that database."""

    def run(query: str, *arguments: object):
        return cli("search", database, TABLE, query, *arguments)

    return run


def rows(result) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_piped(search):
    """Piped, a line holds rank, score and the columns of the row, vectors left out."""
    result = search("delete a directory", "--limit", 2)

    lines = [line.split("\t") for line in result.stdout.splitlines()]
    assert result.exit_code == 0
    assert result.stderr == ""
    assert lines[0][0] == "1"
    assert lines[0][2:] == [
        "shutil.rmtree",
        "function",
        "shutil.rmtree Delete a directory and everything in it.",
    ]
    assert [len(line) for line in lines] == [5, 5]


def test_json_lines(search):
    """--json prints the row, its rank and its score; explanations are on demand."""
    plain = search("delete a directory", "--json", "--select", "name")
    explained = search("delete a directory", "--json", "--select", "name", "--explain")

    assert set(rows(plain)[0]) == {"_rank", "name", "_relevance_score"}
    assert set(rows(explained)[0]) == {
        *("_rank", "name", "_relevance_score", "_merged_rank", "_merged_score"),
        *("_vector_rank", "_vector_score", "_text_rank", "_text_score"),
    }


def test_explain_piped_is_json(search):
    """--explain has too much for columns: piped, it prints JSON."""
    result = search("delete a directory", "--explain", "-n", 1, "-r", "bm25")

    assert rows(result)[0]["_rank"] == 1
    assert rows(result)[0]["_text_rank"] == 1


def test_pages_tile(search):
    """Pages repeat nothing, lose nothing, and count on."""
    whole = rows(search("delete a directory", "--json"))

    pages = [
        row
        for offset in range(0, len(whole), 2)
        for row in rows(
            search("delete a directory", "--json", "-n2", "--offset", offset)
        )
    ]

    assert pages == whole
    assert [row["_rank"] for row in pages] == list(range(1, len(whole) + 1))


def test_where_and_select(search):
    """--where filters before searching, --select takes names with commas."""
    result = search(
        *("delete a directory", "--where", "name LIKE 'os.%'"),
        *("--select", "kind, name"),
    )

    assert {line.split("\t", 2)[2] for line in result.stdout.splitlines()} <= {
        "function\tos.remove",
        "function\tos.walk",
    }


def test_legs(search):
    """Legs can be chosen, left out and weighted."""
    fts = rows(search("delete", "--no-vector", "--explain"))
    vector = rows(search("delete", "--no-fts", "--explain"))
    chosen = rows(search("delete", "--vector", "vector", "--fts", "text", "--explain"))
    muted = rows(search("delete", "--weight", "vector=0", "--json", "--explain"))

    assert "_vector_rank" not in fts[0]
    assert "_text_rank" not in vector[0]
    assert {"_vector_rank", "_text_rank"} <= set(chosen[0])
    assert muted[0]["_merged_score"] == pytest.approx(1 / 61)


def test_reranker_and_merger(search):
    """-r chooses the scorer, -m the merger, -o an option."""
    result = rows(
        search("delete", "-r", "bm25", "-m", "dbsf", "-o", "b=0", "--explain", "-n1")
    )

    assert result[0]["_relevance_score"] != result[0]["_merged_score"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--select", "nam"],
            "search: --select names 'nam', which is unknown. Known: 'name', "
            "'kind', 'text', 'vector'.",
        ),
        (
            ["--vector", "text"],
            "search: --vector names 'text', which is unknown. Known: 'vector'.",
        ),
        (
            ["--weight", "name=1"],
            "search: --weight names 'name', which is unknown. Known: 'vector', 'text'.",
        ),
        (
            ["--fts", "name"],
            "search: column 'name' has no full-text index. Indexed: ['text']. In "
            "Python: Create one with table.create_index('name', config=FTS()).",
        ),
        (
            ["-r", "bm25", "--text", "kind.x"],
            "Reranker 'bm25' (resift 0.1.0): text column 'kind.x': 'kind' has no field "
            "'x'.",
        ),
        (
            ["-r", "bm25", "--text", "body"],
            "Reranker 'bm25' (resift 0.1.0): the results have no text column 'body'. "
            "Columns: 'name', 'kind', 'text', '_distance', '_rowid', '_score'. Name "
            "the right one with --text, and select it in the search.",
        ),
        (
            ["-r", "bm25", "--text", "vector"],
            "Reranker 'bm25' (resift 0.1.0): the text column 'vector' must hold "
            f"strings, got fixed_size_list<item: float>[{WIDTH}]. Name another with "
            f"--text, "
            "or cast it.",
        ),
        (
            ["--min-score", "0.5"],
            f"Reranker 'rrf' (resift {resift.__version__}): --min-score needs scores "
            "that are probabilities, but its scores are of the kind 'ordinal': they "
            "only order the documents of one query. Cut by --limit, or use a reranker "
            "whose score_kind is 'probability'.",
        ),
    ],
)
def test_failures(search, arguments, message):
    """What the search refuses is one line on standard error, in flags."""
    result = search("q", *arguments)

    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == f"Error: {message}\n"


@pytest.mark.parametrize(
    ("query", "arguments", "message"),
    [
        ("", [], "Invalid value for 'QUERY': must not be blank, got ''."),
        (
            "q",
            ["--no-vector", "--vector", "vector"],
            "--vector and --no-vector exclude each other. Give one of them.",
        ),
        (
            "q",
            ["--fts", "text", "--no-fts"],
            "--fts and --no-fts exclude each other. Give one of them.",
        ),
        (
            "q",
            ["--no-vector", "--no-fts"],
            "--no-vector and --no-fts leave nothing to search. Give one of them.",
        ),
        (
            "q",
            ["--limit", "50", "--offset", "80"],
            "--offset + --limit (80 + 50) must not go beyond --window (100). Raise "
            "--window, and keep it the same for all pages.",
        ),
        (
            "q",
            ["--timeout", "nan"],
            "Invalid value for '--timeout': must be a number, got 'nan'.",
        ),
        (
            "q",
            ["-o", "top_k=3"],
            "Invalid value for '-o' / '--option': 'top_k' is not an option of a "
            "reranker. Use --limit.",
        ),
    ],
)
def test_wrong_usage(search, query, arguments, message):
    """A blank query, and flags that contradict each other, are wrong usage."""
    result = search(query, *arguments)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.endswith(f"\n\nError: {message}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--vector", "embedding"],
            "search: column 'embedding' has no embedding function, so that it needs a "
            "query vector. In Python: Give vectors={'embedding': vector}.",
        ),
        (
            [],
            "search: there is nothing to search by. Vector columns: ['embedding']; "
            "full-text indexed: none. In Python: Give vectors={column: vector}, index "
            "a text column (table.create_index(column, config=FTS())), or add an "
            "embedding function.",
        ),
    ],
)
def test_table_that_only_python_can_search(cli, tmp_path, arguments, message):
    """A table without an index and an embedding function says what it lacks."""
    import pyarrow as pa

    vectors = pa.array([[1.0, 2.0]], pa.list_(pa.float32(), 2))
    rows = pa.table({"text": ["a fox"], "embedding": vectors})
    lancedb.connect(tmp_path).create_table("plain", rows)

    result = cli("search", tmp_path, "plain", "fox", *arguments)

    assert result.exit_code == 1
    assert result.stderr == f"Error: {message}\n"


def test_min_score(search, fake_distribution):
    """--min-score leaves out what is less probable, before pages are cut."""
    fake_distribution(
        "resift-chance",
        modules={
            "resift_chance": "import resift\n"
            "class Chance:\n"
            "    score_kind = 'probability'\n"
            "    @resift.hookimpl\n"
            "    def score(self, query, documents):\n"
            "        return [0.9 if 'Delete' in d else 0.1 for d in documents]\n"
        },
        rerankers={"chance": "resift_chance:Chance"},
    )
    asked = ("delete", "-r", "chance", "--json", "--select", "name")

    likely = rows(search(*asked, "--min-score", 0.5))
    second = rows(search(*asked, "--min-score", 0.5, "--limit", 1, "--offset", 1))

    assert {row["name"] for row in likely} == {"shutil.rmtree", "os.remove"}
    assert second == likely[1:]


@pytest.mark.parametrize("weight", ["vector", "=1", "vector=x", "vector=-1", "v=nan"])
def test_wrong_weight(search, weight):
    """A weight that is no number of a column is wrong usage."""
    result = search("q", "--weight", weight)

    assert result.exit_code == 2
    assert result.stderr.endswith(
        f"must look like COLUMN=NUMBER, the number not negative, got {weight!r}.\n"
    )


def test_unknown_table(cli, database):
    """A table that is not there lists those that are."""
    result = cli("search", database, "stdlbi", "q")

    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: search: {str(database)!r} has no table 'stdlbi'. Tables: 'stdlib'.\n"
    )


def test_unknown_database(cli, tmp_path):
    """A folder that is not there is wrong usage."""
    result = cli("search", tmp_path / "nowhere", "t", "q")

    assert result.exit_code == 2
    assert "does not exist" in result.stderr


def test_unknown_embedding_function(cli, tmp_path):
    """A table whose embedding function nobody registered says how to search it."""
    import pyarrow as pa

    functions = (
        '[{"name": "homemade", "model": {}, "source_column": "text", '
        '"vector_column": "vector"}]'
    )
    table = pa.table({"text": ["a"]}).replace_schema_metadata(
        {"embedding_functions": functions}
    )
    mine = lancedb.connect(tmp_path).create_table("mine", table)
    mine.create_index("text", config=FTS())

    result = cli("search", tmp_path, "mine", "q")
    without = cli("search", tmp_path, "mine", "a", "--no-vector")

    assert without.exit_code == 0
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: search: table 'mine' was written with the embedding function "
        "'homemade', which is not registered here. Search it with --no-vector, or from "
        "Python after importing the module that registers it.\n"
    )


def test_any_table(cli, tmp_path):
    """Any local LanceDB is searched by what it has: here a full-text index alone."""
    table = lancedb.connect(tmp_path).create_table(
        "pets",
        [
            {"body": "a red fox", "rank": 7, "weight": float("nan")},
            {"body": "a blue whale", "rank": 8, "weight": 1.0},
        ],
    )
    table.create_index("body", config=FTS())

    result = cli("search", tmp_path, "pets", "fox", "--text", "body", "--json")

    assert rows(result) == [
        {
            "_rank": 1,
            "body": "a red fox",
            "rank": 7,
            "weight": None,
            "_relevance_score": pytest.approx(1 / 61),
        }
    ]


def test_without_lancedb(cli, tmp_path, monkeypatch):
    """Without LanceDB the command says what to install."""
    monkeypatch.setattr("resift_cli.databases.find_spec", lambda name: None)

    result = cli("search", tmp_path, "t", "q")

    assert result.exit_code == 1
    assert result.stderr == (
        "Error: search needs LanceDB: pip install 'resift[lancedb]'\n"
    )


@pytest.mark.parametrize("width", [80, 120])
def test_on_a_terminal(terminal, database, width):
    """On a terminal each list's rank stands beside the way moved since."""
    shown = terminal(
        *("search", database, TABLE, "delete a directory", "-r", "bm25"), width=width
    )

    assert shown.lines[0].split() == (
        ["#", "score", "in", "vector", "in", "text", "merged", "name", "kind", "text"]
    )
    assert shown.lines[1].split()[0] == "1"
    assert "shutil.rmtree" in shown.text
    assert max(map(len, shown.lines)) <= width


def test_explained_on_a_terminal(terminal, database):
    """--explain shows, per result, each leg's rank and score, moves and stages."""
    shown = terminal(
        *("search", database, TABLE, "delete a directory", "-n", 1, "--explain"),
        *("-r", "ensemble", "-o", 'rerankers=["incoming", "bm25"]'),
    )

    facts = {line.split()[0]: line.split()[1:] for line in shown.lines[1:] if line}
    assert {"vector", "text", "merged", "bm25"} <= set(facts)
    assert facts["text"][0] == "rank"
    assert "score" in facts["bm25"]


def test_no_escape_of_a_row_reaches_a_terminal(terminal, tmp_path):
    """What a terminal would obey is left out of names and cells."""
    table = lancedb.connect(tmp_path).create_table(
        "pets", [{"text": "a fox", "\x1b[5mkind": "\x1b[5mred\x07"}]
    )
    table.create_index("text", config=FTS())

    shown = terminal("search", tmp_path, "pets", "fox")

    assert "[5mred" in shown.text
    assert "[5mkind" in shown.text
    assert "\x1b[5m" not in shown.raw
    assert "\x07" not in shown.raw


def test_nothing_found_on_a_terminal(terminal, database):
    """Nothing found is said beside the result."""
    shown = terminal("search", database, TABLE, "xyzzy", "--no-vector")

    assert shown.text == ""
    assert shown.stderr == "note: nothing was found.\n"
    assert shown.returncode == 0


TOLD = """
class Plugin:
    @resift.hookimpl
    def score(self, documents, instruction):
        words = set((instruction or "").split())
        return [float(len(words & set(text.split()))) for text in documents]
"""


def test_an_instruction_reaches_the_reranker(search, install):
    """`--instruction` says what counts; one that nothing reads is refused."""
    install(TOLD, "told")
    options = ("--instruction", "archives. zip", "--json", "--limit", 1)

    result = search("directory zip", "-r", "told", *options)
    refused = search("directory zip", "-r", "bm25", *options)

    assert [row["name"] for row in rows(result)] == ["zipfile.ZipFile"]
    assert refused.exit_code == 1
    assert "does not read an instruction" in refused.stderr
