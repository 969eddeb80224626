"""`resift mcp`: what an agent gets, asked by the package's own client."""

from __future__ import annotations

import asyncio
import json
import sys

import lancedb
import pytest

import resift

pytest.importorskip("mcp", reason="the extra 'mcp' is not installed")

from mcp import Client, StdioServerParameters

from resift_serve.agents import agents_server
from resift_serve.database import Database

DOCUMENTS = ["tax law", "the red fox sleeps", "foxes"]
CONFIG = {
    "default": "words",
    "rerankers": {
        "words": {"use": "bm25"},
        "down": {
            "use": "fallback",
            "options": {
                "rerankers": [
                    {
                        "use": "http",
                        "options": {"base_url": "http://127.0.0.1:9", "max_retries": 0},
                    }
                ]
            },
        },
    },
}


def ask(question, database=None):
    """Run *question* with a client of a server of CONFIG."""

    async def asked():
        with resift.Registry(CONFIG) as registry:
            async with Client(agents_server(registry, database)) as client:
                return await question(client)

    return asyncio.run(asked())


def call(tool, database=None, **arguments):
    return ask(lambda client: client.call_tool(tool, arguments), database)


@pytest.fixture(name="database", scope="module")
def _database(tmp_path_factory):
    folder = tmp_path_factory.mktemp("db")
    rows = [
        {"text": text, "vector": [0.0, 1.0], "n": i} for i, text in enumerate(DOCUMENTS)
    ]
    table = lancedb.connect(folder).create_table("notes", rows)
    table.create_index("text", config=lancedb.index.FTS())
    return Database(str(folder))


def test_documents_are_ranked(capfd):
    """The answer has a structure, and texts only as long as was asked for."""
    answer = call(
        "rerank", query="red fox", documents=DOCUMENTS, top_n=2, max_characters=7
    )

    assert not answer.is_error
    assert answer.structured_content["reranker"] == "words"
    assert answer.structured_content["score_kind"] == "ordinal"
    results = answer.structured_content["results"]
    assert [(r["index"], r["rank"]) for r in results] == [(1, 1), (0, 2)]
    assert [r["text"] for r in results] == ["the red\u2026", "tax law"]
    assert capfd.readouterr() == ("", "")


def test_tools_are_described_and_only_read():
    """Without a database there is nothing to search."""
    tools = ask(lambda client: client.list_tools()).tools

    assert [tool.name for tool in tools] == ["rerank"]
    assert tools[0].annotations.read_only_hint
    assert tools[0].output_schema["properties"].keys() == {
        "reranker",
        "score_kind",
        "results",
        "notes",
    }


def test_the_configured_rerankers_are_a_resource(database):
    """With the tables that can be searched, where there are any."""
    found = ask(lambda client: client.read_resource("resift://rerankers"), database)

    assert json.loads(found.contents[0].text) == {
        "rerankers": [
            {"name": "words", "use": "bm25"},
            {"name": "down", "use": "fallback"},
        ],
        "tables": ["notes"],
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"query": "q", "documents": DOCUMENTS, "reranker": "resift:bm25"},
            "No reranker of that name is configured. Configured: 'words', 'down'.",
        ),
        (
            {"query": " ", "documents": DOCUMENTS},
            "Reranker 'words' (resift 0.1.0) needs a query that is not blank, got ' '.",
        ),
        ({"query": "q", "documents": []}, "documents must hold at least one text."),
        (
            {"query": "secret words", "documents": DOCUMENTS, "reranker": "down"},
            "The documents were not reranked: fallback: http ",
        ),
    ],
)
def test_an_agent_is_told_what_to_do_about_an_error(capfd, arguments, message):
    """What is not reranked is refused, and nothing is written to standard error."""
    answer = call("rerank", **arguments)

    assert answer.is_error
    assert message in answer.content[0].text
    assert capfd.readouterr() == ("", "")


def test_a_table_is_searched(database):
    """Rows come without their vectors."""
    answer = call("search", database, query="red fox", table="notes", limit=1)

    (row,) = answer.structured_content["rows"]
    assert (row["text"], row["n"]) == ("the red fox sleeps", 1)
    assert "vector" not in row


def test_an_unknown_table_is_told_with_the_known(database):
    """The agent can choose another."""
    answer = call("search", database, query="q", table="other")

    assert answer.is_error
    assert "There is no table of that name. Tables: 'notes'." in answer.content[0].text


@pytest.mark.slow
def test_the_command_speaks_over_standard_input(tmp_path):
    """As an agent's host starts it."""
    path = tmp_path / "resift.toml"
    path.write_text('default = "words"\n[rerankers.words]\nuse = "bm25"\n')
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "resift", "mcp", "--config", str(path)],
    )

    async def asked():
        async with Client(command) as client:
            arguments = {"query": "red fox", "documents": DOCUMENTS}
            return await client.call_tool("rerank", arguments)

    answer = asyncio.run(asked())

    assert answer.structured_content["results"][0]["index"] == 1
