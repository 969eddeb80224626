"""Loading an embedding model, and saying clearly why one cannot be loaded."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from resift.errors import ModelError
from resift_bi_encoder.location import located

if TYPE_CHECKING:
    import sentence_transformers

    from resift_bi_encoder.reranker import BiEncoder

__all__ = ["Backend", "Dtype", "load_checkpoint"]

Backend = Literal["torch", "openvino", "onnx"]
Dtype = Literal["auto", "float32", "float16", "bfloat16"]

_WHO = "bi-encoder: option 'model'"


def load_checkpoint(options: BiEncoder) -> sentence_transformers.SentenceTransformer:
    """Load the model that *options* name.

    Raises:
        ModelError: If it cannot be loaded, or is no embedding model.
    """
    import sentence_transformers
    from sentence_transformers.util import get_device_name

    name, local = located(options)
    device = options.device or get_device_name()
    on_cpu = device == "cpu"
    dtype = "float32" if on_cpu and options.dtype != "float16" else options.dtype
    with _quiet():
        try:
            model = sentence_transformers.SentenceTransformer(
                name,
                device=device,
                revision=options.revision,
                backend=options.backend,
                truncate_dim=options.dimensions,
                trust_remote_code=options.trust_remote_code,
                local_files_only=local,
                model_kwargs={"dtype": dtype} if options.backend == "torch" else None,
            )
        except Exception as error:
            raise ModelError(_reason(name, error, options, local=local)) from error
    _require_embeddings(model, name)
    _shorten(model, options.max_length)
    if options.dtype == "auto" and model.device.type == "cuda":
        _halve(model)
    model.eval()
    return model


def _reason(name: str, error: Exception, options: BiEncoder, *, local: bool) -> str:
    line = (str(error).strip().splitlines() or [""])[0]
    if "trust_remote_code" in str(error):
        return (
            f"{_WHO}: {name!r} comes with code of its own. Read it, and if you trust "
            "it, set trust_remote_code=True."
        )
    if local and not Path(name).is_dir():
        return (
            f"{_WHO}: {name!r} is not in the local cache, and the Hub was not asked or "
            "cannot be reached. Load it once with a network, or give the folder of a "
            "saved model."
        )
    if options.backend != "torch":
        return (
            f"bi-encoder: option 'backend': {options.backend!r} cannot load {name!r} "
            f"({type(error).__name__}: {line}). Use 'torch', or see what "
            f"'sentence-transformers[{options.backend}]' needs."
        )
    return (
        f"{_WHO}: {name!r} cannot be loaded as an embedding model "
        f"({type(error).__name__}: {line})."
    )


def _require_embeddings(
    model: sentence_transformers.SentenceTransformer, name: str
) -> None:
    """Refuse a model that was made to score pairs: its embeddings mean nothing."""
    architectures = getattr(model.config, "architectures", None) or []
    if any(a.endswith("ForSequenceClassification") for a in architectures):
        msg = (
            f"{_WHO}: {name!r} ({architectures[0]}) scores pairs and makes no "
            "embeddings. Use it with 'cross-encoder'."
        )
        raise ModelError(msg)


def _shorten(
    model: sentence_transformers.SentenceTransformer, max_length: int | None
) -> None:
    """Set the most tokens of a text.

    Raises:
        ModelError: If the model has no positions for so many.
    """
    positions = getattr(model.config, "max_position_embeddings", None)
    if max_length is None:
        return
    if positions is not None and max_length > positions:
        msg = (
            f"bi-encoder: option 'max_length' must be at most {positions}, the "
            f"positions of this model, got {max_length}."
        )
        raise ModelError(msg)
    model.max_seq_length = max_length


def _halve(model: sentence_transformers.SentenceTransformer) -> None:
    """Compute in 16 bits on a GPU, in the kind the weights were saved in."""
    import torch

    sixteen: set[torch.dtype | None] = {torch.float16, torch.bfloat16}
    if model.dtype not in sixteen:
        model.half()


@contextmanager
def _quiet() -> Iterator[None]:
    """Show the loader's progress bar on a terminal only."""
    from transformers.utils import logging

    hide = not sys.stderr.isatty() and logging.is_progress_bar_enabled()
    if hide:
        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if hide:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
