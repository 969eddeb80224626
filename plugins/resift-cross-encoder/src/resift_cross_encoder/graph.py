"""The model as one function of plain tensors, which other runtimes can convert."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from resift.errors import ModelError
from resift_cross_encoder.pairs import IntArray, Layout, Pairs

if TYPE_CHECKING:
    import sentence_transformers
    import torch

__all__ = ["bucket", "converting", "example", "graph_of"]


def graph_of(
    model: sentence_transformers.CrossEncoder, layout: Layout, backend: str
) -> torch.nn.Module:
    """Return *model* as a module from its inputs, in order, to its logits.

    Raises:
        ModelError: If it reads more than token ids.
    """
    import torch

    if layout.extra.get("modality", "text") != "text" or layout.pad_left:
        msg = (
            f"cross-encoder: option 'backend': {backend!r} runs models that read two "
            "plain texts; this one is a language model with a prompt. Use 'torch'."
        )
        raise ModelError(msg)

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
    """Keep a conversion quiet, and name what was converted where it fails.

    Raises:
        ModelError: For any failure inside.
    """
    from transformers.utils import logging

    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a tracer warns of every Python branch
            yield
    except Exception as error:
        line = (str(error).strip().splitlines() or [""])[0]
        msg = (
            f"cross-encoder: option 'backend': {backend!r} cannot convert this model "
            f"({type(error).__name__}: {line}). Use 'torch'."
        )
        raise ModelError(msg) from error
    finally:
        logging.set_verbosity(verbosity)
