"""A server on loopback, and requests to it without anybody's SDK."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from resift import Registry
from resift_serve.app import application
from resift_serve.limits import Limits
from resift_serve.server import Server
from resift_serve.service import Service

CONFIG = {"default": "words", "rerankers": {"words": {"use": "bm25"}}}


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


class Client:
    """Plain HTTP to one address."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.base = f"http://127.0.0.1:{port}"

    def send(self, method, path, body=None, headers=None) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            reply = connection.getresponse()
            names = {name.lower(): value for name, value in reply.getheaders()}
            return Reply(reply.status, names, reply.read())
        finally:
            connection.close()

    @contextmanager
    def staying(self):
        """Send all that follows over one connection, made anew when it was closed."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Content-Type": "application/json"}

        def post(path, body: bytes) -> Reply:
            connection.request("POST", path, body, headers)
            reply = connection.getresponse()
            return Reply(reply.status, {}, reply.read())

        with closing(connection):
            yield post

    def get(self, path, **headers) -> Reply:
        return self.send("GET", path, headers=headers)

    def post(self, path, body, **headers) -> Reply:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {k.replace("_", "-"): v for k, v in headers.items()}
        return self.send(
            "POST", path, data, {"Content-Type": "application/json"} | given
        )

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)


@contextmanager
def _running(config=CONFIG, *, limits=None, header_seconds=20.0, ready=True, **doors):
    """Serve a config in a thread; the client knows the service."""
    registry = Registry(config)
    service = Service(registry, limits or Limits())
    app = application(service, **doors)
    server = Server(app, service, header_seconds=header_seconds)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        _until(lambda: server.started)
        client = Client(server.port)
        client.service = service
        if ready:
            _until(
                lambda: all(service.state(n).status != "loading" for n in service.names)
            )
        yield client
    finally:
        server.should_exit = True
        thread.join(30)
        service.close()


def _is_loaded(service):
    return all(service.state(name).status != "loading" for name in service.names)


def _until(condition, seconds=30.0):
    """Wait for a condition."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            pytest.fail("it never came true")
        time.sleep(0.005)


@pytest.fixture(name="client", scope="session")
def _client():
    """One server of bm25 for all tests that only ask."""
    with _running() as client:
        yield client


@pytest.fixture(name="running", scope="session")
def _running_fixture():
    """Serves a config in a thread: ``with running(config) as client``."""
    return _running


@pytest.fixture(name="command", scope="session")
def _command_fixture():
    """Serves in a process: ``with command(folder) as (process, client)``."""
    return _command


@pytest.fixture(name="limits", scope="session")
def _limits_fixture():
    """Makes limits."""
    return Limits


@pytest.fixture(name="http_answering", scope="session")
def _http_answering_fixture():
    """Serves one answer to every POST: ``with http_answering(body) as base``."""
    return _http_answering


@pytest.fixture(name="cli", scope="session")
def _cli_fixture():
    """Runs ``resift ...`` to its end: ``cli("serve", ...)``."""
    return _cli


@pytest.fixture(name="until", scope="session")
def _until_fixture():
    """Waits until a condition is true."""
    return _until


@contextmanager
def _command(folder: Path, *arguments: str, env=None):
    """Run ``resift serve`` in a process of its own; yield it and its client."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "resift", "serve", "--port", str(port), *arguments],
        cwd=folder,
        env={**os.environ, **(env or {}), "PYTHONPATH": str(folder)},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    client = Client(port)
    try:
        _until(lambda: _answers(client, process))
        yield process, client
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _answers(client, process):
    assert process.poll() is None, process.stderr.read().decode()
    try:
        return client.get("/ready").status == 200
    except OSError:
        return False


@contextmanager
def _http_answering(body: bytes):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@dataclass
class Said:
    code: int
    output: str
    errors: str


def _cli(*arguments):
    from click.testing import CliRunner

    from resift_cli import main

    done = CliRunner().invoke(main, list(map(str, arguments)))
    return Said(done.exit_code, done.stdout, done.stderr)
