from __future__ import annotations

import pytest
import torch
from transformers import BertConfig, BertModel

from resift_local import fast_bfloat16, halve


@pytest.mark.parametrize(
    ("saved", "expected"),
    [("float32", "float16"), ("float16", "float16"), ("bfloat16", "bfloat16")],
)
def test_sixteen_bits_of_the_kind_that_was_saved(saved, expected):
    """Weights in float32 become float16; those in 16 bits stay as they are."""
    size = {"hidden_size": 2, "num_attention_heads": 1, "intermediate_size": 2}
    model = BertModel(BertConfig(vocab_size=2, num_hidden_layers=1, **size))
    model.to(getattr(torch, saved))

    halve(model)

    assert model.dtype is getattr(torch, expected)


@pytest.mark.parametrize(
    ("known", "fast"),
    [({}, False), ({"avx512_bf16": True}, True), ({"amx_bf16": True}, True)],
)
def test_bfloat16_is_fast_where_the_cpu_has_it(monkeypatch, known, fast):
    """What torch knows of the CPU decides."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: known, raising=False)

    assert fast_bfloat16() is fast
