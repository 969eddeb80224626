"""`spans`: which parts of a document count, as Rerank 5 models say."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pyarrow as pa
import pytest

import resift
from resift.authors import SPANS
from resift.errors import OptionsError, ServerError

TEXTS = ["Lyon. Paris is the capital.", "Berlin.", "Tea."]


@contextmanager
def answering(results):
    """Serve one answer for every request; yield the address and the bodies."""
    bodies = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            size = int(self.headers["Content-Length"])
            bodies.append(json.loads(self.rfile.read(size)))
            answer = json.dumps({"id": "1", "results": results}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", bodies
    finally:
        server.shutdown()
        server.server_close()


def cohere(url, **options):
    """Load `cohere` with a server behind it."""
    return resift.load("cohere", config=None, base_url=url, api_key="key", **options)


RESULTS = [
    {
        "index": 0,
        "relevance_score": 0.9,
        "relevant_spans": [
            {"start": 6, "end": 27, "score": 0.8},
            {"start": 0, "end": 5, "score": 0.2},
        ],
    },
    {"index": 1, "relevance_score": 0.5},
    {"index": 2, "relevance_score": 0.1, "relevant_spans": None},
]


def test_spans_are_asked_for_and_shown():
    """They stand in the column that `highlight` has, in the order of the text."""
    with answering(RESULTS) as (url, bodies), cohere(url, spans=2) as reranker:
        scores = reranker.score("capital", TEXTS)

    assert bodies[0]["relevant_spans"] == {"mode": "enabled", "max_spans": 2}
    assert scores.columns["_spans"].type == SPANS
    assert scores.columns["_spans"].to_pylist() == [
        [
            {"start": 0, "end": 5, "score": 0.2},
            {"start": 6, "end": 27, "score": 0.8},
        ],
        [],
        [],
    ]


def test_spans_are_an_explanation():
    """`rerank` shows them when it explains."""
    rows = pa.table({"_rowid": [1, 2, 3], "text": TEXTS})
    with answering(RESULTS) as (url, _), cohere(url, spans=2) as reranker:
        plain = reranker.rerank("capital", rows)
        explained = reranker.rerank("capital", rows, explain=True)

    assert "_spans" not in plain.column_names
    assert explained["_spans"][0].as_py()[1] == {"start": 6, "end": 27, "score": 0.8}


def test_without_the_option_nothing_is_asked_or_shown():
    """Older models refuse a field that they do not know."""
    with answering(RESULTS) as (url, bodies), cohere(url) as reranker:
        scores = reranker.score("capital", TEXTS)

    assert "relevant_spans" not in bodies[0]
    assert dict(scores.columns) == {}


@pytest.mark.parametrize("span", [{"start": 0, "end": 99, "score": 0.5}, {}, 7])
def test_a_span_outside_its_document_is_a_wrong_answer(span):
    """Nothing is cut to fit."""
    results = [
        {"index": 0, "relevance_score": 0.9, "relevant_spans": [span]},
        *RESULTS[1:],
    ]
    with (
        answering(results) as (url, _),
        cohere(url, spans=2) as reranker,
        pytest.raises(ServerError) as error,
    ):
        reranker.score("capital", TEXTS)

    assert str(error.value).endswith(
        "the answer cannot be used: a relevant span must lie in its document of 27 "
        "characters."
    )


def test_no_spans_are_refused():
    """To ask for none is to leave the option out."""
    with pytest.raises(OptionsError, match=r"'spans' must be at least 1, got 0\."):
        resift.load("cohere", config=None, api_key="key", spans=0)
