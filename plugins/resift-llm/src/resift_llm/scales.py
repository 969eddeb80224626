"""`Scale`: the labels that a passage may be given, and what each is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["SCALES", "Grade", "Scale", "ScaleName"]

ScaleName: TypeAlias = Literal["grades", "yes-no"]


@dataclass(frozen=True, slots=True)
class Grade:
    """What a passage was found to be worth.

    Args:
        value: From 0 to 1.
        weighed: Whether it is a mean over the likely labels, and not just one of them.
    """

    value: float
    weighed: bool


@dataclass(frozen=True, slots=True)
class Scale:
    """The labels that a passage may be given.

    Args:
        field: The field of the answer that holds the label.
        question: What to ask of the passage.
        values: The labels in lower case, and what each is worth, from 0 to 1.
        schema: What the field may hold, as JSON Schema.
        must_weigh: Whether one label alone is of no use.
    """

    field: str
    question: str
    values: Mapping[str, float]
    schema: Mapping[str, object]
    must_weigh: bool = False


SCALES: Mapping[ScaleName, Scale] = {
    "grades": Scale(
        "grade",
        "Grade how relevant the passage is to the query: 0 if it has nothing to do "
        "with it, 1 if it is related but does not answer it, 2 if it answers it in "
        "part or among other things, 3 if it is dedicated to the query and answers "
        "it.",
        {"0": 0.0, "1": 1 / 3, "2": 2 / 3, "3": 1.0},
        {"type": "integer", "enum": [0, 1, 2, 3]},
    ),
    "yes-no": Scale(
        "relevant",
        'Judge whether the passage answers the query: "yes" or "no".',
        {"yes": 1.0, "no": 0.0},
        {"type": "string", "enum": ["yes", "no"]},
        must_weigh=True,
    ),
}
"""The scales by name."""
