"""Sixteen bits where they are fast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    import torch
    from sentence_transformers.base.model import BaseModel

__all__ = ["Dtype", "fast_bfloat16", "halve"]

Dtype: TypeAlias = Literal["auto", "float32", "float16", "bfloat16"]
"""The values of an option ``dtype``."""


def fast_bfloat16() -> bool:
    """Tell whether this CPU multiplies bfloat16 natively."""
    import torch

    known: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(known.get("avx512_bf16") or known.get("amx_bf16"))


def halve(model: BaseModel) -> None:
    """Compute in 16 bits on a GPU, in the kind the weights were saved in."""
    import torch

    sixteen: set[torch.dtype | None] = {torch.float16, torch.bfloat16}
    if model.dtype not in sixteen:
        model.half()
