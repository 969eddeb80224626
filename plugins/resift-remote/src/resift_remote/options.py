"""Constructors whose options are the annotated fields of a class."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TypeVar, dataclass_transform, get_type_hints

__all__ = ["option_values", "options"]

T = TypeVar("T")


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(field,))
def options(cls: type[T]) -> type[T]:
    """Turn the annotated fields of *cls* and of its bases into keyword-only options.

    A dataclass, and what lets a base class live in another module: the constructor's
    annotations are resolved where each was written, its docstring is that of the bases
    and the class, so that every option is described once, and an option of the class's
    own comes before those of the bases, as does that of a nearer base.
    """
    made = dataclass(kw_only=True, eq=False)(cls)
    constructor = vars(made)["__init__"]
    hints = get_type_hints(made, include_extras=True)
    order = [name for base in made.__mro__ for name in inspect.get_annotations(base)]
    _, *given = inspect.signature(constructor).parameters.values()
    given.sort(key=lambda parameter: order.index(parameter.name))
    constructor.__annotations__ = {p.name: hints[p.name] for p in given}
    constructor.__doc__ = "\n\n".join(
        inspect.cleandoc(base.__doc__ or "")
        for base in reversed(made.__mro__)
        if is_dataclass(base)
    )
    made.__signature__ = inspect.Signature(given)  # type: ignore[attr-defined]  # read by inspect
    return made


def option_values(instance: object) -> dict[str, object]:
    """Return the options of an instance by name."""
    return {f.name: getattr(instance, f.name) for f in fields(instance)}  # type: ignore[arg-type]  # a dataclass, by the decorator above
