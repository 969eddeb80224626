"""The parameters that several commands share: a reranker's name, and its options."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from resift_cli.flags import flag_of

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from resift import Reranker
    from resift.authors import Config

__all__ = [
    "TOO_LOW",
    "Number",
    "RerankerName",
    "config_option",
    "find_config",
    "instruction_option",
    "load",
    "min_score_option",
    "options_option",
    "query_argument",
    "reranker_options",
]

TOO_LOW = "no result scores as high as --min-score"
_Command = TypeVar("_Command", bound=Callable[..., object])


class RerankerName(click.ParamType):  # type: ignore[type-arg]  # of late generic
    """The name of a reranker; the shell completes it from metadata and config."""

    name = "name"

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002  # click's signature
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        from resift.authors import Config, catalog
        from resift.errors import ConfigError

        try:
            configured = {
                name: f"configured: {entry.use}"
                for name, entry in Config.find().rerankers.items()
            }
        except ConfigError:  # completing is no place to complain
            configured = {}
        installed = {p.name: p.distribution for p in catalog().providers}
        known = {**installed, **configured}
        return [
            CompletionItem(name, help=known[name])
            for name in sorted(known)
            if name.startswith(incomplete)
        ]


class _Assignment(click.ParamType):  # type: ignore[type-arg]
    """``KEY=VALUE``; the value is read as JSON where it is JSON, else as it stands."""

    name = "key=value"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, object]:
        from resift.authors import RESERVED

        key, equals, text = str(value).partition("=")
        key = key.strip().replace("-", "_")
        if not equals or not key:
            self.fail(f"must look like KEY=VALUE, got {value!r}.", param, ctx)
        if key in RESERVED:
            flag = flag_of(ctx, key) if ctx else None
            hint = f" Use {flag}." if flag else ""
            self.fail(f"{key!r} is not an option of a reranker.{hint}", param, ctx)
        try:
            return key, json.loads(text)
        except ValueError:
            return key, text


class Number(click.FloatRange):
    """A number within bounds, which NaN is not."""

    def convert(
        self,
        value: Any,  # noqa: ANN401  # click's signature
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"must be a number, got {value!r}.", param, ctx)
        return number


def _not_blank(context: click.Context, parameter: click.Parameter, query: str) -> str:
    if not query.strip():
        msg = f"must not be blank, got {query!r}."
        raise click.BadParameter(msg, context, parameter)
    return query


query_argument = click.argument("query", callback=_not_blank)


config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Config file, instead of RESIFT_CONFIG or the nearest resift.toml.",
)


options_option = click.option(
    "-o",
    "--option",
    "options",
    type=_Assignment(),
    multiple=True,
    help="Option of the reranker, its value JSON or a string. Repeat it.",
)


min_score_option = click.option(
    "--min-score",
    metavar="NUMBER",
    type=Number(min=0, max=1),
    help="Least score to show; for rerankers whose scores are probabilities.",
)


instruction_option = click.option(
    "--instruction",
    metavar="WORDS",
    help="What to count as relevant, in words, for a reranker that reads it.",
)


def reranker_options(command: _Command) -> _Command:
    """Add the options that choose and set up a reranker."""
    for option in reversed(
        (
            click.option(
                "-r",
                "--reranker",
                type=RerankerName(),
                help="Reranker to use; the config's default where not given.",
            ),
            options_option,
            click.option(
                "-m",
                "--merge",
                type=RerankerName(),
                help="Merger to use instead of the reranker's own.",
            ),
            config_option,
        )
    ):
        command = option(command)
    return command


def find_config(path: Path | None) -> Config:
    """Return the config that applies, from *path* where it is given."""
    from resift.authors import Config

    return Config.read(path) if path else Config.find()


def load(
    name: str | None,
    fallback: str,
    *,
    options: Iterable[tuple[str, object]],
    merge: str | None,
    config_path: Path | None,
    text: str | None = None,
    min_score: float | None = None,
    instruction: str | None = None,
) -> Reranker:
    """Build the reranker that the command line asks for.

    Args:
        name: Its name, or None for the default of environment and config.
        fallback: The reranker where those name none either.
        options: Its options.
        merge: A merger by name.
        config_path: The config file given.
        text: The field that holds the text.
        min_score: The least probability of what is shown.
        instruction: What to count as relevant, in words.
    """
    import resift

    config = find_config(config_path)
    if name is None and not (os.environ.get("RESIFT_RERANKER") or config.default):
        name = fallback
    given: dict[str, Any] = dict(options)
    if instruction is not None:
        given["instruction"] = instruction
    return resift.load(
        name, merge=merge, text=text, min_score=min_score, config=config, **given
    )
