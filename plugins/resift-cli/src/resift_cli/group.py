"""The group behind `resift`: commands imported when used, and how they fail."""

from __future__ import annotations

import difflib
import errno
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

import click

from resift.authors import COMMANDS, catalog, normalized, published
from resift.errors import (
    BrokenRerankerError,
    InvalidRerankerError,
    ResiftError,
)
from resift_cli.defaults import defaults
from resift_cli.output import REPLACED, printable
from resift_cli.synopsis import summary

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from resift.authors import Provider

__all__ = ["Commands", "load_command"]


HOME = "resift-cli"
ORDER = (
    *("demo", "list", "show", "rank", "search"),
    *("config", "doctor", "check", "new", "completion"),
)
"""Our own commands, in the order of the help page."""

INTERRUPTED = 130
BROKEN_PIPE = 141  # as a shell reports a program that SIGPIPE ended


class Failure(click.ClickException):
    """An error shown as one red line."""

    def show(self, file: object = None) -> None:
        del file  # always standard error
        message = printable(f"Error: {self.message}")
        click.secho(message, fg="red", err=True, color=self.show_color)


class Commands(click.Group):
    """A group whose commands are entry points, imported only when one of them is run.

    Every command is found in the entry-point group ``resift.commands``, this package's
    own included, by the rules of rerankers' names: any spelling, an own name always
    means the own command, ``distribution:name`` always works. Only the one that is
    asked for is imported, so a broken one hurts only itself.
    """

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,  # noqa: ANN401  # click's signature
    ) -> click.Context:
        if os.environ.get("NO_COLOR"):  # which click does not know
            extra["color"] = False
        return super().make_context(info_name, args, parent, **extra)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's
        return [provider.name for provider in _listed()]

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002  # click's signature
        cmd_name: str,
    ) -> click.Command | None:
        return load_command(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        command = self.get_command(ctx, args[0])
        if command is None and not ctx.resilient_parsing:
            ctx.fail(_unknown(args[0], self.list_commands(ctx)))
        if command is not None and not ctx.resilient_parsing:
            ctx.default_map = {args[0]: defaults(command, args[0], args[1:])}
        return args[0], command, args[1:]

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002  # click's signature
        formatter: click.HelpFormatter,
    ) -> None:
        """Write the own commands, then the packages'; none is imported for it."""
        listed = _listed()
        own = [(p.name, summary(p)) for p in listed if p.distribution == HOME]
        others = [
            (p.name, f"{summary(p)} ({p.home})")
            for p in listed
            if p.distribution != HOME
        ]
        for title, rows in (
            ("Commands", own),
            ("Commands of installed packages", others),
        ):
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def shell_complete(
        self, ctx: click.Context, incomplete: str
    ) -> list[CompletionItem]:
        """Complete options and commands' names; no command is imported for it."""
        from click.shell_completion import CompletionItem

        return [
            *(
                CompletionItem(provider.name, help=summary(provider))
                for provider in _listed()
                if provider.name.startswith(incomplete)
            ),
            *click.Command.shell_complete(self, ctx, incomplete),
        ]

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; every error becomes one line and an exit code."""
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(errors=REPLACED)  # a terminal without that letter
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


def load_command(name: str) -> click.Command | None:
    """Import the command that an installed package calls *name*.

    Returns:
        The command, or None where no package has one of that name.

    Raises:
        PluginError: If several have, RESIFT_PLUGINS leaves it out, it cannot be
            imported, or it is no command.
    """
    known = catalog(COMMANDS)
    return _load(known.find(name)) if name in known else None


def _fail(ctx: click.Context, error: Exception, message: str) -> NoReturn:
    if (ctx.obj or {}).get("traceback"):
        raise error
    raise Failure(message) from error


def _end_of_pipe() -> NoReturn:
    """Leave quietly: whoever read our output has read enough."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise click.exceptions.Exit(BROKEN_PIPE) from None


def _listed() -> list[Provider]:
    """Return the commands that a bare name runs, our own first, in a fixed order.

    Of a name that several packages offer there is one line, and running it says which.
    """
    known = catalog(COMMANDS)
    listed: dict[str, Provider] = {}
    for provider in known.providers:
        if not known.is_allowed(provider):
            continue
        if provider.name not in listed or provider.distribution == HOME:
            listed[provider.name] = provider
    return sorted(listed.values(), key=_place)


def _place(provider: Provider) -> tuple[bool, int, str]:
    """Return where a command stands on the help page."""
    order = ORDER.index(provider.name) if provider.name in ORDER else len(ORDER)
    return provider.distribution != HOME, order, provider.name


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
    ours = published(COMMANDS)
    if package := ours.get(normalized(name)):
        return f"The command {name!r} ships in {package}: pip install {package}"
    near = difflib.get_close_matches(name, [*known, *ours], n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"No such command {name!r}.{hint}"
