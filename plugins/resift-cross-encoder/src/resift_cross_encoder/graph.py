"""The model as one function of plain tensors, which other runtimes can convert."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from resift.errors import ModelError
from resift_cross_encoder.pairs import IntArray, Layout, Pairs
from resift_local import first_line

if TYPE_CHECKING:
    import sentence_transformers
    import torch

__all__ = ["bucket", "converting", "example", "exportable", "graph_of"]


def exportable(layout: Layout) -> bool:
    """Tell whether the model reads token ids only: no prompt, no last position."""
    return layout.extra.get("modality", "text") == "text" and not layout.pad_left


def graph_of(
    model: sentence_transformers.CrossEncoder, layout: Layout, backend: str
) -> torch.nn.Module:
    """Return *model* as a module from its inputs, in order, to its logits.

    Raises:
        ModelError: If it reads more than token ids.
    """
    import torch

    if not exportable(layout):
        msg = (
            f"option 'backend': {backend!r} runs models that read two "
            "plain texts; this one is a language model with a prompt. Use 'torch'."
        )
        raise ModelError(msg, who="cross-encoder")

    class Graph(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(
            self,
            input_ids: torch.Tensor,
            attention_mask: torch.Tensor,
            token_type_ids: torch.Tensor | None = None,
        ) -> torch.Tensor:
            tensors = (input_ids, attention_mask, token_type_ids)
            inputs = dict(zip(layout.names, tensors, strict=False))
            scores: torch.Tensor = self.model(inputs)["scores"]
            return scores

    return Graph().eval()


def example(layout: Layout) -> dict[str, IntArray]:
    """Return two short rows, one of them padded, to trace the model with."""
    rows = [np.ones(n, dtype=np.int64) for n in (9, 5)]
    zeros = np.zeros(2, dtype=np.int64)
    pairs = Pairs(rows, rows if layout.types else None, zeros, zeros, layout)
    return pairs.inputs(np.arange(2), width=9)


def bucket(length: int) -> int:
    """Round a length up, so that a runtime that compiles per shape sees few shapes."""
    multiple = 16 if length > 128 else 8
    return -(-length // multiple) * multiple


@contextmanager
def converting(backend: str) -> Iterator[None]:
    """Keep a conversion quiet, and say what could not be converted.

    Raises:
        ModelError: For any failure inside.
    """
    loggers = [logging.getLogger(name) for name in ("transformers", "torch.onnx")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a tracer warns of every Python branch
            yield
    except Exception as error:
        msg = (
            f"option 'backend': {backend!r} cannot convert this model "
            f"({type(error).__name__}: {first_line(error)}). Use 'torch'."
        )
        raise ModelError(msg, who="cross-encoder") from error
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
