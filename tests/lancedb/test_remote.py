"""The same rerankers on a remote table: a loopback server in front of a real one."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import lancedb
import numpy as np
import pyarrow as pa
import pytest

import resift
import resift.lancedb

FIELDS = [
    {"name": "id", "nullable": True, "type": {"type": "int32"}},
    {"name": "text", "nullable": True, "type": {"type": "string"}},
    {
        "name": "vector",
        "nullable": True,
        "type": {
            "type": "fixed_size_list",
            "length": 2,
            "fields": [{"name": "item", "nullable": True, "type": {"type": "float"}}],
        },
    },
]


class Cloud(BaseHTTPRequestHandler):
    """Answer the requests of LanceDB's remote client from an embedded table."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        path = self.path.partition("?")[0].rstrip("/")
        if path.endswith("/query"):
            self.server.queries.append(body)
            self.answer(self.query(body), "application/vnd.apache.arrow.file")
        elif path.endswith("/index/list"):
            index = {
                "index_name": "text_idx",
                "index_uuid": "0",
                "columns": ["text"],
                "index_type": "FTS",
                "index_status": "done",
                "status": "done",
            }
            self.answer(json.dumps({"indexes": [index]}).encode())
        elif path.endswith("/index/text_idx/stats"):
            stats = {"num_indexed_rows": 8, "num_unindexed_rows": 0}
            self.answer(
                json.dumps(
                    {**stats, "index_type": "FTS", "distance_type": None}
                ).encode()
            )
        else:
            table = {"version": 1, "schema": {"fields": FIELDS}, "stats": None}
            self.answer(json.dumps({**table, "name": "rows"}).encode())

    def query(self, body):
        table = self.server.table
        if text := body.get("full_text_query"):
            words = text.get("query", text)
            words = words if isinstance(words, str) else words["match"]["terms"]
            query = table.search(words, query_type="fts")
        else:
            query = table.search(np.array(body["vector"], dtype=np.float32).ravel())
        columns = body.get("columns") or ["id", "text", "vector"]
        columns = [name for name in columns if not name.startswith("_")]
        columns.append("_score" if text else "_distance")
        query = query.select(columns).with_row_id(bool(body.get("with_row_id")))
        result = query.limit(body["k"]).to_arrow()
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, result.schema) as writer:
            writer.write_table(result)
        return sink.getvalue().to_pybytes()

    def answer(self, body, kind="application/json"):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def cloud(table):
    """Return a server that speaks LanceDB's remote protocol on loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Cloud)
    server.table, server.queries = table, []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def remote(cloud):
    """Return the remote table."""
    host = f"http://127.0.0.1:{cloud.server_port}"
    db = lancedb.connect(
        "db://test", api_key="sk_test", region="local", host_override=host
    )
    return db.open_table("rows")


def test_a_remote_hybrid_query_is_reranked(remote, table):
    """A hybrid query on a remote table gives what the local one gives."""

    def run(searched):
        query = searched.search(query_type="hybrid").vector([1.0, 0.0]).text("apple")
        reranker = resift.lancedb.load("bm25")
        return query.limit(5).rerank(reranker).to_arrow().select(["id"])

    assert run(remote).equals(run(table))


def test_a_remote_vector_query_is_reranked(remote, longest):
    """A vector query on a remote table keeps its rows and sorts them."""
    query = remote.search([1.0, 0.0]).limit(4)

    reranked = query.rerank(resift.lancedb.load(longest), query_string="x").to_arrow()

    lengths = [len(text) for text in reranked["text"].to_pylist()]
    assert lengths == sorted(lengths, reverse=True)
    assert len(reranked) == 4


def test_search_on_a_remote_table_moves_no_vectors(remote, cloud, table):
    """`search` asks the server for the columns it needs, and no vector is one."""
    page = resift.lancedb.search(remote, "apple", vectors=[1.0, 0.0], limit=4)

    local = resift.lancedb.search(table, "apple", vectors=[1.0, 0.0], limit=4)
    assert page["id"].equals(local["id"])
    assert len(cloud.queries) == 2
    assert all("vector" not in query["columns"] for query in cloud.queries)


def test_options_of_the_builders_reach_the_server(remote, cloud):
    """What the legs are told is sent, and vectors' options to the vector leg only."""
    resift.lancedb.search(
        remote, "apple", vectors=[1.0, 0.0], distance_type="cosine", nprobes=7
    )

    told = {bool(q.get("full_text_query")): q for q in cloud.queries}
    assert told[False]["distance_type"] == "cosine"
    assert told[False]["nprobes"] == 7
    assert "nprobes" not in told[True]
