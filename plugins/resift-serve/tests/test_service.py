"""What is served, without a server around it."""

from __future__ import annotations

import logging

import pytest

from resift import Registry
from resift.testing.fixtures import fake_distribution as fake_distribution
from resift_serve.service import Service

CONFIG = '[rerankers.words]\nuse = "bm25"\n'
FAILING = """
    import resift

    class Failing:
        '''Fails when it is closed.'''

        @resift.hookimpl
        def score(self, documents):
            return [0.0 for _ in documents]

        @resift.hookimpl
        def close(self):
            raise OSError("the socket is gone")
"""


@pytest.fixture(name="path")
def _path(tmp_path):
    path = tmp_path / "resift.toml"
    path.write_text(CONFIG)
    return path


@pytest.fixture(name="service")
def _service(path):
    service = Service(Registry(path))
    yield service
    service.close()


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        b"",
        b"[rerankers.words\n",
        b"\xff\xfe",
        b"rerankers = 3",
        b"[rerankers.words]\nuse = 3",
        b"[rerankers.words]\nuse = 'bm25'\nuze = 1",
        b"[rerankers.words]\nuse = 'bm25'\noptions = { k1 = 'x' }",
        b"[rerankers.words]\nuse = 'not-installed'",
        b"[rerankers.words]\nuse = 'words'",
    ],
)
def test_a_wrong_file_keeps_what_there_was(service, path, wrong, caplog):
    """No file, no TOML, no table, no such option: the old reranker goes on."""
    service.load()
    before = service.registry.get("words").plugin
    path.unlink()
    if wrong is not None:
        path.write_bytes(wrong)

    is_read = service.reload()

    assert not is_read
    assert service.registry.get("words").plugin is before
    assert service.state("words").status == "ready"
    assert caplog.messages[-1].startswith("the config is kept as it was: ")


def test_what_fails_to_close_does_not_stop_a_reload(fake_distribution, path, caplog):
    """The new names are served, and the failure is in the log."""
    fake_distribution(
        "resift-failing",
        modules={"resift_failing": FAILING},
        rerankers={"failing": "resift_failing:Failing"},
    )
    path.write_text('[rerankers.old]\nuse = "failing"\n')
    service = Service(Registry(path))
    service.load()
    path.write_text(CONFIG)

    with caplog.at_level(logging.WARNING):
        is_read = service.reload()
    service.load()
    service.close()

    assert is_read
    assert service.names == ["words"]
    assert service.state("words").status == "ready"
    assert [message for message in caplog.messages if "close" in message] == [
        "Reranker 'old' (resift-failing 1.0): close failed: OSError: the socket is gone"
    ]
