"""Checkpoints that cannot be loaded or used, and what the error says about it."""

from __future__ import annotations

import json
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from resift.errors import ModelError, ScoreError
from resift_colbert import ColBERT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def failure(model: str, **options: object) -> str:
    """Return what loading says; it must fail."""
    with pytest.raises(ModelError) as error:
        ColBERT(model=model, **options).warmup()  # type: ignore[arg-type]
    return str(error.value)


@pytest.fixture
def copy(model: str, tmp_path: Path) -> Path:
    """A copy of a good checkpoint, to be broken."""
    return Path(shutil.copytree(model, tmp_path / "copy"))


@pytest.mark.parametrize(
    "model", ["./nowhere", "/no/such/folder", "~/nowhere", "a/b/c"]
)
def test_a_folder_that_does_not_exist(model: str) -> None:
    """What looks like a path is not looked up on the Hub."""
    assert failure(model) == (
        f"colbert: option 'model': there is no folder {model!r}. Give the folder of a "
        "saved late-interaction model, or a name on the Hub."
    )


def test_a_folder_below_the_home_folder(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A path may begin with ~, as it does in config files."""
    monkeypatch.setenv("HOME", str(Path(model).parent))
    monkeypatch.setenv("USERPROFILE", str(Path(model).parent))

    colbert = ColBERT(model=f"~/{Path(model).name}", device="cpu")

    assert len(colbert.score("the red fox", ["fox"])) == 1


def test_a_name_that_is_not_on_this_machine() -> None:
    """Without the network only what was downloaded before can be loaded."""
    assert failure("nobody/nothing", local_files_only=True) == (
        "colbert: option 'model': 'nobody/nothing' is not in the local cache, and the "
        "Hub was not asked or cannot be reached. Load it once with a network, or give "
        "the folder of a saved model."
    )


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let huggingface_hub ask another server than the Hub."""
    from huggingface_hub import constants

    def at(url: str) -> None:
        template = f"{url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "ENDPOINT", url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)

    return at


class Refusal(BaseHTTPRequestHandler):
    """Answers as the Hub does when it refuses; the model's name says why."""

    def do_HEAD(self) -> None:
        reason = self.path.split("/")[2]
        self.send_response(403 if reason == "GatedRepo" else 404)
        self.send_header("X-Error-Code", reason)
        self.send_header("X-Error-Message", "no")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture(scope="module")
def refusing() -> Iterator[str]:
    """The address of a server that refuses everything."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusal) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        *(
            (
                reason,
                f"colbert: option 'model': the Hub has no model 'nobody/{reason}' that "
                "you may read. Check the name; for a private or gated one run 'hf auth "
                "login'; for one that is already in the cache set "
                "local_files_only=True.",
            )
            for reason in ("RepoNotFound", "GatedRepo")
        ),
        (
            "RevisionNotFound",
            "colbert: option 'revision': 'nobody/RevisionNotFound' has no 'v9'.",
        ),
        (
            "EntryNotFound",
            "colbert: option 'model': 'nobody/EntryNotFound' has no config.json. Name "
            "a ColBERT, PyLate or MultiVectorEncoder checkpoint.",
        ),
    ],
)
def test_what_the_hub_refuses(
    reason: str, message: str, refusing: str, hub: Callable[[str], None]
) -> None:
    """Each refusal of the Hub says which option to correct, or what to do."""
    hub(refusing)

    assert failure(f"nobody/{reason}", revision="v9") == message


def test_no_network(hub: Callable[[str], None]) -> None:
    """A Hub that cannot be reached is asked once; then the cache has to do."""
    hub("http://127.0.0.1:9")

    assert failure("nobody/nothing") == (
        "colbert: option 'model': 'nobody/nothing' is not in the local cache, and the "
        "Hub was not asked or cannot be reached. Load it once with a network, or give "
        "the folder of a saved model."
    )


@pytest.mark.parametrize(
    ("format", "kind"),
    [("bare", "BertModel"), ("single-vector", "SentenceTransformer")],
)
def test_a_model_without_a_projection(
    format: str, kind: str, checkpoint: Callable[[str], str]
) -> None:
    """sentence-transformers would make one up at random: wrong scores, and silent."""
    folder = checkpoint(format)

    assert failure(folder) == (
        f"colbert: option 'model': {folder!r} ({kind}) has no projection for tokens. "
        "Name a ColBERT, PyLate or MultiVectorEncoder checkpoint; an embedding model "
        "works with 'bi-encoder', a model that scores pairs with 'cross-encoder'."
    )


def test_an_empty_folder(tmp_path: Path) -> None:
    """A folder without a checkpoint is said to have none."""
    assert failure(str(tmp_path)) == (
        f"colbert: option 'model': '{tmp_path}' has no config.json. Name a ColBERT, "
        "PyLate or MultiVectorEncoder checkpoint."
    )


def test_code_that_comes_with_a_checkpoint_is_not_run(copy: Path) -> None:
    """Code in a checkpoint runs only where the option allows it."""
    config = json.loads((copy / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Config"}}
    (copy / "config.json").write_text(json.dumps(config))
    (copy / "own.py").write_text("raise SystemExit('it ran')")

    assert failure(str(copy)) == (
        f"colbert: option 'model': '{copy}' comes with code of its own. Read it, and "
        "if you trust it, set trust_remote_code=True."
    )


def test_weights_that_are_damaged(copy: Path) -> None:
    """The first line of what went wrong is passed on."""
    (copy / "model.safetensors").write_bytes(b"?")

    assert failure(str(copy)) == (
        f"colbert: option 'model': '{copy}' cannot be loaded as a late-interaction "
        "model (SafetensorError: Error while deserializing header: header too small)."
    )


def test_a_device_that_is_not_there(model: str) -> None:
    """A device that torch does not know, or this machine does not have, is named."""
    assert failure(model, device="gpu").startswith(
        "colbert: option 'device': 'gpu' is not a device of this machine or this "
        "build of torch (RuntimeError: Expected one of cpu, cuda, "
    )
    if not torch.cuda.is_available():
        assert failure(model, device="cuda").startswith(
            "colbert: option 'device': 'cuda' is not a device of this machine or this "
            "build of torch ("
        )


def test_a_failed_load_is_tried_again(copy: Path) -> None:
    """A checkpoint that was put right loads in the same reranker."""
    weights = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(b"?")
    colbert = ColBERT(model=str(copy), device="cpu")
    with pytest.raises(ModelError):
        colbert.warmup()

    (copy / "model.safetensors").write_bytes(weights)

    assert len(colbert.score("the red fox", ["fox"])) == 1


def test_threads_are_set_when_the_model_loads(model: str) -> None:
    """The option sets torch's threads for the process, at the first use."""
    before = torch.get_num_threads()
    colbert = ColBERT(model=model, device="cpu", threads=1)
    assert torch.get_num_threads() == before

    try:
        colbert.warmup()
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_weights_that_are_not_finite_are_refused(
    checkpoint: Callable[[str], str],
) -> None:
    """A model that overflows is an error, not a list of unscored documents."""
    broken = checkpoint("overflowing")
    colbert = ColBERT(model=broken, device="cpu", dtype="float16")

    with pytest.raises(ModelError) as error:
        colbert.score("the red fox", ["fox"])

    assert not isinstance(error.value, ScoreError)
    assert str(error.value) == (
        f"colbert: option 'dtype': {broken!r} gives token embeddings that are not "
        "finite in float16, 32 of 32. Set dtype='float32'."
    )
