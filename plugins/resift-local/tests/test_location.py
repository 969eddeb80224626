from __future__ import annotations

import sys
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from resift.errors import ModelError
from resift_local import located

located = partial(
    located, "acme", kind="model", owner="acme", revision="v9", local_files_only=False
)


class Hub(BaseHTTPRequestHandler):
    """Answers as the Hub does; the model's name says how."""

    def do_HEAD(self):
        reason = self.path.split("/")[2]
        self.send_response({"fine": 200, "GatedRepo": 403}.get(reason, 404))
        if reason != "fine":
            self.send_header("X-Error-Code", reason)
        self.send_header("ETag", "1")
        self.send_header("Content-Length", "1")
        self.end_headers()

    def log_message(self, *_):
        """Keep quiet."""


@pytest.fixture
def at(monkeypatch):
    """Let huggingface_hub ask another server than the Hub."""
    from huggingface_hub import constants

    def ask(url):
        template = f"{url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "ENDPOINT", url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)

    return ask


@pytest.fixture
def hub(at):
    """A server that answers as the Hub does."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        at(f"http://127.0.0.1:{server.server_port}")
        yield
        server.shutdown()
        thread.join()


def test_a_folder_is_local(tmp_path, monkeypatch):
    """A folder is taken as it is, with ~ expanded, and the Hub is not asked."""
    monkeypatch.setenv("HOME", str(tmp_path.parent))

    assert located(tmp_path) == (str(tmp_path), True)
    assert located(f"~/{tmp_path.name}") == (str(tmp_path), True)


@pytest.mark.parametrize("model", ["./no", "~/no", "a/b/c", "a\\b", Path("no")])
def test_what_looks_like_a_path_must_be_a_folder(model):
    """It is not looked for on the Hub."""
    with pytest.raises(ModelError) as caught:
        located(model)

    assert str(caught.value) == (
        f"acme: option 'model': there is no folder {str(model)!r}. Give the folder of "
        "a saved model, or a name on the Hub."
    )


@pytest.mark.parametrize(
    ("model", "name"),
    [("fine", "acme/fine"), ("b/fine", "b/fine"), ("b/EntryNotFound",) * 2],
)
def test_a_name_on_the_hub(hub, model, name):
    """A bare name is the owner's; files may be missing, or come from the cache only."""
    assert located(model) == (name, False)
    assert located(model, local_files_only=True) == (name, True)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            reason,
            f"acme: option 'model': the Hub has no model 'b/{reason}' that you may "
            "read. Check the name; for a private or gated one run 'hf auth login'; for "
            "one that is already in the cache set local_files_only=True.",
        )
        for reason in ("RepoNotFound", "GatedRepo")
    ]
    + [
        (
            "RevisionNotFound",
            "acme: option 'revision': 'b/RevisionNotFound' has no 'v9'.",
        ),
        (
            "a b",
            "acme: option 'model': 'b/a b' is neither a folder nor a name on the Hub.",
        ),
    ],
)
def test_what_the_hub_refuses(hub, model, message):
    """Each refusal of the Hub says which option to correct, or what to do."""
    with pytest.raises(ModelError) as caught:
        located(f"b/{model}")

    assert str(caught.value) == message


def test_a_hub_that_cannot_be_reached(at):
    """Then the cache has to do."""
    at("http://127.0.0.1:9")

    assert located("b/fine") == ("b/fine", True)


def test_without_the_client_of_the_hub(monkeypatch, tmp_path):
    """A folder needs no client; a name says which extra brings it."""
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)

    assert located(tmp_path) == (str(tmp_path), True)
    assert located("b/fine", local_files_only=True) == ("b/fine", True)
    with pytest.raises(ModelError) as caught:
        located("b/fine")
    assert str(caught.value) == (
        "acme: option 'model': 'b/fine' is a name on the Hub, and huggingface_hub is "
        "not installed. Run: pip install 'resift-local[hub]', or give the folder of a "
        "saved model."
    )
