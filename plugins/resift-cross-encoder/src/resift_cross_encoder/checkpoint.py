"""Loading a cross-encoder's files, and refusing what is no cross-encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from resift.errors import ModelError
from resift_local import halve, learnt_positions, loading, located, require_positions

if TYPE_CHECKING:
    import sentence_transformers

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


def longest_pair(
    model: sentence_transformers.CrossEncoder, max_length: int | None
) -> int:
    """Return how many tokens of a pair the model reads.

    Raises:
        ModelError: If *max_length* asks for more than it has positions for.
    """
    positions = learnt_positions(model)
    require_positions("cross-encoder", positions, max_length)
    known = (max_length or model.max_seq_length, positions)
    return min((n for n in known if n is not None), default=512)


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
