"""Half precision: float16, which is how token embeddings are best stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["widened"]

_SIGN, _MAGNITUDE, _INFINITY = -0x8000_0000, 0x7FFF, 0x7C00


def widened(half: NDArray[np.float16]) -> NDArray[np.float32]:
    """Return float16 as float32, several times faster than numpy's own conversion.

    Half and single precision differ in the width of the exponent and its bias. So the
    bits move up by the 13 extra bits of the mantissa, and one multiplication by
    ``2 ** (127 - 15)`` sets the bias right, subnormal numbers included. Only infinity
    and NaN are not covered: an array that holds any is left to numpy.

    Args:
        half: Any shape, C-contiguous.
    """
    bits = half.view(np.int16)
    if half.size and (bits & _MAGNITUDE).max() >= _INFINITY:
        return half.astype(np.float32)
    wide = bits.astype(np.int32)
    np.left_shift(wide, 13, out=wide)
    np.bitwise_and(wide, _SIGN | _MAGNITUDE << 13, out=wide)
    single = wide.view(np.float32)
    np.multiply(single, np.float32(2.0**112), out=single)
    return single
