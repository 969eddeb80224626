"""What runs the model, and which of them a call for ``backend="auto"`` gets."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from resift.errors import ModelError
from resift_cross_encoder.graph import exportable
from resift_cross_encoder.head import FloatArray
from resift_cross_encoder.pairs import IntArray, Layout, Pairs
from resift_local import torch_device

if TYPE_CHECKING:
    import sentence_transformers

    from resift_cross_encoder.options import Backend, Options

__all__ = ["Runtime", "placed", "runtime_of"]

_log = logging.getLogger(__name__)


class Runtime(Protocol):
    """Computes logits, batch by batch.

    Attributes:
        token_budget: The padded tokens of a batch that suit it.
        n_parallel: How many batches it computes at once.
        dtype: The precision it computes in.
    """

    token_budget: int
    n_parallel: int
    dtype: str

    def width(self, length: int) -> int:
        """Round a length up to the tokens per row that suit it."""
        ...

    def logits(self, pairs: Pairs, batches: Iterable[IntArray]) -> FloatArray:
        """Return the logits of all pairs, float64, shape ``(n_pairs, n_labels)``.

        Args:
            pairs: The pairs.
            batches: Their indices, each pair in one batch; may raise to stop.
        """
        ...


def placed(options: Options) -> tuple[Backend, str | None]:
    """Return the backend to try, and the device to load the weights on.

    Raises:
        ModelError: If a backend is asked for that is not installed or not for the
            device.
    """
    backend = options.backend
    if backend in ("openvino", "onnx"):
        _require_cpu(backend, options.device)
        return backend, "cpu"
    if backend == "torch":
        return backend, torch_device("cross-encoder", options.device)
    device = torch_device("cross-encoder", options.device)
    wanted = device == "cpu" and options.dtype != "float16"
    return ("auto" if wanted and _installed("openvino") else "torch"), device


def runtime_of(
    model: sentence_transformers.CrossEncoder,
    layout: Layout,
    backend: Backend,
    options: Options,
) -> Runtime:
    """Put *model* behind the backend.

    Raises:
        ModelError: If the backend cannot run it.
    """
    if backend == "onnx":
        from resift_cross_encoder.onnx_runtime import OnnxRuntime

        return OnnxRuntime(model, layout, options)
    if backend == "openvino" or (backend == "auto" and exportable(layout)):
        from resift_cross_encoder.openvino_runtime import OpenVinoRuntime

        try:
            return OpenVinoRuntime(model, layout, options)
        except ModelError as error:
            if backend == "openvino":
                raise
            _log.warning("%s backend='auto' uses torch instead.", error)
    from resift_cross_encoder.torch_runtime import TorchRuntime

    return TorchRuntime(model, options)


def _require_cpu(backend: Backend, device: str | None) -> None:
    for module in ("openvino",) if backend == "openvino" else ("onnxruntime", "onnx"):
        if not _installed(module):
            msg = (
                f"option 'backend': {backend!r} needs the module "
                f"{module!r}. Run: pip install 'resift-cross-encoder[{backend}]'"
            )
            raise ModelError(msg, who="cross-encoder")
    if device not in (None, "cpu"):
        msg = (
            f"option 'device' must be 'cpu' for backend {backend!r}, "
            f"got {device!r}. Leave one of them out."
        )
        raise ModelError(msg, who="cross-encoder")


def _installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
