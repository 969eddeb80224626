"""`resift completion`: the script by which a shell completes commands and names."""

from __future__ import annotations

import sys

import click

__all__ = ["completion"]


@click.command
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, *, shell: str) -> None:
    """Set up completion in bash, zsh or fish.

    Prints the script that makes SHELL complete commands and rerankers' names.

    \b
    Put one of these lines into the file that your shell reads at its start:
      bash   eval "$(resift completion bash)"      in ~/.bashrc
      zsh    eval "$(resift completion zsh)"       in ~/.zshrc
      fish   resift completion fish | source       in ~/.config/fish/config.fish

    \b
    Examples:
      eval "$(resift completion bash)"
      resift completion zsh > _resift
    """  # noqa: D301  # click keeps the lines after a \b as they are
    from click.shell_completion import get_completion_class

    main = context.find_root().command
    kind = get_completion_class(shell)
    if kind is not None:  # click knows all three
        script = kind(main, {}, "resift", "_RESIFT_COMPLETE").source()
        sys.stdout.write(f"{script}\n")
