"""From the model's logits to one score per pair, and what that score means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from resift.errors import ModelError

if TYPE_CHECKING:
    import sentence_transformers

__all__ = ["Activation", "FloatArray", "Head", "head_of"]

Activation = Literal["auto", "none", "sigmoid", "softmax"]
FloatArray: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Head:
    """Turns logits into scores, in float64 so that large ones stay apart.

    Args:
        activation: Maps logits, shape ``(n_pairs, n_labels)``, to the same shape.
        label: The column that is the score.
        kind: What the score means: ``"logit"``, ``"probability"`` or ``"ordinal"``.
    """

    activation: Callable[[FloatArray], FloatArray]
    label: int
    kind: str

    def __call__(self, logits: FloatArray) -> FloatArray:
        """Return one score per pair, shape ``(n_pairs,)``."""
        return self.activation(logits)[:, self.label]


def head_of(
    model: sentence_transformers.CrossEncoder,
    activation: Activation,
    label: str | int | None,
) -> Head:
    """Return how *model* is read.

    Args:
        model: The loaded model.
        activation: The option; ``"auto"`` is the model's own for one label, and
            softmax where one of several is picked.
        label: The option: which of several labels means *relevant*.

    Raises:
        ModelError: If the model has several labels and none, or a wrong one, is picked.
    """
    column = _column(model, label)
    if model.num_labels > 1 and activation == "auto":
        activation = "softmax"
    if model.num_labels == 1 and activation == "softmax":
        msg = (
            "cross-encoder: option 'activation' must not be 'softmax' for a model with "
            "one label: every score would be 1. Use 'sigmoid'."
        )
        raise ModelError(msg)
    if activation != "auto":
        return Head(_FUNCTIONS[activation], column, _KINDS[activation])
    return _own(model, column)


def _column(model: sentence_transformers.CrossEncoder, label: str | int | None) -> int:
    names = _label_names(model)
    if label is None and len(names) == 1:
        return 0
    found = [i for i, name in names.items() if label in (i, name)]
    found = found or [
        i for i, name in names.items() if name.lower() == str(label).lower()
    ]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(f"{i} {name!r}" for i, name in names.items())
    if label is None:
        msg = (
            f"cross-encoder: the model has {len(names)} labels: {listed}. A reranker "
            "needs one score: set option 'label' to the one that means relevant."
        )
    else:
        msg = (
            f"cross-encoder: option 'label' must be one of the model's labels, got "
            f"{label!r}. Labels: {listed}."
        )
    raise ModelError(msg)


def _label_names(model: sentence_transformers.CrossEncoder) -> Mapping[int, str]:
    given = getattr(model.config, "id2label", None) or {}
    names = {int(i): str(name) for i, name in given.items()}
    return {i: names.get(i, f"LABEL_{i}") for i in range(model.num_labels)}


def _own(model: sentence_transformers.CrossEncoder, column: int) -> Head:
    """Return the activation that came with the model."""
    import torch

    function = model.activation_fn
    if function is None or isinstance(function, torch.nn.Identity):
        return Head(_identity, column, "logit")
    if isinstance(function, torch.nn.Sigmoid):
        return Head(_sigmoid, column, "probability")

    def apply(logits: FloatArray) -> FloatArray:
        scores: FloatArray = function(torch.from_numpy(logits)).numpy()
        return scores

    return Head(apply, column, "ordinal")


def _identity(logits: FloatArray) -> FloatArray:
    return logits


def _sigmoid(logits: FloatArray) -> FloatArray:
    return np.exp(-np.logaddexp(0.0, -logits))  # never overflows


def _softmax(logits: FloatArray) -> FloatArray:
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


_FUNCTIONS = {"none": _identity, "sigmoid": _sigmoid, "softmax": _softmax}
_KINDS = {"none": "logit", "sigmoid": "probability", "softmax": "probability"}
