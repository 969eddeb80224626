from __future__ import annotations

import numpy as np
import pytest
import torch

from resift.errors import BackendTimeoutError, ModelError
from resift_local import forward, reading, require_finite


def _half():
    torch.linalg.qr(torch.ones(2, 2, dtype=torch.float16))


def _beyond():
    torch.nn.functional.embedding(torch.tensor([7]), torch.ones(3, 2))


def _memory():
    torch.empty(1 << 60)


def _other():
    msg = "It broke.\nHere."
    raise KeyError(msg)


@pytest.mark.parametrize(
    ("fail", "remedy"),
    [
        (_half, "Set dtype='float32', or another device."),
        (
            _beyond,
            "It has no row for one of the tokens or positions: set a smaller "
            "max_length; if that does not help, its tokenizer belongs to another "
            "model.",
        ),
        (_memory, "Set a smaller batch_size or max_length, or another device."),
        (_other, "Try dtype='float32', device='cpu', or another revision."),
    ],
)
def test_whatever_a_batch_raises_names_the_option_to_change(fail, remedy):
    """Errors of torch's own become a model error with the remedy for their kind."""
    with (
        pytest.raises(ModelError) as caught,
        forward("acme", "b/m", smaller="batch_size or max_length"),
    ):
        fail()

    said = str(caught.value)
    kind = type(caught.value.__cause__).__name__
    assert said.startswith(f"acme: option 'model': 'b/m' failed on a batch ({kind}: ")
    assert said.endswith(f"). {remedy}")


@pytest.mark.parametrize("context", [forward, reading])
def test_an_error_of_resifts_own_stays_as_it_is(context):
    """A call that is late is late, not a model that failed."""
    late = BackendTimeoutError("late")
    options = {"smaller": "batch_size"} if context is forward else {}

    with pytest.raises(BackendTimeoutError) as caught, context("a", "m", **options):
        raise late

    assert caught.value is late


def test_what_a_tokenizer_raises_quotes_no_text():
    """Neither the message nor the cause holds what the tokenizer was given."""
    with pytest.raises(ModelError) as caught, reading("acme", "b/m"):
        raise KeyError("a secret text")  # noqa: TRY003  # not the message

    assert str(caught.value) == (
        "acme: option 'model': the tokenizer of 'b/m' cannot read one of the texts "
        "(KeyError). Its files may be damaged: load another copy or revision."
    )
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("dtype", "remedy"),
    [
        ("float16", "Set dtype='float32'."),
        (
            "float32",
            "That is the widest dtype there is: its files are damaged, or it is not "
            "made for these texts. Load another copy or revision.",
        ),
    ],
)
def test_numbers_that_are_not_finite_name_the_dtype(dtype, remedy):
    """NaN and infinity are counted by row, and never pass."""
    values = np.array([[1.0, np.nan], [np.inf, np.nan], [0.0, 1.0]])

    with pytest.raises(ModelError) as caught:
        require_finite("acme", "b/m", values, what="embeddings", dtype=dtype)

    assert str(caught.value) == (
        "acme: option 'dtype': 'b/m' gives embeddings that are not finite in "
        f"{dtype}, 2 of 3. {remedy}"
    )


@pytest.mark.parametrize("shape", [(0,), (0, 4), (3,), (3, 4)])
def test_finite_numbers_pass(shape):
    """Any shape passes, none at all too."""
    require_finite("acme", "m", np.zeros(shape), what="scores", dtype="float32")
