"""The group behind `resift`: commands imported when used, and how they fail."""

from __future__ import annotations

import difflib
import errno
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

import click

from resift.errors import (
    BrokenRerankerError,
    InvalidRerankerError,
    ResiftError,
)

if TYPE_CHECKING:
    from resift.catalog import Provider

__all__ = ["PUBLISHED", "Commands", "plugin_command"]

OWN = {  # in the order of the help page
    "demo": "resift.cli.demo:demo",
    "list": "resift.cli.list:list_rerankers",
    "show": "resift.cli.show:show",
    "rank": "resift.cli.rank:rank",
    "search": "resift.cli.search:search",
    "config": "resift.cli.config:show_config",
    "doctor": "resift.cli.doctor:doctor",
    "check": "resift.cli.check:check",
    "new": "resift.cli.new:new",
    "completion": "resift.cli.completion:completion",
}

PUBLISHED = {
    "cache": "resift-cache",
    "colbert-index": "resift-colbert",
    "eval": "resift-eval",
}
"""The commands that this project's packages add, and the distribution of each."""

INTERRUPTED = 130
BROKEN_PIPE = 141  # as a shell reports a program that SIGPIPE ended


class Failure(click.ClickException):
    """An error shown as one red line."""

    def show(self, file: object = None) -> None:
        del file  # always standard error
        click.secho(f"Error: {self.message}", fg="red", err=True)


class Commands(click.Group):
    """A group whose commands are imported only when one of them is run.

    Besides its own it offers those that installed packages register in the entry-point
    group ``resift.commands``, by the rules of rerankers' names: any spelling, an own
    name always means the own command, ``distribution:name`` always works. Only the one
    that is asked for is imported, so a broken one hurts only itself.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's
        return [*OWN, *sorted({p.name for p in _plugins()} - OWN.keys())]

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002  # click's signature
        cmd_name: str,
    ) -> click.Command | None:
        if target := OWN.get(cmd_name):
            module, _, attribute = target.partition(":")
            command: click.Command = getattr(import_module(module), attribute)
            return command
        return plugin_command(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        command = self.get_command(ctx, args[0])
        if command is None and not ctx.resilient_parsing:
            ctx.fail(_unknown(args[0], self.list_commands(ctx)))
        return args[0], command, args[1:]

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Write the own commands, then the plugins', which are not imported for it."""
        limit = formatter.width - 6 - max(map(len, OWN))
        with formatter.section("Commands"):
            commands = {name: self.get_command(ctx, name) for name in OWN}
            formatter.write_dl(
                [
                    (name, command.get_short_help_str(limit))
                    for name, command in commands.items()
                    if command is not None
                ]
            )
        if plugins := [p for p in _plugins() if p.name not in OWN]:
            with formatter.section("Commands of installed packages"):
                formatter.write_dl(
                    [
                        (p.name, f"{p.summary} ({p.distribution} {p.version})")
                        for p in plugins
                    ]
                )

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; every error becomes one line and an exit code."""
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(errors="replace")  # a terminal without that letter
        try:
            result: object = super().invoke(ctx)
            sys.stdout.flush()
        except ResiftError as error:
            _fail(ctx, error, str(error))
        except BrokenPipeError:
            _end_of_pipe()
        except KeyboardInterrupt:
            click.echo(err=True)  # after the terminal's "^C"
            raise click.exceptions.Exit(INTERRUPTED) from None
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except OSError as error:
            if error.errno == errno.EPIPE:
                _end_of_pipe()
            _fail(ctx, error, str(error))
        except Exception as error:  # noqa: BLE001  # a plugin may raise anything
            what = f"{type(error).__name__}: {error}".rstrip(": ")
            what = " ".join([f"{what}.", *getattr(error, "__notes__", ())])
            _fail(ctx, error, f"{what} (resift --traceback shows where)")
        else:
            return result


def plugin_command(name: str) -> click.Command | None:
    """Import the command that an installed package calls *name*.

    Returns:
        The command, or None where no package has one of that name.

    Raises:
        PluginError: If several have, RESIFT_PLUGINS leaves it out, it cannot be
            imported, or it is no command.
    """
    from resift.catalog import COMMANDS, catalog

    known = catalog(COMMANDS)
    return _load(known.find(name)) if name in known else None


def _fail(ctx: click.Context, error: Exception, message: str) -> NoReturn:
    if (ctx.obj or {}).get("traceback"):
        raise error
    raise Failure(" ".join(message.split("\n"))) from error


def _end_of_pipe() -> NoReturn:
    """Leave quietly: whoever read our output has read enough."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise click.exceptions.Exit(BROKEN_PIPE) from None


def _plugins() -> list[Provider]:
    """Return the commands that installed and allowed packages offer."""
    from resift.catalog import COMMANDS, catalog

    known = catalog(COMMANDS)
    return [provider for provider in known.providers if known.is_allowed(provider)]


def _load(provider: Provider) -> click.Command:
    module, _, attribute = provider.target.partition(":")
    try:
        command = getattr(import_module(module), attribute)
    except Exception as error:
        msg = (
            f"{provider} cannot be imported: {type(error).__name__}: {error}. "
            f"The fault lies in {provider.distribution}, or in what it needs."
        )
        raise BrokenRerankerError(msg) from error
    if not isinstance(command, click.Command):
        msg = (
            f"{provider} must be a click command, but {provider.target!r} is an "
            f"object of type {type(command).__name__!r}."
        )
        raise InvalidRerankerError(msg)
    return command


def _unknown(name: str, known: list[str]) -> str:
    if package := PUBLISHED.get(name.lower().replace("_", "-")):
        return f"The command {name!r} ships in {package}: pip install {package}"
    near = difflib.get_close_matches(name, [*known, *PUBLISHED], n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"No such command {name!r}.{hint}"
