"""Connections: certificates, proxies, redirects, and how they end."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import sys
import textwrap
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from resift_remote import Connection, Deadline, Pool, Request, check_ca_file, proxy_for
from resift_remote.testing import RerankServer

BODY = {"model": "m", "query": "q", "documents": ["Paris"]}


def ask(url, ca_file=None, **options):
    """Return the reply of one exchange, tried up to three times."""
    connection = Connection(2, ca_file, **options)
    try:
        return connection.send(Request(url, {}, BODY), Deadline(10))
    finally:
        connection.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for this machine that nobody vouches for, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes"),
            *("-keyout", key, "-out", certificate, "-days", "2"),
            *("-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


@pytest.fixture
def secure(certificate):
    """A server behind TLS that answers ``{}``."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            """Keep quiet."""

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    """Hide the certificates and proxies of whoever runs the tests."""
    for name in ("http", "https", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_proxy".upper(), raising=False)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)


def test_a_certificate_that_is_not_trusted_is_not_tried_again(secure):
    """It would be refused again; the remedy names the option and the variable."""
    reply = ask(secure)

    assert "CERTIFICATE_VERIFY_FAILED" in reply.lost
    assert reply.attempts == 1
    assert reply.remedy == (
        "Give the certificates that vouch for it, as a PEM file: option 'ca_file', or "
        "the environment variable SSL_CERT_FILE."
    )


def test_a_certificate_can_be_trusted(secure, certificate, monkeypatch):
    """By the option, or by the variable for all programs."""
    by_option = ask(secure, certificate[0])
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    by_variable = ask(secure)

    assert (by_option.status, by_variable.status) == (200, 200)


def test_a_server_without_tls_is_not_tried_again():
    """An address that begins with https:// by mistake is told so."""
    with RerankServer("cohere") as server:
        reply = ask(server.url.replace("http:", "https:"))

    assert reply.attempts == 1
    assert reply.remedy == "Check whether 'base_url' must begin with 'http://'."


@pytest.mark.parametrize(
    ("text", "why"), [(None, "No such file or directory"), ("odd", "")]
)
def test_a_file_without_certificates_is_refused(tmp_path, text, why):
    """Before anything is asked, and by name."""
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text)

    with pytest.raises(
        ValueError, match="option 'ca_file' must be a file of"
    ) as caught:
        check_ca_file(path)
    assert repr(str(path)) in str(caught.value)
    assert why in str(caught.value)


def test_a_redirect_is_not_followed_and_shown():
    """Its address is made whole, without parameters."""
    with RerankServer("cohere") as server:
        server.redirect(307, "/v2/rerank/?token=secret")
        reply = ask(f"{server.url}/v2/rerank")

        assert reply.status == 307
        assert reply.location == f"{server.url}/v2/rerank/"
        assert len(server.requests) == 1


def test_a_proxy_is_used_and_named(monkeypatch):
    """A server that cannot be reached through one says through which."""
    with RerankServer("cohere") as proxy:
        address = proxy.url.replace("//", "//me:secret@")
        monkeypatch.setenv("HTTP_PROXY", address)
        proxy.fail(502)
        proxy.fail(400)
        reply = ask("http://rerank.example/v2/rerank")

        assert [request.status for request in proxy.requests] == [502, 400]
        assert reply.proxy == proxy.url


@pytest.mark.parametrize(
    ("status", "attempts", "shown", "remedy"),
    [
        (403, 1, 0, "The proxy does not let it through; ask those who run it."),
        (407, 1, 407, ""),
        (502, 3, 0, ""),
    ],
)
def test_a_proxy_that_opens_no_tunnel(monkeypatch, status, attempts, shown, remedy):
    """It is asked again only where that may help: not after 403 or 407."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            """Keep quiet."""

        def do_CONNECT(self):
            asked.append(self.path)
            self.send_error(status)

    monkeypatch.setattr("resift_remote.retries.backoff", lambda *_: 0.0)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("HTTPS_PROXY", address)
    reply = ask("https://rerank.example/v2/rerank")
    server.shutdown()
    server.server_close()
    thread.join()

    assert asked == ["rerank.example:443"] * attempts
    assert (reply.attempts, reply.status, reply.remedy) == (attempts, shown, remedy)
    assert reply.proxy == address


def test_this_machine_is_asked_without_a_proxy(monkeypatch):
    """A proxy does not know what listens here."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with RerankServer("cohere") as server:
        reply = ask(f"{server.url}/v2/rerank")
        failed = ask(f"{server.url}/nowhere")

    assert reply.succeeded
    assert (failed.status, failed.proxy) == (404, "")


def test_which_proxy_is_meant(monkeypatch):
    """By scheme, without its password, and not for hosts that are excepted."""
    monkeypatch.setenv("HTTPS_PROXY", "me:secret@proxy:3128")
    monkeypatch.setenv("NO_PROXY", "inside.example")

    assert proxy_for("https://api.example/v1") == "http://proxy:3128"
    assert proxy_for("https://inside.example/v1") == ""
    assert proxy_for("http://api.example/v1") == ""
    assert proxy_for("https://localhost:8000/") == ""
    assert proxy_for("https://0.0.0.0:8000/") == ""


def test_what_is_in_use_is_closed_by_its_last_user():
    """Nothing is taken away from a thread that reads from it."""
    shut = []
    pool = Pool(object, shut.append)
    with pool.using() as one, pool.using() as same:
        pool.close()
        pool.close()
        with pool.using() as other:
            assert shut == []
    pool.close()

    assert one is same
    assert shut == [one, other]


def test_what_is_dropped_is_closed():
    """Nobody has to call `close` for sockets not to leak."""
    shut = []
    pool = Pool(object, shut.append)
    value = pool.open()
    del pool

    assert shut == [value]


def test_a_request_under_way_outlives_close():
    """It gets its answer; the next request opens another client."""
    begun, going_on = threading.Event(), threading.Event()

    def score(query, text):
        if text == "slow":
            begun.set()
            going_on.wait(30)
        return 1.0

    replies = []
    with RerankServer("cohere", score=score) as server:
        connection = Connection(0)
        slow = Request(f"{server.url}/v2/rerank", {}, {**BODY, "documents": ["slow"]})
        thread = threading.Thread(
            target=lambda: replies.append(connection.send(slow, Deadline(60)))
        )
        thread.start()
        begun.wait(30)
        connection.close()
        quick = connection.send(Request(slow.url, {}, BODY), Deadline(60))
        connection.close()
        going_on.set()
        thread.join(30)

    assert quick.status == 200
    assert [reply.status for reply in replies] == [200]


def test_a_program_ends_while_a_request_is_under_way():
    """After a failure nothing waits for the rest, whatever the timeout."""
    program = textwrap.dedent(
        """
        import threading
        from resift_remote import Deadline, ask_together

        def ask(part):
            if part:
                raise ValueError("bad")
            threading.Event().wait(600)

        try:
            ask_together(ask, [0, 1], 2, Deadline(600))
        except ValueError as error:
            print(error)
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )

    assert done.stdout == "bad\n"
