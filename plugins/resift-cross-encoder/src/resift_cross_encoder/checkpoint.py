"""Loading a cross-encoder's files, and refusing what is no cross-encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resift.errors import ModelError
from resift_local import halve, loading, located

if TYPE_CHECKING:
    import sentence_transformers

    from resift_cross_encoder.options import Options

__all__ = ["load_checkpoint"]

_WHO = "cross-encoder: option 'model'"
_HEADS = ("ForSequenceClassification", "ForCausalLM", "ForConditionalGeneration")


def load_checkpoint(
    options: Options, device: str | None
) -> sentence_transformers.CrossEncoder:
    """Load the model that *options* name.

    Args:
        options: The reranker's options.
        device: Where it will run; None for the fastest device at hand.

    Raises:
        ModelError: If it cannot be loaded, or has no head that scores pairs.
    """
    import sentence_transformers

    name, local = located(
        "cross-encoder",
        options.model,
        kind="cross-encoder",
        owner="cross-encoder",
        revision=options.revision,
        local_files_only=options.local_files_only,
    )
    dtype = "float32" if options.dtype == "auto" and device == "cpu" else options.dtype
    if dtype == "bfloat16" and device == "cpu":
        dtype = "float32"  # computed in bfloat16, kept in float32: faster and closer
    failed = f"{_WHO}: {name!r} cannot be loaded as a cross-encoder"
    with loading("cross-encoder", name, local=local, failed=failed):
        model: sentence_transformers.CrossEncoder = sentence_transformers.CrossEncoder(
            name,
            device=device,
            revision=options.revision,
            trust_remote_code=options.trust_remote_code,
            local_files_only=local,
            model_kwargs={"dtype": dtype},
        )
    _require_head(model, name)
    if options.dtype == "auto" and model.device.type == "cuda":
        halve(model)
    model.eval()
    return model


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
        f"{name!r} ({kind}) has no head that scores pairs. Name a "
        "cross-encoder; an embedding model works with 'bi-encoder', a late "
        "interaction model with 'colbert'."
    )
    raise ModelError(msg, who=_WHO)
