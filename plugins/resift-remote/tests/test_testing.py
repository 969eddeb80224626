from __future__ import annotations

import http.client
import json
import time
from urllib.parse import urlsplit

import pytest

from resift_remote.testing import DIALECTS, RerankServer

BODY = {"model": "m", "query": "red fox", "documents": ["red", "a red fox", "blue"]}


def post(server, body=BODY, path="/v2/rerank", timeout=5, **headers):
    """Post JSON with nothing but the standard library; return status and answer."""
    connection = http.client.HTTPConnection(
        urlsplit(server.url).netloc, timeout=timeout
    )
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        connection.request("POST", path, raw, headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


@pytest.fixture
def server():
    """A server with Cohere's dialect that takes any key."""
    with RerankServer("cohere") as server:
        yield server


def test_results_are_sorted_and_name_their_documents(server):
    """The best document comes first; a score is the share of the query's words."""
    status, answer = post(server)

    assert status == 200
    assert answer["results"] == [
        {"index": 1, "relevance_score": 1.0},
        {"index": 0, "relevance_score": 0.5},
        {"index": 2, "relevance_score": 0.0},
    ]


def test_the_answer_is_cut_when_asked(server):
    """`top_n` keeps the best."""
    _, answer = post(server, {**BODY, "top_n": 1})

    assert [result["index"] for result in answer["results"]] == [1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"return_documents": True}, "Unknown field: return_documents"),
        ({"documents": []}, "documents must be a list with at least one document."),
        ({"documents": [{"text": "x"}]}, "documents must be a list of str."),
        ({"query": 1}, "query is missing or of the wrong type."),
        ({"top_n": 0}, "top_n must be between 1 and 3."),
        ({"top_n": 4}, "top_n must be between 1 and 3."),
    ],
)
def test_a_body_that_a_server_would_refuse_is_refused(server, change, message):
    """A client that sends too much or too little is found out."""
    assert post(server, {**BODY, **change}) == (422, {"message": message})


def test_a_body_that_is_no_json_is_refused(server):
    """Bytes that are no object are a 422, too."""
    assert post(server, b"nonsense") == (
        422,
        {"message": "The body is not a JSON object."},
    )
    assert server.requests[0].body is None


def test_more_documents_than_the_limit_are_refused():
    """`max_documents` is the limit of one request."""
    with RerankServer("cohere", max_documents=2) as server:
        got = post(server)

    assert got == (422, {"message": "3 documents are more than 2."})


def test_headers_and_parameters_that_a_server_insists_on():
    """Pinecone wants the version in a header, watsonx in the query string."""
    with RerankServer("pinecone") as server:
        pinecone = post(server, path="/rerank")
    with RerankServer("watsonx") as server:
        watsonx = post(server, path="/ml/v1/text/rerank")

    assert pinecone[1]["error"]["message"] == (
        "The header X-Pinecone-Api-Version is missing."
    )
    assert watsonx[1]["errors"][0]["message"] == "The parameter version is missing."


def test_the_key_is_checked():
    """Only the right key, in the dialect's header, is let in."""
    with RerankServer("cohere", api_key="right") as server:
        none, _ = post(server)
        wrong, _ = post(server, Authorization="Bearer wrong")
        right, _ = post(server, Authorization="Bearer right")

    assert (none, wrong, right) == (401, 401, 200)


def test_another_path_is_not_found(server):
    """Each dialect has its own path."""
    assert post(server, path="/v1/rerank")[0] == 404


def test_documents_are_echoed_where_asked():
    """Version 1 of Cohere's dialect sends the documents back on demand."""
    with RerankServer("cohere-v1") as server:
        _, answer = post(server, {**BODY, "return_documents": True}, "/v1/rerank")

    assert answer["results"][0]["document"] == {"text": "a red fox"}


def test_requests_are_recorded(server):
    """Method, path, headers, body and status of each request can be looked up."""
    post(server, path="/v2/rerank?a=1", **{"X-Test": "yes"})
    (request,) = server.requests

    assert (request.method, request.path, request.status) == ("POST", "/v2/rerank", 200)
    assert request.parameters == {"a": "1"}
    assert request.headers["x-test"] == "yes"
    assert request.body == BODY


def test_it_misbehaves_as_often_as_asked(server):
    """Faults come in the order they were asked for, and then it behaves."""
    server.fail(500, times=2)
    server.fail(429, message="Slow down.", retry_after=3)
    server.fail(400, times=9)
    got = [post(server) for _ in range(4)]
    server.behave()

    assert [status for status, _ in got] == [500, 500, 429, 400]
    assert got[2][1] == {"message": "Slow down."}
    assert post(server)[0] == 200


def test_a_fault_may_be_for_another_path():
    """`path` spares the rerank requests."""
    with RerankServer("tei") as server:
        server.fail(503, path="/info")
        body = {"query": "red fox", "texts": ["red"]}

        assert post(server, body, "/rerank")[0] == 200
        assert post(server, body, "/info")[0] == 503


def test_a_hanging_request_ends_with_the_server():
    """Nothing comes until the server closes, and then the connection is cut."""
    with RerankServer("cohere") as server:
        server.hang()
        with pytest.raises(TimeoutError):
            post(server, timeout=0.1)

    assert server.requests[0].status == 0


def test_a_dropped_answer_is_incomplete(server):
    """Half of the body comes, and then the connection is cut."""
    server.drop()

    with pytest.raises(http.client.IncompleteRead):
        post(server)


def test_a_dripping_answer_takes_its_time(server):
    """Every byte comes, one by one."""
    server.drip(0.001)
    start = time.monotonic()
    status, answer = post(server)

    assert status == 200
    assert len(answer["results"]) == 3
    assert time.monotonic() - start > 0.1


@pytest.mark.parametrize(
    ("how", "results"),
    [
        ("unsorted", [2, 0, 1]),
        ("missing", [1, 0]),
        ("empty", []),
        ("duplicate", [1, 0, 1]),
        ("out-of-range", [3, 0, 2]),
        ("negative-index", [-1, 0, 2]),
    ],
)
def test_results_are_spoiled_on_demand(server, how, results):
    """`corrupt` changes which documents an answer is about."""
    server.corrupt(how)
    _, answer = post(server)

    assert [result["index"] for result in answer["results"]] == results


def test_an_unknown_dialect_is_refused():
    """The message lists those that there are."""
    known = ", ".join(map(repr, DIALECTS))

    with pytest.raises(ValueError, match="dialect must be one of") as caught:
        RerankServer("nonsense")
    assert str(caught.value) == f"dialect must be one of {known}, got 'nonsense'."


def test_closing_twice_is_fine():
    """A test may close it early."""
    server = RerankServer()
    server.close()
    server.close()

    with pytest.raises(ConnectionRefusedError):
        post(server)
