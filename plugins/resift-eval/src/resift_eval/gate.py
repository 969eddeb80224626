"""Gates: what a difference must be, for a continuous integration that fails on less."""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from resift.errors import InputError

__all__ = ["Gate"]

_FORM = re.compile(r"\s*(?P<measure>\S+?)\s*(?P<sign>>=|>)\s*(?P<bound>\S+)\s*")
_HOLDS = {">=": operator.ge, ">": operator.gt}


@dataclass(frozen=True)
class Gate:
    """A bound on the mean difference of one measure.

    Args:
        measure: The measure, in any case.
        sign: ``">="`` or ``">"``.
        bound: The least difference.
    """

    measure: str
    sign: str
    bound: float

    @classmethod
    def parsed(cls, text: str) -> Self:
        """Read a gate such as ``ndcg@10 >= -0.005``.

        Raises:
            InputError: If it is none.
        """
        found = _FORM.fullmatch(text)
        try:
            bound = float(found["bound"]) if found else float("nan")
        except ValueError:
            bound = float("nan")
        if found is None or not abs(bound) < float("inf"):
            msg = f"must look like 'nDCG@10 >= -0.005', got {text!r}."
            raise InputError(msg)
        return cls(found["measure"], found["sign"], bound)

    def named(self, measures: Mapping[str, object]) -> str:
        """Return the measure as it is spelt among those measured.

        Raises:
            InputError: If it is not measured.
        """
        for measure in measures:
            if measure.casefold() == self.measure.casefold():
                return measure
        msg = (
            f"{self.measure!r} is not measured here. Measured: "
            f"{', '.join(measures)}. Ask for it with -m."
        )
        raise InputError(msg, who="--gate")

    def holds(self, difference: float) -> bool:
        """Return whether a difference passes."""
        return bool(_HOLDS[self.sign](difference, self.bound))

    def __str__(self) -> str:
        return f"{self.measure} {self.sign} {self.bound:g}"
