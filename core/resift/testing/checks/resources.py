"""Checks of what a reranker leaves open: files, threads, sockets."""

from __future__ import annotations

import gc
import threading
import time
from typing import TYPE_CHECKING

from resift.testing.cases import OBVIOUS, Case
from resift.testing.checks.construction import not_built_here
from resift.testing.contract import broken, check
from resift.testing.surroundings import child_processes, open_files
from resift.testing.watching import stamp, written

if TYPE_CHECKING:
    from collections.abc import Callable

    from resift.testing.subject import Subject

TIMES = 6
FEW = 3
"""How often one is built that takes long, because it loads a model."""
_LONG = 0.5
"""Seconds that are long."""
_SETTLE = 2.0
"""Seconds for what a call left behind to end by itself."""


@check(
    "However often it is called, it holds no more files, sockets, threads, processes.",
    usually="a file, a connection or a client is opened in 'score' and never closed, "
    "or each call starts a thread. Use 'with', or keep one on 'self'.",
    of="scorer",
    after=("same_call_same_scores",),
)
def calls_leave_nothing_open(subject: Subject) -> None:
    """Count before and after some calls."""
    subject.scores(OBVIOUS)

    def call(number: int) -> None:
        texts = tuple(f"{text} {number}." for text in OBVIOUS.documents)
        subject.scores(Case(OBVIOUS.query, texts))

    _require_no_more(call, "{} calls")


@check(
    "Closed, it holds nothing any more: no file, no socket, no thread, no process.",
    usually="'close' is missing, or forgets the pool or the client that the first "
    "score made.",
    of="scorer",
    after=("warms_up_and_closes",),
    unless=(not_built_here,),
)
def closing_leaves_nothing_open(subject: Subject) -> None:
    """Build, use and close some, and count."""
    subject.scores(OBVIOUS)
    kept = []

    def live(_: int) -> None:
        reranker = subject.build()
        subject.scores(OBVIOUS, reranker=reranker)
        plugin = reranker.plugin
        reranker.close()
        kept.append((reranker, plugin))

    start = time.monotonic()
    live(0)
    times = TIMES if time.monotonic() - start < _LONG else FEW
    _require_no_more(live, "{} that were built, used and closed", times)


@check(
    "Scoring leaves no file behind.",
    usually="a temporary file is made with 'delete=False', or a log or dump is "
    "written beside the program.",
    of="scorer",
    after=("same_call_same_scores",),
)
def calls_leave_no_files(subject: Subject) -> None:
    """Note what is opened for writing, and look whether it is still there."""
    subject.scores(OBVIOUS)
    with written() as paths:
        subject.scores(Case(OBVIOUS.query, OBVIOUS.documents[::-1]))
    left = [path for path, was in paths.items() if stamp(path) not in (was, None)]
    if left and not _is_a_store(subject):
        broken(f"{left[0].name!r} is left behind", OBVIOUS)


def _is_a_store(subject: Subject) -> bool:
    """Return whether an option says where it keeps what."""
    names = ("directory", "path", "folder", "file", "database", "cache")
    return any(name in option for option in subject.options for name in names)


def _require_no_more(
    call: Callable[[int], None], what: str, times: int = TIMES
) -> None:
    """Call some times, and require that nothing grows with every call."""
    files, threads = open_files(), threading.active_count()
    processes = child_processes()
    for number in range(1, times + 1):
        call(number)
    grown = max(times - 1, FEW)
    end = time.monotonic() + _SETTLE
    while True:
        more = threading.active_count() - threads
        opened = 0 if files is None else (open_files() or 0) - files
        started = child_processes() - processes
        if max(more, opened, started) < grown:
            return
        if time.monotonic() > end:
            break
        gc.collect()  # what stands in a ring goes now, and slowly: only if needed
        time.sleep(0.05)
    if more >= grown:
        broken(f"{more} more threads run", what.format(times))
    if started >= grown:
        broken(f"{started} more processes run", what.format(times))
    broken(f"{opened} more files or sockets are open", what.format(times))
