from __future__ import annotations

import re

import numpy as np
import pytest
from sentence_transformers import CrossEncoder
from torch import nn

from resift import ModelError
from resift_cross_encoder.head import head_of


@pytest.fixture(scope="module")
def one(model):
    """A model with one label; its own activation is the sigmoid."""
    return CrossEncoder(str(model), device="cpu")


@pytest.fixture(scope="module")
def three(labelled):
    """A model with three labels."""
    return CrossEncoder(str(labelled), device="cpu")


def test_none_gives_the_logit(one) -> None:
    """Without an activation the logit is the score."""
    head = head_of(one, "none", None)

    assert head(np.array([[-3.0], [9.0]])).tolist() == [-3.0, 9.0]
    assert head.kind == "logit"


def test_sigmoid_by_hand(one) -> None:
    """The sigmoid of 0 is 1/2, of ln 3 is 3/4; large logits do not overflow."""
    head = head_of(one, "sigmoid", None)

    scores = head(np.array([[0.0], [np.log(3.0)], [-1000.0], [1000.0]]))

    assert scores.tolist() == pytest.approx([0.5, 0.75, 0.0, 1.0])
    assert head.kind == "probability"


def test_sigmoid_keeps_good_documents_apart(one) -> None:
    """Logits of 20 and 25 are both 1 in float32, and differ in float64."""
    low, high = head_of(one, "sigmoid", None)(np.array([[20.0], [25.0]]))

    assert low < high
    assert np.float32(low) == np.float32(high)


def test_auto_is_the_models_own(one) -> None:
    """`auto` takes the activation that the model came with, and its meaning."""
    kinds = {}
    for function in (nn.Identity(), nn.Sigmoid(), nn.Tanh()):
        one.activation_fn = function
        head = head_of(one, "auto", None)
        kinds[type(function).__name__] = (head.kind, head(np.zeros((1, 1)))[0])
    one.activation_fn = nn.Sigmoid()

    assert kinds == {
        "Identity": ("logit", 0.0),
        "Sigmoid": ("probability", 0.5),
        "Tanh": ("ordinal", 0.0),
    }


@pytest.mark.parametrize("label", ["entailment", "Entailment", 1])
def test_label_by_name_or_index(three, label) -> None:
    """One of several labels is picked by name or index; its share is the score."""
    head = head_of(three, "auto", label)

    assert head(np.log([[1.0, 2.0, 5.0]])).tolist() == pytest.approx([0.25])
    assert head.kind == "probability"


def test_several_labels_need_one(three) -> None:
    """A model with several labels is refused, and the option is named."""
    expected = (
        "cross-encoder: the model has 3 labels: 0 'contradiction', 1 'entailment', "
        "2 'neutral'. A reranker needs one score: set option 'label' to the one that "
        "means relevant."
    )

    with pytest.raises(ModelError, match=f"^{re.escape(expected)}$"):
        head_of(three, "auto", None)


@pytest.mark.parametrize("label", ["relevant", 3])
def test_unknown_label(three, label) -> None:
    """A label that the model does not have is refused, and its labels are listed."""
    expected = (
        f"cross-encoder: option 'label' must be one of the model's labels, got "
        f"{label!r}. Labels: 0 'contradiction', 1 'entailment', 2 'neutral'."
    )

    with pytest.raises(ModelError, match=f"^{re.escape(expected)}$"):
        head_of(three, "auto", label)


def test_softmax_of_one_label(one) -> None:
    """Softmax over one label would make every score 1: it is refused."""
    expected = (
        "cross-encoder: option 'activation' must not be 'softmax' for a model with one "
        "label: every score would be 1. Use 'sigmoid'."
    )

    with pytest.raises(ModelError, match=f"^{re.escape(expected)}$"):
        head_of(one, "softmax", None)
