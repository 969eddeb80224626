"""Who comes in, and who does not."""

from __future__ import annotations

import contextlib
import json
import time

import pytest

QUESTION = {"query": "red fox", "documents": ["tax law", "the red fox"]}
ADDRESS = "http://10.1.2.3:9/private"


@pytest.fixture(name="locked", scope="module")
def _locked(running):
    with running(keys=["first key", "second-key"]) as client:
        yield client


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic second-key"},
        {"Api_Key": "second-key2"},
        {"X_API_Key": "\u00ff"},
    ],
)
def test_without_a_key_of_the_list_nothing_is_answered(locked, headers):
    """Missing, wrong and misplaced keys get the same answer."""
    answer = locked.post("/v1/rerank", QUESTION, **headers)

    assert answer.status == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json["message"] == (
        "The key is missing or wrong. Send it as 'Authorization: Bearer KEY'."
    )


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer first key"},
        {"Authorization": "bearer second-key"},
        {"Api_Key": "second-key"},
        {"X_API_Key": "second-key"},
    ],
)
def test_each_key_opens_the_door_in_each_header(locked, headers):
    """Pinecone's clients have a header of their own."""
    assert locked.post("/v1/rerank", QUESTION, **headers).status == 200


def test_a_wrong_key_is_refused_before_the_body_is_read(locked):
    """The answer comes although only the head was sent."""
    with locked.connect() as connection:
        connection.sendall(
            b"POST /v1/rerank HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Length: 1000000\r\nContent-Type: application/json\r\n\r\n"
        )
        answer = connection.recv(100)

    assert answer.startswith(b"HTTP/1.1 401")


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_probes_need_no_key(locked, path):
    """What restarts a container has none."""
    assert locked.get(path).status == 200


@pytest.mark.parametrize("path", ["/metrics", "/v1/models", "/info", "/openapi.json"])
def test_whatever_tells_of_the_config_needs_a_key(locked, path):
    """Names and measures are not for everybody."""
    assert locked.get(path).status == 401


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "", "multipart/form-data"],
)
def test_what_a_web_page_may_send_unasked_is_refused(client, kind):
    """A browser asks before it sends JSON to another site, and is told no."""
    headers = {"Content-Type": kind} if kind else {}
    answer = client.send("POST", "/v1/rerank", json.dumps(QUESTION).encode(), headers)

    assert answer.status == 415
    assert answer.json["error"]["type"] == "unsupported_media_type"


def test_json_with_a_charset_is_json(client):
    """Some clients add one."""
    kind = "application/json; charset=utf-8"

    assert client.post("/v1/rerank", QUESTION, Content_Type=kind).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:7979", "localhost.evil"]
)
def test_a_foreign_host_is_refused(running, host):
    """A page cannot point its own name at this machine and read what is here."""
    with running(hosts=["localhost", "127.0.0.1"]) as client:
        statuses = [
            client.post("/v1/rerank", QUESTION, Host=host).status,
            client.get("/v1/models", Host=host).status,
            client.get("/v1/models", Host="localhost:1").status,
        ]

    assert statuses == [421, 421, 200]


def test_no_other_site_is_told_that_it_may_ask(client):
    """There are no CORS headers unless a site is named."""
    asked = client.send(
        "OPTIONS",
        "/v1/rerank",
        headers={
            "Origin": "https://evil.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        },
    )
    answer = client.post("/v1/rerank", QUESTION, Origin="https://evil.example")

    assert asked.status == 405
    assert [
        n for n in {**asked.headers, **answer.headers} if "access-control" in n
    ] == []


def test_a_site_that_is_named_may_ask(running):
    """It, and no other."""
    site = "https://app.example"
    with running(origins=[site], keys=["k"]) as client:
        preflight = {"Origin": site, "Access-Control-Request-Method": "POST"}
        asked = client.send("OPTIONS", "/v1/rerank", headers=preflight)
        other = client.send(
            "OPTIONS", "/v1/rerank", headers=preflight | {"Origin": "https://b.example"}
        )

    assert (asked.status, other.status) == (204, 401)
    assert asked.headers["access-control-allow-origin"] == site
    assert "access-control-allow-origin" not in other.headers


def test_beyond_this_machine_a_key_is_needed(tmp_path, monkeypatch, cli):
    """The command refuses to start."""
    path = tmp_path / "resift.toml"
    path.write_text('[rerankers.words]\nuse = "bm25"\n')
    monkeypatch.delenv("RESIFT_API_KEYS", raising=False)

    said = cli("serve", "--config", path, "--host", "192.0.2.1", "--port", "0")

    assert said.code == 2
    assert said.errors.splitlines()[-1] == (
        "Error: --host 192.0.2.1 can be reached from other machines, which needs a "
        "key. Set RESIFT_API_KEYS, or give --keys."
    )


def test_a_config_without_rerankers_is_not_served(tmp_path, cli):
    """Nothing but the names of the config could be."""
    path = tmp_path / "resift.toml"
    path.write_text("")

    said = cli("serve", "--config", path)

    assert said.code == 2
    assert said.errors.splitlines()[-1] == (
        f"Error: {path} names no reranker, and nothing else is "
        "served. Add a table [rerankers.NAME] to resift.toml."
    )


FAILING = {
    "rerankers": {
        "safe": {
            "use": "fallback",
            "options": {
                "rerankers": [
                    {
                        "use": "http",
                        "options": {"base_url": ADDRESS, "timeout": 0.2},
                    },
                    "bm25",
                ],
                "timeouts": [0.3, "share"],
            },
        },
        "alone": {
            "use": "http",
            "options": {"base_url": "http://127.0.0.1:9/private", "max_retries": 0},
        },
    },
    "default": "safe",
}


@pytest.fixture(name="leaky", scope="module")
def _leaky(running):
    with running(FAILING) as client:
        yield client


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via"])
def test_addresses_are_told_to_callers_of_this_machine_alone(leaky, header):
    """Whoever comes by a proxy may be anyone."""
    near = [
        leaky.post("/v1/rerank", QUESTION | {"model": model})
        for model in ("safe", "alone")
    ]
    far = [
        leaky.post("/v1/rerank", QUESTION | {"model": model}, **{header: "1.2.3.4"})
        for model in ("safe", "alone")
    ]
    models = leaky.get("/v1/models", **{header: "1.2.3.4"})

    assert [answer.status for answer in (*near, *far)] == [200, 502, 200, 502]
    assert b"127.0.0.1:9/private" in near[1].body
    texts = [note["text"] for note in far[0].json["notes"]]
    assert "bm25: degraded" in texts
    assert far[1].json["message"] == "The reranker 'alone' failed (ServerError)."
    for answer in (*far, models):
        assert b"10.1.2.3" not in answer.body
        assert b"127.0.0.1" not in answer.body
        assert b"private" not in answer.body


def test_a_slow_body_is_given_up(running, limits):
    """The client is told so, and the connection ends."""
    with running(limits=limits(body_seconds=0.3)) as client, client.connect() as slow:
        slow.sendall(
            b"POST /v1/rerank HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n"
            b'Content-Type: application/json\r\n\r\n{"query"'
        )
        answer = b""
        while chunk := slow.recv(4096):
            answer += chunk

    assert answer.startswith(b"HTTP/1.1 408")
    assert b"The body did not arrive within 0.3 s." in answer


@pytest.mark.parametrize(
    "sent", [b"", b"POST /v1/rer", b"GET /health HTTP/1.1\r\nHost: x\r\n"]
)
def test_half_a_header_is_given_up(running, sent):
    """A connection that says nothing more is closed."""
    with running(header_seconds=0.3) as client, client.connect() as slow:
        slow.sendall(sent)
        begun = time.monotonic()
        answer = slow.recv(100)

    assert answer == b""
    assert time.monotonic() - begun >= 0.2


def test_half_a_header_after_an_answer_is_given_up(running):
    """The second request of a connection has the same time."""
    with running(header_seconds=0.3) as client, client.connect() as slow:
        slow.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        first = slow.recv(4096)
        while not first.endswith(b"}"):
            first += slow.recv(4096)
        slow.sendall(b"GET /heal")
        second = slow.recv(100)

    assert first.startswith(b"HTTP/1.1 200")
    assert second == b""


def test_a_header_without_an_end_is_given_up(running):
    """It is closed before its time is up; one that is only long is answered."""
    with running() as client, client.connect() as endless, client.connect() as long:
        long.sendall(
            b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 30_000
        )
        long.sendall(b"\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            endless.sendall(b"GET /health HTTP/1.1\r\nX-Long: " + b"x" * 200_000)
        answer = b""
        with contextlib.suppress(ConnectionError):
            answer = endless.recv(100)

        assert answer == b""
        assert long.recv(100).startswith(b"HTTP/1.1 200")


def test_too_long_a_body_is_answered_and_not_cut_off(running, limits):
    """The client has sent all of it before it reads why that was too much."""
    with running(limits=limits(max_body=1000)) as client:
        answers = [
            client.post("/v1/rerank", b" " * size) for size in (1001, 4000, 2_000_000)
        ]
        fits = client.post("/v1/rerank", QUESTION)

    assert [answer.status for answer in (*answers[:2], fits)] == [413, 413, 200]
    assert answers[0].json["message"] == (
        "The body must have at most 1000 bytes. Send fewer documents."
    )


def test_a_request_keeps_its_number(client):
    """A good number is the caller's own, and the answer's; another is replaced."""
    good = client.post("/v1/rerank", QUESTION, X_Request_Id="abc-1.2:3")
    bad = client.post("/v1/rerank", QUESTION, X_Request_Id="a b\tc" + "x" * 100)

    assert good.headers["x-request-id"] == good.json["id"] == "abc-1.2:3"
    assert bad.headers["x-request-id"] == bad.json["id"]
    assert len(bad.json["id"]) == 16
