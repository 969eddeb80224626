"""How many tokens a model has positions for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resift.errors import ModelError

if TYPE_CHECKING:
    from torch import nn

__all__ = ["learnt_positions", "require_positions"]


def learnt_positions(model: nn.Module) -> int | None:
    """Return how many absolute positions *model* has learnt, None if not bounded."""
    from torch import nn

    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            padding = module.padding_idx
            return module.num_embeddings - (0 if padding is None else padding + 1)
    return None


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
            f"{who}: option 'max_length' must be at most {positions}, the positions of "
            f"this model, got {max_length}."
        )
        raise ModelError(msg)
