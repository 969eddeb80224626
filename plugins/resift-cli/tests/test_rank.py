"""`resift rank`."""

from __future__ import annotations

import gzip
import json

import pytest

ANIMALS = "a blue whale\n\nthe quick red fox\r\nred\tdeer in the forest\n"


@pytest.fixture
def animals(tmp_path):
    """Write four lines, one of them blank, to a file."""
    path = tmp_path / "animals.txt"
    path.write_bytes(ANIMALS.encode())
    return path


@pytest.fixture
def records(tmp_path):
    """Write three JSON documents to a file."""
    path = tmp_path / "animals.jsonl"
    rows = [
        {"body": "a blue whale", "id": 1},
        {"body": "the quick red fox", "id": 2},
        {"body": None, "id": 3},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_piped(animals, program):
    """Piped, a line holds rank, score, line number and text; blank lines are none."""
    done = program("rank", "red fox", animals)

    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert done.stderr == ""
    assert [(rank, line, text) for rank, _, line, text in rows] == [
        ("1", "3", "the quick red fox"),
        ("2", "4", "red deer in the forest"),
        ("3", "1", "a blue whale"),
    ]
    assert float(rows[0][1]) > float(rows[1][1]) > float(rows[2][1]) == 0


@pytest.mark.parametrize("file", [[], ["-"]])
def test_standard_input(program, file):
    """Without a file, or with '-', documents come from standard input."""
    done = program("rank", "red fox", *file, "--top-k", 1, stdin=ANIMALS)

    assert done.stdout.endswith("\t3\tthe quick red fox\n")
    assert done.stdout.count("\n") == 1


def test_json_lines(animals, cli):
    """--json prints one object a line, the document unchanged."""
    result = cli("rank", "red fox", animals, "--json")

    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [set(row) for row in rows] == [{"rank", "score", "line", "document"}] * 3
    assert rows[1]["document"] == "red\tdeer in the forest"
    assert rows[1]["line"] == 4


def test_jsonl_documents(records, cli):
    """A JSON file is recognised; --text names the field; a null text is not scored."""
    result = cli("rank", "red fox", records, "--text", "body", "--json")

    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["document"]["id"] for row in rows] == [2, 1, 3]
    assert rows[2]["score"] is None


def test_jsonl_piped_shows_the_field(records, cli):
    """Piped without --json, the text field is what is shown."""
    result = cli("rank", "red fox", records, "--text", "body", "-k", 1)

    assert result.stdout.endswith("\t2\tthe quick red fox\n")


def test_lines_that_look_like_json(cli):
    """--lines takes lines as they are, although the first looks like JSON."""
    result = cli("rank", "red", "--lines", stdin="{not json\nred fox\n")

    assert result.stdout.splitlines()[0].endswith("\t2\tred fox")


ROWS = [{"text": "green tea"}, {"text": "red fox"}]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pretty.json", json.dumps(ROWS, indent=2)),
        ("one_line.json", json.dumps(ROWS)),
        ("strings.json", json.dumps(["green tea", "red fox"])),
        ("named.txt", json.dumps(ROWS, indent=2)),
        ("lines.json", "\n".join(map(json.dumps, ROWS))),
        ("lines.jsonl", "\n".join(map(json.dumps, ROWS))),
        ("strings.ndjson", '"green tea"\n"red fox"\n'),
        ("mark.json", "\ufeff" + json.dumps(ROWS)),
    ],
)
@pytest.mark.parametrize("compressed", [False, True])
def test_json_files_as_people_save_them(cli, tmp_path, name, content, compressed):
    """An array or JSON Lines, of strings or objects, compressed or not, is read."""
    path = tmp_path / (f"{name}.gz" if compressed else name)
    path.write_bytes(
        gzip.compress(content.encode()) if compressed else content.encode()
    )

    result = cli("rank", "red fox", path)

    cells = [line.split("\t")[2:] for line in result.stdout.splitlines()]
    assert cells == [["2", "red fox"], ["1", "green tea"]]


def test_items_of_an_array_are_numbered(cli):
    """Of an array, JSON names the number of the item, for there are no lines."""
    result = cli("rank", "red fox", "--json", "-k", 1, stdin=json.dumps(ROWS))

    row = json.loads(result.stdout)
    assert (row["item"], row["document"]) == (2, {"text": "red fox"})
    assert "line" not in row


def test_lines_that_look_like_an_array(cli):
    """A bracket begins plain text as well: what is no JSON is read as lines."""
    result = cli("rank", "fox", "-k", 1, stdin="[1] a fox\n[2] tea\n")

    assert result.stdout.endswith("\t1\t[1] a fox\n")


@pytest.mark.parametrize("name", ["broken.json", "broken.json.gz"])
def test_array_that_is_cut_off(cli, tmp_path, name):
    """A file that calls itself JSON and is none is refused, never read as lines."""
    content = json.dumps(ROWS, indent=2)[:-2].encode()
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith("gz") else content)

    result = cli("rank", "red fox", path)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: rank: {path} is not JSON: Expecting ")
    assert result.stderr.endswith("For plain text use --lines.\n")


def test_option_and_reranker(echo, animals, cli):
    """-r chooses the reranker, -o sets its options as JSON."""
    result = cli("rank", "q", animals, "-r", "echo", "-o", "sign=-1", "-k", "1")

    assert result.stdout == "1\t-12\t1\ta blue whale\n"


def test_nested_rerankers_in_an_option(animals, cli):
    """An option that is a JSON list nests rerankers."""
    result = cli(
        *("rank", "red fox", animals, "-r", "cascade", "-k", 1, "--json", "--explain"),
        *("-o", 'stages=["bm25", "bm25"]', "-o", "keep=[2]"),
    )

    row = json.loads(result.stdout)
    assert row["document"] == "the quick red fox"
    assert set(row["columns"]) == {"_bm25_score", "_bm25_2_score"}


def test_config_default(echo, animals, cli, tmp_path):
    """Without -r, the config's default is used."""
    (tmp_path / "resift.toml").write_text(
        'default = "short"\n[rerankers.short]\nuse = "echo"\noptions = { sign = -1 }\n'
    )

    result = cli("rank", "q", animals, "-k", 1)

    assert result.stdout == "1\t-12\t1\ta blue whale\n"


def test_config_file_given(echo, animals, cli, tmp_path):
    """--config names another file."""
    path = tmp_path / "other.toml"
    path.write_text('[rerankers.short]\nuse = "echo"\noptions = { sign = -1 }\n')

    result = cli("rank", "q", animals, "-r", "short", "--config", path, "-k", 1)

    assert result.stdout == "1\t-12\t1\ta blue whale\n"


@pytest.mark.parametrize("content", ["", "\n \n"])
def test_nothing_to_rank(cli, content):
    """No document gives no line and no error."""
    result = cli("rank", "q", stdin=content)

    assert result.exit_code == 0
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "sign"], "must look like KEY=VALUE, got 'sign'."),
        (
            ["-o", "merge=rrf"],
            "'merge' is not an option of a reranker. Use --merge.",
        ),
        (
            ["-o", "config=x"],
            "'config' is not an option of a reranker.",
        ),
        (
            ["-o", "top_k=3"],
            "'top_k' is not an option of a reranker. Use --top-k.",
        ),
    ],
)
def test_wrong_usage(cli, arguments, message):
    """A malformed or reserved option is wrong usage."""
    result = cli("rank", "q", *arguments, stdin="a\n")

    assert result.exit_code == 2
    assert result.stderr.endswith(f"'--option': {message}\n")


@pytest.mark.parametrize(
    ("stdin", "arguments", "message"),
    [
        (
            b"fine\n\xff\n",
            [],
            "rank: standard input is not UTF-8 text: 'utf-8' codec can't decode byte "
            "0xff in position 5: invalid start byte.",
        ),
        (
            b'{"text": "a"}\n{"text": \n',
            [],
            "rank: standard input, line 2 is not JSON: Expecting value: line 1 column "
            "10 (char 9). JSON is read as one array, or as one document per line; for "
            "plain text use --lines.",
        ),
        (
            b"[1]\n",
            ["--jsonl"],
            "rank: standard input, line 1 must be a JSON object or string, got list. "
            "For plain text use --lines.",
        ),
        (
            b'["a", null]',
            [],
            "rank: standard input, item 2 must be a JSON object or string, got "
            "NoneType. For plain text use --lines.",
        ),
        (
            b'[{"text": "a"}, {"body": "b"}]',
            [],
            "rank: standard input, item 2 has no text under 'text'. Keys: 'body'. Name "
            "the right one with --text.",
        ),
        (
            b"\x1f\x8b\x08cut",
            [],
            "rank: standard input cannot be decompressed: Compressed file ended before "
            "the end-of-stream marker was reached.",
        ),
        (
            b"a\n",
            ["-r", "rrf"],
            "rank: the reranker must score documents, but 'rrf' only merges ranked "
            "lists, and FILE is one list. Give one that scores with -r, such as bm25 "
            "('resift list' shows all). To merge the lists of a LanceDB use 'resift "
            "search', to merge your own Reranker.rerank in Python.",
        ),
        (
            b'{"body": "a"}\n',
            [],
            "rank: standard input, line 1 has no text under 'text'. Keys: 'body'. Name "
            "the right one with --text.",
        ),
        (
            b'\n{"text": "a"}\n\n{"text": 3}\n',
            [],
            "rank: standard input, line 4: the text must be a string, got int. Name "
            "another field with --text.",
        ),
        (
            b'{"meta": {"title": "a"}}\n',
            ["--text", "meta.name"],
            "rank: standard input, line 1 has no text under 'meta.name'. Keys: 'meta'. "
            "Name the right one with --text.",
        ),
        (
            b"a\n",
            ["--min-score", "0.5"],
            "Reranker 'bm25' (resift 0.1.0): --min-score needs scores that are "
            "probabilities, but its "
            "scores are of the kind 'ordinal': they only order the documents of one "
            "query. Cut by --top-k, or use a reranker whose score_kind is "
            "'probability'.",
        ),
        (
            b"a\n",
            ["-r", "bm25", "-o", "k2=1"],
            "Reranker 'bm25' (resift 0.1.0) has no option 'k2'. Options: 'k1', 'b'.",
        ),
    ],
)
def test_failures(cli, stdin, arguments, message):
    """Bad input and bad options fail with the whole story in one line."""
    result = cli("rank", "q", *arguments, stdin=stdin)

    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == f"Error: {message}\n"


def test_file_and_line_of_a_document_without_text(cli, tmp_path):
    """A document without text is named by file and line; blank lines count."""
    path = tmp_path / "animals.jsonl"
    path.write_text('{"text": "a fox"}\n\n{"body": "a whale", "id": 2}\n')

    result = cli("rank", "fox", path)

    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: rank: {path}, line 3 has no text under 'text'. Keys: 'body', 'id'. "
        "Name the right one with --text.\n"
    )


def test_field_of_a_field(cli):
    """--text goes into objects by dots, and what was ranked is shown."""
    result = cli(
        *("rank", "fox", "--text", "meta.title"),
        stdin='{"meta": null}\n{"meta": {"title": "a fox"}}\n',
    )

    assert [line.split("\t")[2:] for line in result.stdout.splitlines()] == [
        ["2", "a fox"],
        ["1", ""],
    ]


def test_documents_outside_the_window_need_no_text(cli, tmp_path):
    """Only what is scored must have a text."""
    config = tmp_path / "resift.toml"
    config.write_text('default = "one"\n[rerankers.one]\nuse = "bm25"\nwindow = 1\n')

    result = cli("rank", "fox", stdin='{"text": "a fox"}\n{"body": "a whale"}\n')

    assert result.exit_code == 0


@pytest.mark.parametrize("query", ["", " "])
def test_blank_query(cli, query):
    """A blank query is wrong usage, and says so."""
    result = cli("rank", query, stdin="a\n")

    assert result.exit_code == 2
    assert result.stderr.endswith(
        f"Error: Invalid value for 'QUERY': must not be blank, got {query!r}.\n"
    )


@pytest.fixture
def chance(fake_distribution):
    """Install a reranker `chance` whose scores are probabilities: 1 / length."""
    return fake_distribution(
        "resift-chance",
        modules={
            "resift_chance": "import resift\n"
            "class Chance:\n"
            "    score_kind = 'probability'\n"
            "    @resift.hookimpl\n"
            "    def score(self, query, documents):\n"
            "        return [1 / len(document) for document in documents]\n"
        },
        rerankers={"chance": "resift_chance:Chance"},
    )


def test_min_score(chance, cli):
    """--min-score leaves out what is less probable."""
    result = cli("rank", "q", "-r", "chance", "--min-score", 0.5, stdin="aaa\na\naa\n")

    assert result.stdout == "1\t1\t2\ta\n2\t0.5\t3\taa\n"


@pytest.mark.parametrize(
    ("number", "message"),
    [
        ("2", "2.0 is not in the range 0<=x<=1."),
        ("nan", "must be a number, got 'nan'."),
    ],
)
def test_wrong_min_score(cli, number, message):
    """A --min-score that is no probability is wrong usage."""
    result = cli("rank", "q", "--min-score", number, stdin="a\n")

    assert result.exit_code == 2
    assert result.stderr.endswith(
        f"Error: Invalid value for '--min-score': {message}\n"
    )


def test_min_score_of_the_config_keeps_its_name(cli, tmp_path):
    """An error about a setting of the config file names no flag that sets it."""
    config = tmp_path / "resift.toml"
    config.write_text('[rerankers.mine]\nuse = "bm25"\nmin_score = 0.5\n')

    result = cli("rank", "q", "-r", "mine", stdin="a\n")

    assert result.exit_code == 1
    assert "Reranker 'mine' (resift 0.1.0): min_score needs scores" in result.stderr
    assert "Cut by --top-k" in result.stderr


@pytest.mark.parametrize(
    ("stdin", "message"),
    [
        ("", "there are no documents to rank"),
        ("aa\n", "no result scores as high as --min-score"),
    ],
)
def test_nothing_to_show_on_a_terminal(chance, terminal, stdin, message):
    """A note says why there is no table."""
    shown = terminal("rank", "q", "-r", "chance", "--min-score", 0.9, stdin=stdin)

    assert shown.text == ""
    assert shown.stderr == f"note: {message}.\n"
    assert shown.returncode == 0


def test_bom_and_odd_line_separators(cli):
    """A byte order mark is no text, and only a newline ends a document."""
    result = cli("rank", "red", "-k", 1, stdin="\ufeffred\u2028fox\x0bden\n".encode())

    assert result.stdout.endswith("\t1\tred fox den\n")


def test_lone_surrogate_is_shown(program):
    """A text that no terminal can show still prints."""
    done = program("rank", "red", stdin='{"text": "red \\ud800"}\n')

    assert done.returncode == 0
    assert done.stdout.endswith("\t1\tred ?\n")


def test_hundred_thousand_lines(cli):
    """A hundred thousand documents are ranked and printed."""
    result = cli("rank", "fox", stdin="a fox\n" + "a whale\n" * 99_999)

    assert result.stdout.count("\n") == 100_000


def test_what_a_plugin_prints_is_no_result(fake_distribution, program):
    """What a plugin prints, when built, asked or closed, is kept out of the output."""
    fake_distribution(
        "resift-chatty",
        modules={
            "resift_chatty": "import resift\n"
            "class Chatty:\n"
            "    def __init__(self):\n"
            "        print('welcome')\n"
            "    @resift.hookimpl\n"
            "    def score(self, query, documents):\n"
            "        print('working')\n"
            "        return [1.0] * len(documents)\n"
            "    @resift.hookimpl\n"
            "    def close(self):\n"
            "        print('goodbye')\n"
        },
        rerankers={"chatty": "resift_chatty:Chatty"},
    )

    done = program("rank", "q", "-r", "chatty", "--json", stdin="a\n")

    assert json.loads(done.stdout)["document"] == "a"
    assert done.stderr.split() == ["welcome", "working", "goodbye"]


def test_notes_go_to_standard_error(fake_distribution, program):
    """What the user must know stands beside the result, not in it."""
    fake_distribution(
        "resift-noted",
        modules={
            "resift_noted": "import resift\n"
            "class Noted:\n"
            "    @resift.hookimpl\n"
            "    def score(self, query, documents):\n"
            "        n = len(documents)\n"
            "        return resift.Scores(\n"
            "            [1.0] * n, {'why': ['because'] * n}, ['half of it was cut']\n"
            "        )\n"
        },
        rerankers={"noted": "resift_noted:Noted"},
    )

    done = program("rank", "q", "-r", "noted", "--json", stdin="a\n")

    assert done.stderr == "note: half of it was cut\n"
    assert json.loads(done.stdout)["columns"] == {"why": "because"}


@pytest.mark.parametrize("width", [40, 80, 120])
def test_on_a_terminal(animals, terminal, width):
    """On a terminal each line shows the rank before and the way moved."""
    shown = terminal("rank", "red fox", animals, width=width)

    assert shown.lines[0].split() == ["#", "score", "was", "text"]
    assert shown.lines[1].split()[0::2][:2] == ["1", "2"]
    assert "2 ▲1" in shown.lines[1]
    assert "\x1b[32m▲1" in shown.raw
    assert max(map(len, shown.lines)) <= width


def test_explained_on_a_terminal(animals, terminal):
    """--explain tells each result's stages, one fact a line."""
    shown = terminal(
        *("rank", "red fox", animals, "-k", 1, "--explain", "-r", "ensemble"),
        *("-o", 'rerankers=["incoming", "bm25"]'),
    )

    assert [line.split()[:2] for line in shown.lines if line] == [
        ["1", "0.03252"],
        ["was", "rank"],
        ["incoming", "score"],
        ["bm25", "score"],
        ["the", "quick"],
    ]


@pytest.mark.parametrize("arguments", [[], ["--explain"], ["--json"]])
def test_no_escape_of_a_document_reaches_a_terminal(terminal, arguments):
    """What a terminal would obey is left out of a document, its words are not."""
    text = "\x1b]0;owned\x07 \x1b[5mred\x1b[0m fox \x9b5m \x7f end"

    shown = terminal("rank", "fox", *arguments, stdin=f"{text}\n")

    obeyed = ("\x1b]", "\x1b[5m", "\x07", "\x9b", "\x7f")
    assert [sequence for sequence in obeyed if sequence in shown.raw] == []
    assert "red" in shown.text


def test_escapes_are_piped_as_they_are(program):
    """Piped, a document is what it was."""
    done = program("rank", "fox", stdin="\x1b[5mred fox\n")

    assert done.stdout.endswith("\t1\t\x1b[5mred fox\n")
