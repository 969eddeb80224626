"""Errors about arguments, told in the flags that set them."""

from __future__ import annotations

import re
from copy import copy

import click
from click.core import ParameterSource

from resift.errors import InputError

__all__ = ["FlaggedCommand", "flag_of", "in_flags"]

_ALSO = {"top_k": "limit"}  # of `resift search`

_PHRASES = (
    # Python's advice, and ours; {name} is the flag of that argument
    ("with text=..., and select it in the search", "with {text}"),
    ("with text=...", "with {text}"),
    ("Select it in the search, or name", "Name"),
    ("Cut by top_k", "Cut by {top_k}"),
    ("Give vectors={column: vector}, index a text", "In Python, index a text"),
    ("Create one with table", "Create one in Python with table"),
    ("must be given: vectors", "must be given, which only Python can: vectors"),
)
_SUBJECT = re.compile(r"(?:^|(?<=: ))([a-z_]+)(?= (?:must|needs|names)\b)")


class FlaggedCommand(click.Command):
    """A command that hands its options on to Python's functions of the same names."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except InputError as error:
            raise in_flags(error, ctx) from error


def in_flags(error: InputError, context: click.Context) -> InputError:
    """Say *error* in flags: those that it advises, and those that were given.

    A setting that came from the config file keeps the name that it has there.
    """
    if parameter := getattr(error, "parameter", ""):
        changes = {
            "parameter": _given(context, parameter) or parameter,
            "remedy": _advised(getattr(error, "remedy", ""), context),
        }
        told = copy(error)
        vars(told).update(changes)
        return told
    message = _advised(str(error), context)  # of an error that is a sentence only
    return InputError(
        _SUBJECT.sub(lambda found: _given(context, found[1]) or found[1], message)
    )


def _advised(advice: str, context: click.Context) -> str:
    """Return advice on Python's arguments as one on flags."""
    for python, ours in _PHRASES:
        names = re.findall(r"\{(\w+)\}", ours)
        flags = {name: flag_of(context, name) for name in names}
        if python in advice and all(flags.values()):
            advice = advice.replace(python, ours.format(**flags))
    return advice


def flag_of(context: click.Context, name: str) -> str | None:
    """Return the flag that sets Python's argument *name*, None where there is none."""
    flags = {
        option.name: max(option.opts, key=len)
        for option in context.command.params
        if isinstance(option, click.Option)
    }
    return flags.get(name) or flags.get(_ALSO.get(name, ""))


def _given(context: click.Context, name: str) -> str | None:
    given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    return flag_of(context, name) if given else None
