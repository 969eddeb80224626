"""Loading an embedding model, and refusing what is none."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from resift.errors import ModelError
from resift_local import (
    halve,
    learnt_positions,
    loading,
    located,
    readable,
    require_positions,
    torch_device,
    unreported,
)

if TYPE_CHECKING:
    import sentence_transformers

    from resift_bi_encoder.options import Backend, Options

__all__ = ["load_checkpoint"]

_WHO = "bi-encoder: option 'model'"


def load_checkpoint(options: Options) -> sentence_transformers.SentenceTransformer:
    """Load the model that *options* name.

    Raises:
        ModelError: If it cannot be loaded, or is no embedding model.
    """
    import sentence_transformers

    name, local = located(
        "bi-encoder",
        options.model,
        kind="embedding model",
        owner="sentence-transformers",
        revision=options.revision,
        local_files_only=options.local_files_only,
    )
    device = torch_device("bi-encoder", options.device)
    on_cpu = device == "cpu"
    dtype = "float32" if on_cpu and options.dtype != "float16" else options.dtype
    failed, advice = _failure(name, options.backend)
    quietly = unreported() if options.backend == "openvino" else nullcontext()
    with (
        quietly,
        loading("bi-encoder", name, local=local, failed=failed, advice=advice),
    ):
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
    _require_embeddings(model, name)
    _shorten(model, options.max_length)
    if options.dtype == "auto" and model.device.type == "cuda":
        halve(model)
    model.eval()
    return model


def _failure(name: str, backend: Backend) -> tuple[str, str]:
    """Return the words before and after what the loader says of a failure."""
    if backend == "torch":
        return f"{_WHO}: {name!r} cannot be loaded as an embedding model", ""
    return (
        f"bi-encoder: option 'backend': {backend!r} cannot load {name!r}",
        f" Use 'torch', or see what 'sentence-transformers[{backend}]' needs.",
    )


def _require_embeddings(
    model: sentence_transformers.SentenceTransformer, name: str
) -> None:
    """Refuse a model that was made to score pairs: its embeddings mean nothing."""
    architectures = getattr(model.config, "architectures", None) or []
    if any(a.endswith("ForSequenceClassification") for a in architectures):
        msg = (
            f"{name!r} ({architectures[0]}) scores pairs and makes no "
            "embeddings. Use it with 'cross-encoder'."
        )
        raise ModelError(msg, who=_WHO)


def _shorten(
    model: sentence_transformers.SentenceTransformer, max_length: int | None
) -> None:
    """Set the most tokens of a text, also where the tokenizer knows of no end.

    Raises:
        ModelError: If the model has no positions for so many.
    """
    if max_length is not None and learnt_positions(model) is None:
        known: int | None = getattr(model.config, "max_position_embeddings", None)
        require_positions("bi-encoder", known, max_length)
    most = readable("bi-encoder", model, max_length)
    if most != getattr(model, "max_seq_length", None):
        model.max_seq_length = most
