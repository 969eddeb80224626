"""Sixteen bits where they are fast, and 32 in the layer that the score comes from.

A logit of 9.3 in bfloat16 is a multiple of 1/16: good documents would tie. The layers
before keep their speed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sentence_transformers
    import torch
    from sentence_transformers.cross_encoder.modules import LogitScore

__all__ = ["sharpen"]


def sharpen(model: sentence_transformers.CrossEncoder) -> None:
    """Compute the last layer of *model* in float32, whatever the others use.

    Of a language model that answers yes or no only these two rows of its last layer
    are kept, which also saves the rest of the vocabulary.
    """
    from sentence_transformers.cross_encoder.modules import LogitScore
    from torch import nn

    last = model[-1]
    if isinstance(last, LogitScore):
        _keep_answers(model, last)
        return
    found = [
        name
        for name, module in model.named_modules()
        if type(module) is nn.Linear and module.out_features == model.num_labels
    ]
    if found:
        parent, _, name = found[-1].rpartition(".")
        owner = model.get_submodule(parent)
        setattr(owner, name, _in_float32(getattr(owner, name)))


def _keep_answers(
    model: sentence_transformers.CrossEncoder, answers: LogitScore
) -> None:
    import torch

    language_model: Any = model.transformers_model
    layer = language_model.get_output_embeddings()
    if type(layer) is not torch.nn.Linear:
        return
    rows: list[int] = [answers.true_token_id]
    if answers.false_token_id is not None:
        rows.append(answers.false_token_id)
    with torch.no_grad():
        small = torch.nn.Linear(layer.in_features, len(rows), layer.bias is not None)
        small.to(layer.weight.device)
        small.weight.copy_(layer.weight[rows])
        if layer.bias is not None:
            small.bias.copy_(layer.bias[rows])
    language_model.set_output_embeddings(_in_float32(small))
    answers.true_token_id = 0
    answers.false_token_id = None if len(rows) == 1 else 1


def _in_float32(linear: torch.nn.Linear) -> torch.nn.Module:
    import torch

    class Float32(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = linear.float()

        def forward(self, hidden: torch.Tensor) -> torch.Tensor:
            with torch.autocast(hidden.device.type, enabled=False):
                found: torch.Tensor = self.linear(hidden.float())
                return found

    return Float32()
