"""Checkpoints that cannot be loaded or used, and what the error says about it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from resift.errors import ModelError
from resift_colbert import ColBERT

if TYPE_CHECKING:
    from collections.abc import Callable


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
        f"colbert: the option model names the folder {model!r}, which does not exist. "
        "Give the path of a checkpoint's folder, or a name on the Hugging Face Hub."
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
        "colbert: the model 'nobody/nothing' is not on this machine, or has no "
        "config.json. Download it where there is a network ('hf download "
        "nobody/nothing'), or give the option model the path of a folder."
    )


@pytest.mark.slow
def test_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Hub that cannot be reached is asked for one file, not for every one."""
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(
        huggingface_hub.constants,
        "HUGGINGFACE_CO_URL_TEMPLATE",
        "http://127.0.0.1:9/{repo_id}/resolve/{revision}/{filename}",
    )

    assert failure("nobody/nothing") == (
        "colbert: the model 'nobody/nothing' is not on this machine, and there is no "
        "network. Download it where there is a network ('hf download "
        "nobody/nothing'), or give the option model the path of a folder."
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
        f"colbert: the model {folder!r} is no late-interaction model ({kind}): it has "
        "no projection for tokens. Name a ColBERT, PyLate or MultiVectorEncoder "
        "checkpoint with the option model, or use the reranker 'bi-encoder' or "
        "'cross-encoder'."
    )


def test_an_empty_folder(tmp_path: Path) -> None:
    """A folder without a checkpoint is said to have none."""
    assert failure(str(tmp_path)) == (
        f"colbert: the model '{tmp_path}' has no config.json in its folder. Name a "
        "checkpoint's folder."
    )


def test_code_that_comes_with_a_checkpoint_is_not_run(copy: Path) -> None:
    """Code in a checkpoint runs only where the option allows it."""
    config = json.loads((copy / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Config"}}
    (copy / "config.json").write_text(json.dumps(config))
    (copy / "own.py").write_text("raise SystemExit('it ran')")

    assert failure(str(copy)) == (
        f"colbert: the model '{copy}' comes with code of its own, which is not run. "
        "Read it, then set trust_remote_code=True."
    )


def test_weights_that_are_damaged(copy: Path) -> None:
    """The first line of what went wrong is passed on."""
    (copy / "model.safetensors").write_bytes(b"?")

    assert failure(str(copy)) == (
        f"colbert: the model '{copy}' cannot be loaded (SafetensorError: Error while "
        "deserializing header: header too small)."
    )


def test_a_device_that_is_not_there(model: str) -> None:
    """A device that torch does not know, or this machine does not have, is named."""
    assert failure(model, device="gpu").startswith(
        "colbert: the option device is 'gpu', which this machine or this build of "
        "torch does not have (Expected one of cpu, cuda, "
    )
    if not torch.cuda.is_available():
        assert failure(model, device="cuda").startswith(
            "colbert: the option device is 'cuda', which this machine or this build of "
            "torch does not have ("
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
