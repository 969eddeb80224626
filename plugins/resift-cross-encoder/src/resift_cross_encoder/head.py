"""From the model's logits to one score per pair, and what that score means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from resift.errors import ModelError

if TYPE_CHECKING:
    import sentence_transformers

    from resift_cross_encoder.options import Activation

__all__ = ["FloatArray", "Head", "head_of"]

FloatArray: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Head:
    """Turns logits into scores, in float64 so that large ones stay apart.

    Args:
        activation: Maps logits, shape ``(n_pairs, n_labels)``, to the same shape.
        label: The column that is the score.
        kind: What the score means: ``"logit"``, ``"probability"`` or ``"ordinal"``.
        exact: Maps logits to values in the same order that never meet where the
            scores do, at 1 or 0; None where there are none.
    """

    activation: Callable[[FloatArray], FloatArray]
    label: int
    kind: str
    exact: Callable[[FloatArray], FloatArray] | None = None

    def __call__(self, logits: FloatArray) -> FloatArray:
        """Return one score per pair, shape ``(n_pairs,)``."""
        return self.activation(logits)[:, self.label]

    def order(self, scores: FloatArray, logits: FloatArray) -> NDArray[np.int64] | None:
        """Return the documents' indices, best first, where their scores do not say it.

        A sigmoid is 1 for every logit above 37, also in float64.

        Args:
            scores: Those of one query, shape ``(n_docs,)``.
            logits: What they come from, shape ``(n_docs, n_labels)``.
        """
        if self.exact is None:
            return None
        exact = self.exact(logits)[:, self.label]
        order = np.lexsort((-exact, -scores))
        tied = np.diff(scores[order]) == 0
        return order if np.diff(exact[order])[tied].any() else None


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
            "option 'activation' must not be 'softmax' for a model with "
            "one label: every score would be 1. Use 'sigmoid'."
        )
        raise ModelError(msg, who="cross-encoder")
    if activation != "auto":
        return _KNOWN[activation](column)
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
            f"the model has {len(names)} labels: {listed}. A reranker "
            "needs one score: set option 'label' to the one that means relevant."
        )
    else:
        msg = (
            f"option 'label' must be one of the model's labels, got "
            f"{label!r}. Labels: {listed}."
        )
    raise ModelError(msg, who="cross-encoder")


def _label_names(model: sentence_transformers.CrossEncoder) -> Mapping[int, str]:
    given = getattr(model.config, "id2label", None) or {}
    names = {int(i): str(name) for i, name in given.items()}
    return {i: names.get(i, f"LABEL_{i}") for i in range(model.num_labels)}


def _own(model: sentence_transformers.CrossEncoder, column: int) -> Head:
    """Return the activation that came with the model."""
    import torch

    function = model.activation_fn
    if function is None or isinstance(function, torch.nn.Identity):
        return _KNOWN["none"](column)
    if isinstance(function, torch.nn.Sigmoid):
        return _KNOWN["sigmoid"](column)

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


def _log_odds(logits: FloatArray) -> FloatArray:
    """Return the logit of each label's softmax, which nothing rounds to 1."""
    others = np.full_like(logits, -np.inf)
    for label in range(logits.shape[1]):
        rest = np.delete(logits, label, axis=1)
        others[:, label] = np.logaddexp.reduce(rest, axis=1)
    return logits - others


_KNOWN: dict[str, Callable[[int], Head]] = {
    "none": lambda label: Head(_identity, label, "logit"),
    "sigmoid": lambda label: Head(_sigmoid, label, "probability", _identity),
    "softmax": lambda label: Head(_softmax, label, "probability", _log_odds),
}
