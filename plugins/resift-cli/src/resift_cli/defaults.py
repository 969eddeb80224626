"""Defaults of a command: the table ``[commands.NAME]`` of the config file."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import click

from resift.authors import Config, normalized
from resift.errors import ConfigError

__all__ = ["defaults"]


def defaults(
    command: click.Command, name: str, arguments: Sequence[str]
) -> dict[str, Any]:
    """Return what the config gives for the options of a command.

    Args:
        command: The command.
        name: What it was called by.
        arguments: Its arguments; ``--config`` among them names the file.

    Raises:
        ConfigError: If the table has a key that is no option of the command.
    """
    if any(argument in ("-h", "--help") for argument in arguments):
        return {}
    config = _config(arguments)
    table = config.commands.get(normalized(name).rpartition(":")[2], {})
    place = f"{config.where()}: [commands.{name}]"
    return {
        str(parameter.name): value
        for key, value in table.items()
        for parameter in [_option(command, str(key), place)]
        if not isinstance(value, Mapping)
    }


def _config(arguments: Sequence[str]) -> Config:
    """Return the config that the arguments name; none where it cannot be read.

    The command itself says what is wrong with it.
    """
    path = None
    for argument, following in pairwise([*arguments, ""]):
        if argument == "--config":
            path = following
        elif argument.startswith("--config="):
            path = argument.partition("=")[2]
    try:
        return Config.read(path) if path else Config.find()
    except ConfigError:
        return Config()


def _option(command: click.Command, key: str, place: str) -> click.Parameter:
    """Return the option that *key* names, as on the command line without hyphens."""
    options = {
        spelling.lstrip("-"): parameter
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for spelling in parameter.opts
        if spelling.startswith("--")
    }
    wanted = key.replace("_", "-")
    if wanted in options:
        return options[wanted]
    near = difflib.get_close_matches(wanted, options, n=1)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    message = f"unknown key {key!r}"
    remedy = f"{hint}Options: {', '.join(sorted(options))}."
    raise ConfigError(message, place=place, remedy=remedy)
