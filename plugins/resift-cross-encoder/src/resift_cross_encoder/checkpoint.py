"""Loading a cross-encoder's files, and saying clearly why one cannot be loaded."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from resift.errors import ModelError
from resift_cross_encoder.location import located

if TYPE_CHECKING:
    import sentence_transformers
    import torch

    from resift_cross_encoder.reranker import CrossEncoder

__all__ = ["Dtype", "load_checkpoint", "longest_pair"]

Dtype = Literal["auto", "float32", "float16", "bfloat16"]

_WHO = "cross-encoder: option 'model'"
_HEADS = ("ForSequenceClassification", "ForCausalLM", "ForConditionalGeneration")


def load_checkpoint(
    options: CrossEncoder, device: str | None
) -> sentence_transformers.CrossEncoder:
    """Load the model that *options* name.

    Args:
        options: The reranker's options.
        device: Where it will run; None for the fastest device at hand.

    Raises:
        ModelError: If it cannot be loaded, or has no head that scores pairs.
    """
    import sentence_transformers

    name, local = located(options)
    dtype = "float32" if options.dtype == "auto" and device == "cpu" else options.dtype
    if dtype == "bfloat16" and device == "cpu":
        dtype = "float32"  # computed in bfloat16, kept in float32: faster and closer
    with _quiet():
        try:
            model: sentence_transformers.CrossEncoder = (
                sentence_transformers.CrossEncoder(
                    name,
                    device=device,
                    revision=options.revision,
                    trust_remote_code=options.trust_remote_code,
                    local_files_only=local,
                    model_kwargs={"dtype": dtype},
                )
            )
        except Exception as error:
            raise ModelError(_reason(name, error, local=local)) from error
    _require_head(model, name)
    if options.dtype == "auto" and model.device.type == "cuda":
        _halve(model)
    model.eval()
    return model


def longest_pair(
    model: sentence_transformers.CrossEncoder, max_length: int | None
) -> int:
    """Return how many tokens of a pair the model reads.

    Raises:
        ModelError: If *max_length* asks for more than it has positions for.
    """
    positions = _positions(model)
    if max_length is not None and positions is not None and max_length > positions:
        msg = (
            f"cross-encoder: option 'max_length' must be at most {positions}, the "
            f"positions of this model, got {max_length}."
        )
        raise ModelError(msg)
    known = (max_length or model.max_seq_length, positions)
    return min((n for n in known if n is not None), default=512)


def _reason(name: str, error: Exception, *, local: bool) -> str:
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
    return (
        f"{_WHO}: {name!r} cannot be loaded as a cross-encoder "
        f"({type(error).__name__}: {_first_line(error)})."
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0]


def _require_head(model: sentence_transformers.CrossEncoder, name: str) -> None:
    """Refuse a model whose head would be made up: its scores would be noise."""
    from sentence_transformers.base.modules import Transformer

    module = model[0]
    if len(model) > 1 or not isinstance(module, Transformer):
        return
    architectures = module.config.architectures or []
    if any(architecture.endswith(_HEADS) for architecture in architectures):
        return
    kind = architectures[0] if architectures else "an unnamed architecture"
    msg = (
        f"{_WHO}: {name!r} ({kind}) has no head that scores pairs. Name a "
        "cross-encoder; an embedding model works with 'bi-encoder', a late "
        "interaction model with 'colbert'."
    )
    raise ModelError(msg)


def _positions(model: sentence_transformers.CrossEncoder) -> int | None:
    """Return how many absolute positions the model has learnt, None if not bounded."""
    from torch import nn

    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            padding = module.padding_idx
            return module.num_embeddings - (0 if padding is None else padding + 1)
    return None


def _halve(model: sentence_transformers.CrossEncoder) -> None:
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
