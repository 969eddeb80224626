"""Checks of the class, its options, and what building it does."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Literal

import pydantic

from resift.errors import OptionsError
from resift.testing.contract import broken, check
from resift.testing.watching import watched

if TYPE_CHECKING:
    from resift.testing.subject import Subject

_SECRET = re.compile(r"(^|_)(api_?key|key|token|password|secret|credentials?)$")


class _Declared(pydantic.BaseModel, strict=True):
    """The attributes of `resift.hookspecs`, and what they may be."""

    scores: bool
    merges: bool
    score_kind: Literal["probability", "similarity", "logit", "ordinal"]
    score_range: tuple[float, float] | None
    pointwise: bool
    columns: list[str] | None
    needs_text: bool
    needs_network: bool
    deterministic: bool
    reads_order: bool
    symmetric: bool
    affine_invariant: bool
    most_lists: int | None


def not_built_here(subject: Subject) -> str | None:
    """Tell that the reranker came built, so that its building cannot be watched."""
    return None if subject.builds else "it came built"


@check(
    "The class implements 'score', 'score_many' or 'merge', as the hooks define them.",
    usually="@resift.hookimpl is missing, a hook or an argument is misspelt, or a hook "
    "is async or takes keyword-only arguments.",
    after=("entry_point_resolves",),
    essential=True,
)
def hooks_are_well_formed(subject: Subject) -> None:
    """Hold the class to the rules that it must pass to be loaded."""
    subject.implementation.check(subject.who)


@check(
    "Each option is a named, annotated parameter of the constructor; an unknown one "
    "is an OptionsError.",
    usually="the constructor takes **kwargs, in which a misspelt option vanishes, or "
    "an annotation is imported under 'if TYPE_CHECKING'.",
    after=("hooks_are_well_formed",),
    unless=(not_built_here,),
    essential=True,
)
def options_are_checked(subject: Subject) -> None:
    """Read the options off the class, then give one that it does not have."""
    unknown = "no_such_option"
    try:
        subject.build(**{unknown: 1})
    except OptionsError as error:
        if unknown in str(error):
            return
        raise
    broken("it was accepted", f"the option {unknown}=1")  # pragma: no cover  # so far


@check(
    "With its options, and with its defaults for the rest, it can be built.",
    usually="the constructor raises, or 'columns' is one string instead of a tuple. "
    "An option without which it cannot work must be given to the contract, too.",
    after=("options_are_checked",),
    essential=True,
)
def can_be_built(subject: Subject) -> None:
    """Build it."""
    subject.build()


@check(
    "Each option is described in the docstring's 'Args:' section.",
    usually="an option was added later than the docstring; 'resift show' prints "
    "nothing for it.",
    after=("options_are_checked",),
    unless=(not_built_here,),
)
def options_are_described(subject: Subject) -> None:
    """Read the docstring."""
    silent = [o.name for o in subject.schema.options.values() if not o.summary]
    if silent:
        broken(f"nothing is said about {', '.join(map(repr, silent))}")


@check(
    "A key, token or password is a pydantic.SecretStr, which no message ever shows.",
    usually="the option is annotated 'str'.",
    after=("options_are_checked",),
    unless=(not_built_here,),
    essential=True,
)
def secrets_are_secret(subject: Subject) -> None:
    """Look for options that are named like secrets and are not typed as such."""
    for option in subject.schema.options.values():
        if _SECRET.search(option.name) and not option.is_secret:
            found = f"the option {option.name!r} is annotated {option.type_name!r}"
            broken(found)


@check(
    "Building it is cheap: no file, no network, no process, no thread. Weights and "
    "clients wait for the first score, or for 'warmup'.",
    usually="the constructor loads the model, reads a file or opens a client.",
    after=("can_be_built",),
    unless=(not_built_here,),
)
def construction_does_no_io(subject: Subject) -> None:
    """Build it, and watch what the interpreter is asked to open."""
    subject.build()  # what is imported on the way is not counted
    threads = threading.active_count()
    with watched() as seen:
        subject.build()
    if seen:
        broken(f"it did {', '.join(seen[:3])}", "building it, and nothing else")
    if threading.active_count() > threads:
        broken("it started a thread", "building it, and nothing else")


@check(
    "What it declares about itself has the type and the values that hooks know.",
    usually="'score_kind' is misspelt, or the suite declares something else than the "
    "class.",
    after=("can_be_built",),
    essential=True,
)
def declarations_are_known(subject: Subject) -> None:
    """Check the attributes that `resift.hookspecs` lists."""
    for name, value in subject.settings.declares.items():
        own = getattr(subject.cls, name, value)
        if name not in _Declared.model_fields:
            broken(f"the suite declares {name!r}, which hooks do not know")
        if own != value and not isinstance(own, property):
            broken(f"the suite declares {name} = {value!r}, the class {own!r}")
    try:
        _Declared.model_validate(subject.declared)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = first["loc"][0]
        found = f"{where} is {first['input']!r}: {first['msg'].lower()}"
        broken(found)
