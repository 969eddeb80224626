"""The torch backend: any model on any device, and batches that shrink to fit."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from resift.errors import ModelError
from resift_cross_encoder.head import FloatArray
from resift_cross_encoder.pairs import IntArray, Pairs
from resift_cross_encoder.precision import sharpen
from resift_local import fast_bfloat16

if TYPE_CHECKING:
    import sentence_transformers
    import torch

    from resift_cross_encoder.options import Options

__all__ = ["TorchRuntime"]

_log = logging.getLogger(__name__)


class TorchRuntime:
    """Runs the model itself.

    Where a batch does not fit into the device's memory it is split, and later batches
    stay below the size that failed.

    Args:
        model: The loaded model.
        options: The reranker's options. *threads* is set for the whole process, as
            torch has one setting.
    """

    n_parallel = 1

    def __init__(
        self, model: sentence_transformers.CrossEncoder, options: Options
    ) -> None:
        import torch

        self.model = model
        self.device = model.device
        on_cpu = self.device.type == "cpu"
        self.token_budget = 1024 if on_cpu else 32_768  # what the CPU's caches hold
        self._multiple = 1 if on_cpu else 8
        self._autocast = on_cpu and (
            options.dtype == "bfloat16" or (options.dtype == "auto" and fast_bfloat16())
        )
        kept = str(model.dtype).removeprefix("torch.")
        self.dtype = "bfloat16" if self._autocast else kept
        self._limit: int | None = None  # tokens of a batch, once one was too large
        if self._autocast or model.dtype in (torch.float16, torch.bfloat16):
            sharpen(model)
        if options.threads is not None and on_cpu:
            torch.set_num_threads(options.threads)

    def width(self, length: int) -> int:
        """Round up to what suits the tensor cores of a GPU."""
        return -(-length // self._multiple) * self._multiple

    def logits(self, pairs: Pairs, batches: Iterable[IntArray]) -> FloatArray:
        """Return the logits of all pairs, float64, shape ``(n_pairs, n_labels)``."""
        import torch

        found = np.empty((len(pairs), self.model.num_labels))
        precision: contextlib.AbstractContextManager[object] = contextlib.nullcontext()
        if self._autocast:  # around all batches: weights are cast once
            precision = torch.autocast("cpu", torch.bfloat16)
        with torch.inference_mode(), precision:
            for batch in batches:
                found[batch] = self._fitted(pairs, batch)
        return found

    def _fitted(self, pairs: Pairs, rows: IntArray) -> FloatArray:
        """Compute a batch, split as far as the memory asks for."""
        import torch

        width = self.width(max(len(pairs.ids[row]) for row in rows.tolist()))
        too_large = self._limit is not None and width * len(rows) > self._limit
        if not (too_large and len(rows) > 1):
            try:
                return self._forward(pairs, rows, width)
            except torch.cuda.OutOfMemoryError as error:
                self._shrink(width, len(rows), error)
        # Out of the except clause, whose traceback keeps the failed batch alive.
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        half = len(rows) // 2
        parts = [self._fitted(pairs, part) for part in (rows[:half], rows[half:])]
        return np.concatenate(parts)

    def _shrink(self, width: int, n_rows: int, error: Exception) -> None:
        """Remember what was too large.

        Raises:
            ModelError: If it was a single pair.
        """
        if n_rows == 1:
            msg = (
                f"one pair of {width} tokens does not fit into the "
                f"memory of {self.device}. Set a smaller max_length, dtype='float16', "
                "or another device."
            )
            raise ModelError(msg, who="cross-encoder") from error
        self._limit = width * n_rows // 2
        _log.warning(
            "cross-encoder: %d tokens at once do not fit into the memory of %s: "
            "batches shrink to %d. Set token_budget to keep them so.",
            width * n_rows,
            self.device,
            self._limit,
        )

    def _forward(self, pairs: Pairs, rows: IntArray, width: int) -> FloatArray:
        import torch

        inputs: dict[str, torch.Tensor | object] = {
            name: torch.from_numpy(value).to(self.device)
            for name, value in pairs.inputs(rows, width).items()
        }
        scores = self.model({**inputs, **pairs.layout.extra})["scores"]
        found: FloatArray = scores.float().cpu().double().numpy()
        return found
