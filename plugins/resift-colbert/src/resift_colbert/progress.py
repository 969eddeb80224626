"""A progress bar for calls that take long enough to wonder."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["advancing"]

_MANY = 10  # batches


@contextmanager
def advancing(
    total: int, batch_size: int, *, show: bool | None
) -> Iterator[Callable[[int], None]]:
    """Show progress on standard error while the block runs.

    Args:
        total: How many documents there are.
        batch_size: How many are done at a time.
        show: Whether to show it; None shows it on a terminal, for many documents.

    Yields:
        A function to call with the number of documents just done.
    """
    if show is None:
        show = sys.stderr.isatty() and total > _MANY * batch_size
    if not show:
        yield lambda _done: None
        return
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=console.is_terminal) as progress:
        task = progress.add_task("colbert: encoding", total=total)
        yield lambda done: progress.advance(task, done)
