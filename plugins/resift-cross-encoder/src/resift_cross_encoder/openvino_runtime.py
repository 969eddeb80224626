"""The openvino backend: the fastest on a CPU, in bfloat16 where the CPU has it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from resift.errors import ModelError
from resift_cross_encoder.graph import bucket, converting, example, graph_of
from resift_cross_encoder.head import FloatArray
from resift_cross_encoder.pairs import IntArray, Layout, Pairs
from resift_local import unreported

if TYPE_CHECKING:
    import openvino  # type: ignore[import-untyped]
    import sentence_transformers

    from resift_cross_encoder.options import Options

__all__ = ["OpenVinoRuntime"]

_HINTS = {"bfloat16": "bf16", "float32": "f32"}
_MOST_STREAMS = 8


class OpenVinoRuntime:
    """Runs the model compiled by OpenVINO, several small batches side by side.

    A batch of about a thousand tokens keeps its activations in the cache of one core,
    so that one thread per batch beats many threads in one.

    Args:
        model: The loaded model, in float32; may be dropped afterwards.
        layout: Its inputs.
        options: The reranker's options.

    Raises:
        ModelError: If the model cannot be converted, or not in this dtype.
    """

    token_budget = 1024

    def __init__(
        self,
        model: sentence_transformers.CrossEncoder,
        layout: Layout,
        options: Options,
    ) -> None:
        import torch

        with unreported():
            import openvino  # which is an event of its own

        threads = options.threads or torch.get_num_threads()
        self.n_parallel = min(threads, _MOST_STREAMS)
        self._n_labels = model.num_labels
        core = openvino.Core()
        self.dtype = _precision(core, options.dtype)
        settings = {
            "INFERENCE_PRECISION_HINT": _HINTS[self.dtype],
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": self.n_parallel,
        }
        graph = graph_of(model, layout, "openvino")
        with unreported(), torch.inference_mode(), converting("openvino"):
            converted = openvino.convert_model(graph, example_input=example(layout))
            self._compiled = core.compile_model(converted, "CPU", settings)

    def width(self, length: int) -> int:
        """Round up to few shapes: each new one is compiled."""
        return bucket(length)

    def logits(self, pairs: Pairs, batches: Iterable[IntArray]) -> FloatArray:
        """Return the logits of all pairs, float64, shape ``(n_pairs, n_labels)``.

        No Python runs in OpenVINO's threads: no callback, and inputs are copied. One
        that waited for the GIL to let go of an object would wait for good, as dropping
        a compiled model joins its threads without releasing the GIL.
        """
        found = np.empty((len(pairs), self._n_labels))
        n_requests = self.n_parallel + 1  # one stands by while the oldest is awaited
        idle = [self._compiled.create_infer_request() for _ in range(n_requests)]
        running: deque[tuple[openvino.InferRequest, IntArray]] = deque()

        def finish() -> openvino.InferRequest:
            request, rows = running[0]
            request.wait()
            found[rows] = request.get_output_tensor(0).data
            running.popleft()
            return request

        lengths = pairs.lengths
        try:
            for rows in batches:
                inputs = pairs.inputs(rows, self.width(int(lengths[rows].max())))
                request = idle.pop() if idle else finish()
                request.start_async(inputs, share_inputs=False)
                running.append((request, rows))
            while running:
                finish()
        finally:  # after an error, or when the time is up: leave nothing running
            for request, _ in running:
                with suppress(RuntimeError):  # the first error is on its way
                    request.wait()
        return found


def _precision(core: openvino.Core, dtype: str) -> str:
    if dtype == "float16":
        msg = (
            "option 'dtype' must be 'float32' or 'bfloat16' for backend "
            "'openvino', got 'float16'."
        )
        raise ModelError(msg, who="cross-encoder")
    if dtype == "auto":
        capabilities = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        return "bfloat16" if "BF16" in capabilities else "float32"
    return dtype
