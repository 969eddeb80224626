"""How far a request travels: the files of the core that one `bm25.rerank` runs through.

    python tests/benchmarks/bench_moves.py [--list]

Prints how many files of the core are entered, how many calls go from one file into
another, and how many moves these are there and back. The first call is not counted, as
it imports. Nothing else grows so quietly: a reader has to follow every one of these
steps. `--list` prints each pair of files. Another revision is measured in an
environment where that one is installed.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

import resift

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

CORE = Path(resift.__file__).parent


def main() -> None:
    """Rerank once, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true", help="print each pair of files")
    listed = parser.parse_args().list
    rows = pa.table({"_rowid": range(10), "text": [f"red fox {i}" for i in range(10)]})
    reranker = resift.load("bm25", config=None)
    reranker.rerank("fox", rows)
    files, moves, steps = watched(lambda: reranker.rerank("fox", rows))
    print(
        f"bm25.rerank, one list: {len(files)} files, {moves.total()} calls from file "
        f"to file, {steps} moves there and back"
    )
    if listed:
        for (caller, callee), n in moves.most_common():
            print(f"{n:5}  {caller} -> {callee}")


def watched(
    call: Callable[[], object],
) -> tuple[set[str], Counter[tuple[str, str]], int]:
    """Return the files of the core that a call enters, and its moves between them.

    The last figure counts how often the file changes, by calls and by returns.
    """
    files: set[str] = set()
    moves: Counter[tuple[str, str]] = Counter()
    steps, last = 0, None

    def watch(frame: FrameType, event: str, _: object) -> None:
        nonlocal steps, last
        here = caller(frame) if event == "return" else place(frame)
        if event not in ("call", "return") or here is None:
            return
        steps += last not in (None, here)
        last = here
        if event == "return":
            return
        files.add(here)
        came = caller(frame)
        if came is not None and came != here:
            moves[came, here] += 1

    sys.setprofile(watch)
    try:
        call()
    finally:
        sys.setprofile(None)
    return files, moves, steps


def place(frame: FrameType) -> str | None:
    """Return the file of the core in which a frame runs; None outside."""
    path = Path(frame.f_code.co_filename)
    return str(path.relative_to(CORE)) if path.is_relative_to(CORE) else None


def caller(frame: FrameType) -> str | None:
    """Return the file of the core that called, whatever stands in between."""
    above = frame.f_back
    while above is not None:
        if (came := place(above)) is not None:
            return came
        above = above.f_back
    return None


if __name__ == "__main__":
    main()
