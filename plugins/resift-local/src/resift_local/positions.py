"""How many tokens a model can read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resift.errors import ModelError

if TYPE_CHECKING:
    from torch import nn

__all__ = ["learnt_positions", "readable", "require_positions"]

_NAMES = ("position_embeddings", "embed_positions", "wpe")  # BERT's, BART's, GPT-2's
_UNKNOWN = 512  # tokens, where neither the model nor its tokenizer says


def learnt_positions(model: nn.Module) -> int | None:
    """Return how many absolute positions *model* has learnt, None if not bounded."""
    from torch import nn

    for name, module in model.named_modules():
        if name.endswith(_NAMES) and isinstance(module, nn.Embedding):
            padding, offset = module.padding_idx, getattr(module, "offset", 0)
            unused = offset or (0 if padding is None else padding + 1)
            return module.num_embeddings - int(unused)
    return None


def readable(who: str, model: nn.Module, max_length: int | None) -> int:
    """Return how many tokens a model of sentence-transformers reads.

    A tokenizer may know no length, or one beyond the positions that the model has:
    what is longer than those would end in an index error, on a GPU for good.

    Args:
        who: The reranker.
        model: The loaded model.
        max_length: The reranker's option of that name.

    Raises:
        ModelError: If *max_length* asks for more than there are positions for.
    """
    positions = learnt_positions(model)
    require_positions(who, positions, max_length)
    asked: Any = max_length or getattr(model, "max_seq_length", None)
    known = [int(n) for n in (asked, positions) if n is not None]
    return min(known, default=_UNKNOWN)


def require_positions(who: str, positions: int | None, max_length: int | None) -> None:
    """Refuse to read more tokens than there are positions for.

    Args:
        who: The reranker.
        positions: How many there are; None for no bound.
        max_length: Its option of that name.

    Raises:
        ModelError: If *max_length* asks for more.
    """
    if max_length is not None and positions is not None and max_length > positions:
        msg = (
            f"option 'max_length' must be at most {positions}, the positions of "
            f"this model, got {max_length}."
        )
        raise ModelError(msg, who=who)
