from __future__ import annotations

import pytest
from torch import nn

from resift.errors import ModelError
from resift_local import learnt_positions, readable, require_positions


@pytest.mark.parametrize(("padding", "expected"), [(None, 34), (1, 32)])
def test_positions_that_are_learnt(padding, expected):
    """Where padding has an index, as in RoBERTa, positions begin after it."""
    table = nn.Embedding(34, 2, padding_idx=padding)
    model = nn.ModuleDict({"words": nn.Embedding(9, 2), "position_embeddings": table})

    assert learnt_positions(model) == expected


def test_a_model_without_learnt_positions():
    """Rotary positions, say, have no end."""
    assert learnt_positions(nn.Linear(2, 2)) is None


def test_max_length_beyond_the_positions():
    """More tokens than positions are refused; where either is unknown, nothing is."""
    require_positions("acme", 32, 32)
    require_positions("acme", 32, None)
    require_positions("acme", None, 64)

    with pytest.raises(ModelError) as caught:
        require_positions("acme", 32, 33)
    assert str(caught.value) == (
        "acme: option 'max_length' must be at most 32, the positions of this model, "
        "got 33."
    )


def test_positions_by_other_names():
    """GPT-2's table is called wpe; BART's begins two rows late."""
    table = nn.Embedding(34, 2)
    shifted = nn.Embedding(34, 2, padding_idx=1)
    shifted.offset = 2

    assert learnt_positions(nn.ModuleDict({"wpe": table})) == 34
    assert learnt_positions(nn.ModuleDict({"embed_positions": shifted})) == 32


@pytest.mark.parametrize(
    ("said", "asked", "positions", "expected"),
    [
        (None, None, 32, 32),
        (100_000, None, 32, 32),
        (16, None, 32, 16),
        (16, 24, 32, 24),
        (64, None, None, 64),
        (None, None, None, 512),
    ],
)
def test_what_a_model_reads(said, asked, positions, expected):
    """What is asked for, else what the tokenizer says, but never past the positions."""
    model = nn.Module()
    model.max_seq_length = said
    if positions is not None:
        model.position_embeddings = nn.Embedding(positions, 2)

    assert readable("acme", model, asked) == expected
