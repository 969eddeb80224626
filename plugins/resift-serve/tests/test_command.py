"""`resift serve` as a command: what it takes from the config, and what it refuses."""

from __future__ import annotations

import pytest

from resift_serve.server import Server

CONFIG = '[rerankers.words]\nuse = "bm25"\n[commands.serve]\n'


@pytest.fixture(name="started")
def _started(monkeypatch):
    """The servers that were to run; none does."""
    servers = []
    monkeypatch.delenv("RESIFT_API_KEYS", raising=False)
    monkeypatch.setattr(Server, "run", lambda server: servers.append(server))  # noqa: PLW0108  # a method
    return servers


@pytest.fixture(name="path")
def _path(tmp_path):
    return tmp_path / "resift.toml"


def test_the_config_gives_the_defaults_of_the_command(path, cli, started):
    """Its keys are the options, with hyphens or underscores; lists repeat one."""
    path.write_text(
        CONFIG + "port = 8123\nmax-documents = 9\ndrain_delay = 1.5\nqueue = 3\n"
        'allow-host = ["a.example", "b.example"]\n'
    )

    said = cli("serve", "--config", path)

    (server,) = started
    assert (said.code, said.errors) == (0, "")
    assert server.config.port == 8123
    assert server._drain_delay == 1.5
    assert (server._service.limits.max_documents, server._service.limits.queue) == (
        9,
        3,
    )
    assert {"a.example", "b.example", "localhost"} <= server.config.app._hosts


def test_the_command_line_beats_the_config(path, cli, started):
    """As everywhere."""
    path.write_text(CONFIG + "port = 8123\n")

    cli("serve", "--config", path, "--port", "8124")

    assert [server.config.port for server in started] == [8124]


def test_a_key_that_is_no_option_is_refused(path, cli, started):
    """With a near miss."""
    path.write_text(CONFIG + "max_document = 9\n")

    said = cli("serve", "--config", path)

    assert said.code == 1
    assert "unknown key 'max_document'. Did you mean 'max-documents'?" in said.errors
    assert started == []


def test_a_value_of_the_config_is_checked_like_an_argument(path, cli, started):
    """The error names the option."""
    path.write_text(CONFIG + "port = 'high'\n")

    said = cli("serve", "--config", path)

    assert said.code == 2
    assert "Invalid value for '--port': 'high' is not a valid integer" in said.errors
    assert started == []


def test_a_host_of_the_config_needs_keys_too(path, cli, started):
    """Where the address comes from makes no difference."""
    path.write_text(CONFIG + 'host = "0.0.0.0"\n')

    said = cli("serve", "--config", path)

    assert said.code == 2
    assert said.errors.splitlines()[-1] == (
        "Error: --host 0.0.0.0 can be reached from other machines, which needs a key. "
        "Set RESIFT_API_KEYS, or give --keys."
    )
    assert started == []


def test_keys_come_from_a_file(path, cli, started, tmp_path):
    """With keys it may listen anywhere, by any name."""
    path.write_text(CONFIG)
    keys = tmp_path / "keys"
    keys.write_text("one\ntwo\n")

    said = cli("serve", "--config", path, "--host", "192.0.2.1", "--keys", keys)

    assert (said.code, said.errors) == (0, "")
    assert started[0].config.app._hosts is None


def test_an_empty_file_of_keys_is_no_key(path, cli, started, tmp_path):
    """Nobody listens beyond this machine by mistake."""
    path.write_text(CONFIG)
    keys = tmp_path / "keys"
    keys.write_text("\n")

    said = cli("serve", "--config", path, "--host", "192.0.2.1", "--keys", keys)

    assert said.code == 2
    assert started == []
