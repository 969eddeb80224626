"""The onnx backend: onnxruntime on the CPU."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from resift.errors import ModelError
from resift_cross_encoder.graph import converting, example, graph_of
from resift_cross_encoder.head import FloatArray
from resift_cross_encoder.pairs import IntArray, Layout, Pairs

if TYPE_CHECKING:
    import sentence_transformers
    import torch

    from resift_cross_encoder.options import Options

__all__ = ["OnnxRuntime"]


class OnnxRuntime:
    """Runs the model exported to ONNX, in float32.

    Args:
        model: The loaded model, in float32; may be dropped afterwards.
        layout: Its inputs.
        options: The reranker's options.

    Raises:
        ModelError: If the model cannot be exported, or not in this dtype.
    """

    token_budget = 1024
    n_parallel = 1
    dtype = "float32"

    def __init__(
        self,
        model: sentence_transformers.CrossEncoder,
        layout: Layout,
        options: Options,
    ) -> None:
        import onnxruntime

        if options.dtype not in ("auto", "float32"):
            msg = (
                "option 'dtype' must be 'float32' for backend 'onnx', "
                f"got {options.dtype!r}."
            )
            raise ModelError(msg, who="cross-encoder")
        self._n_labels = model.num_labels
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = options.threads or 0
        graph = graph_of(model, layout, "onnx")
        with converting("onnx"):
            self._session = onnxruntime.InferenceSession(
                _exported(graph, layout), settings, providers=["CPUExecutionProvider"]
            )

    def width(self, length: int) -> int:
        """Keep the length: onnxruntime compiles nothing per shape."""
        return length

    def logits(self, pairs: Pairs, batches: Iterable[IntArray]) -> FloatArray:
        """Return the logits of all pairs, float64, shape ``(n_pairs, n_labels)``."""
        found = np.empty((len(pairs), self._n_labels))
        lengths = pairs.lengths
        for rows in batches:
            inputs = pairs.inputs(rows, int(lengths[rows].max()))
            found[rows] = self._session.run(None, inputs)[0]
        return found


def _exported(graph: torch.nn.Module, layout: Layout) -> bytes:
    import torch

    inputs = {k: torch.from_numpy(v) for k, v in example(layout).items()}
    shape = {0: torch.export.Dim("pairs"), 1: torch.export.Dim("tokens")}
    program: Any = torch.onnx.export(
        graph,
        kwargs=inputs,
        dynamo=True,
        dynamic_shapes=dict.fromkeys(inputs, shape),
        verbose=False,
    )
    exported: bytes = program.model_proto.SerializeToString()
    return exported
