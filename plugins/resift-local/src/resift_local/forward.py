"""What comes out of a model: finite numbers, or an error that names an option."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from resift.errors import ModelError, ResiftError
from resift_local.loading import first_line

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["forward", "reading", "require_finite"]

_NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")
_NO_KERNEL = ("not implemented for", "unsupported dtype", "expected scalar type")
_NO_ROW = ("index out of range", "device-side assert", "out of bounds")


@contextmanager
def forward(who: str, model: object, *, smaller: str) -> Iterator[None]:
    """Turn whatever a forward pass raises into a `ModelError` with a remedy.

    Args:
        who: The reranker.
        model: Its option of that name.
        smaller: The options that make a batch smaller, for when memory runs out:
            ``"batch_size or max_length"``.

    Raises:
        ModelError: For any failure inside that is not an error of resift's already.
    """
    try:
        yield
    except ResiftError:
        raise
    except Exception as error:
        msg = (
            f"option 'model': {str(model)!r} failed on a batch "
            f"({type(error).__name__}: {first_line(error)}). {_remedy(error, smaller)}"
        )
        raise ModelError(msg, who=who) from error


@contextmanager
def reading(who: str, model: object) -> Iterator[None]:
    """Turn whatever a tokenizer raises into a `ModelError` that quotes no text.

    Args:
        who: The reranker.
        model: Its option of that name.

    Raises:
        ModelError: For any failure inside that is not an error of resift's already.
    """
    try:
        yield
    except ResiftError:
        raise
    except Exception as error:  # noqa: BLE001  # whatever it is, in words
        msg = (
            f"option 'model': the tokenizer of {str(model)!r} cannot read one "
            f"of the texts ({type(error).__name__}). Its files may be damaged: load "
            "another copy or revision."
        )
        raise ModelError(msg, who=who) from None  # the cause may quote the text


def require_finite(
    who: str, model: object, values: NDArray[np.floating], *, what: str, dtype: str
) -> None:
    """Refuse NaN and infinity: such a score says nothing about its document.

    Args:
        who: The reranker.
        model: Its option of that name.
        values: What the model gave, one row for each text or pair.
        what: What a row is, in the plural: ``"scores"``.
        dtype: The precision that it was computed in.

    Raises:
        ModelError: If one value is not finite.
    """
    import numpy as np

    rows = np.isfinite(values)
    rows = rows if rows.ndim == 1 else rows.all(axis=1)
    if rows.all():
        return
    remedy = "Set dtype='float32'."
    if dtype == "float32":
        remedy = (
            "That is the widest dtype there is: its files are damaged, or it is not "
            "made for these texts. Load another copy or revision."
        )
    msg = (
        f"option 'dtype': {str(model)!r} gives {what} that are not finite in "
        f"{dtype}, {np.count_nonzero(~rows)} of {len(rows)}. {remedy}"
    )
    raise ModelError(msg, who=who)


def _remedy(error: Exception, smaller: str) -> str:
    text = str(error).lower()
    if isinstance(error, MemoryError) or any(part in text for part in _NO_MEMORY):
        return f"Set a smaller {smaller}, or another device."
    if any(part in text for part in _NO_KERNEL):
        return "Set dtype='float32', or another device."
    if isinstance(error, IndexError) or any(part in text for part in _NO_ROW):
        return (
            "It has no row for one of the tokens or positions: set a smaller "
            "max_length; if that does not help, its tokenizer belongs to another model."
        )
    return "Try dtype='float32', device='cpu', or another revision."
