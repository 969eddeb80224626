"""Watching a call between its batches: the time left, and the progress bar."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence, Sized
from typing import TypeVar

from resift_local.deadline import Deadline

__all__ = ["metered"]

_PATIENCE = 2.0  # seconds before a bar shows: most calls are over by then

Batch = TypeVar("Batch", bound=Sized)


def metered(
    who: str,
    batches: Sequence[Batch],
    deadline: Deadline,
    *,
    unit: str,
    done: str,
    show: bool | None,
) -> Iterator[Batch]:
    """Hand out batches while there is time, and show how far the call has come.

    Args:
        who: What stands before the bar.
        batches: The batches.
        deadline: When to stop.
        unit: What a batch holds, for the bar: ``"text"``.
        done: What has become of those, for the deadline: ``"texts were encoded"``.
        show: Whether to show a bar; None for calls of more than two seconds whose
            standard error is a terminal.

    Raises:
        BackendTimeoutError: If the time is up before the last batch.
    """
    from tqdm import tqdm  # type: ignore[import-untyped]

    total, count = sum(map(len, batches)), 0
    wanted = sys.stderr.isatty() if show is None else show
    bar = tqdm(
        total=total,
        desc=who,
        unit=unit,
        disable=not wanted,
        delay=_PATIENCE if show is None else 0,
        leave=False,
    )
    with bar:
        for batch in batches:
            deadline.check(f"{count} of {total} {done}")
            yield batch
            count += len(batch)
            bar.update(len(batch))
