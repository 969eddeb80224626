"""Rerankers made of others, by their names in a config: in LanceDB and on the shell."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

import resift.lancedb
from resift_cli import main

CONFIG = """
[rerankers.prompt]
use = "anytime"
options = { reranker = "bm25", block = 2, deadline = 30.0 }

[rerankers.fresh]
use = "boost"
options = { reranker = "bm25", boosts = [{ column = "id", curve = "log1p" }] }

[rerankers.varied]
use = "collapse"
options = { reranker = "bm25", by = "kind" }

[rerankers.sure]
use = "calibrate"
min_score = 0.01
options = { reranker = "bm25", scale = 1.0, shift = 0.0 }

[rerankers.why]
use = "highlight"
options = { reranker = "bm25", spans = 1, prune = true }
"""
EVIDENCE = {
    "prompt": {"_bm25_score"},
    "fresh": {"_bm25_score", "_boost_id"},
    "varied": {"_bm25_score"},
    "sure": {"_bm25_score"},
    "why": {"_bm25_score", "_spans", "pruned"},
}


@pytest.fixture
def config(tmp_path):
    """Write the config; return its path."""
    path = tmp_path / "resift.toml"
    path.write_text(CONFIG)
    return path


@pytest.mark.parametrize("name", EVIDENCE)
def test_a_builder_takes_it(name, table, config):
    """`.rerank()` of LanceDB's own search; no row is lost."""
    search = table.search("fox", query_type="fts").limit(8)
    expected = sorted(search.to_arrow()["id"].to_pylist())

    reranked = search.rerank(resift.lancedb.load(name, config=config)).to_arrow()

    assert sorted(reranked["id"].to_pylist()) == expected
    assert reranked["_relevance_score"].null_count < len(reranked)


@pytest.mark.parametrize("name", EVIDENCE)
def test_a_search_explains_it(name, table, config):
    """`resift.lancedb.search` fetches the columns it reads, and shows its evidence."""
    reranker = resift.load(name, config=config)

    plain = resift.lancedb.search(table, "fox", reranker=reranker, limit=8)
    found = resift.lancedb.search(
        table, "fox", reranker=reranker, limit=8, explain=True
    )

    assert EVIDENCE[name] <= set(found.column_names)
    own = {name for name in EVIDENCE[name] if name.startswith("_")}
    assert not own & set(plain.column_names)


@pytest.mark.parametrize("name", EVIDENCE)
def test_the_command_line_takes_it(name, table, config, tmp_path):
    """`resift search` with the same name, explained."""
    arguments = ["search", tmp_path, "rows", "fox", "-r", name, "--no-vector"]
    arguments += ["--config", config, "--explain", "--json"]

    result = CliRunner().invoke(main, list(map(str, arguments)))

    assert result.exit_code == 0, result.stderr
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert all(EVIDENCE[name] <= set(row) for row in rows)
