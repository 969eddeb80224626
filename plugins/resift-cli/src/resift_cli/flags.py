"""Errors about arguments, told in the flags that set them."""

from __future__ import annotations

from copy import copy

import click
from click.core import ParameterSource

from resift.errors import InputError

__all__ = ["FlaggedCommand", "flag_of", "in_flags"]

_ALSO = {"top_k": "limit"}  # of `resift search`


class FlaggedCommand(click.Command):
    """A command that hands its options on to Python's functions of the same names."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except InputError as error:
            raise in_flags(error, ctx) from error


def in_flags(error: InputError, context: click.Context) -> InputError:
    """Say *error* in flags: the one that was given, and those that it advises.

    A setting that came from the config file keeps the name that it has there. Advice
    that no flag can follow is told as one for Python.
    """
    told = copy(error)
    if error.parameter:
        told.parameter = _given(context, error.parameter) or error.parameter
    flags = {name: flag_of(context, name) for name in error.arguments}
    told.arguments = {
        name: flags[name] or python for name, python in error.arguments.items()
    }
    if not all(flags.values()):
        told.advice = f"In Python: {error.advice}"
    return told


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
