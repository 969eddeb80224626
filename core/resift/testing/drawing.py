"""Drawing: inputs that nobody chose, made of numbers.

With hypothesis installed, it draws the numbers and makes a list that breaks a promise
smaller; without it, the same few lists are tried, as they are. Both draw the same each
time: nothing here depends on chance, and nothing is kept on disk.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from typing import TypeAlias

from resift.testing.breach import Breach
from resift.testing.cases import GRADED, MARKS, NOISE, OBVIOUS, Case
from resift.testing.lists import Lists, ranked

__all__ = ["Numbers", "bag_of", "draw", "lists_of"]

Numbers: TypeAlias = Sequence[int]
"""What a case is made of: the smaller and the fewer, the simpler the case."""

EXAMPLES = 60
"""How many lists of numbers are drawn."""
MOST = 8
"""How many numbers a list has at most."""
_BITS = 12
_WAITING = 5
_JOINTS = (" ", "\n", "\t", ", ", "\n\n", "\u00a0", " | ", ". ", "\r\n", "-")
_OTHERS = ("", "rain", "Rain", "7", "rain " * 60, *MARKS)


def bag_of(numbers: Numbers) -> Case:
    """Make a query and texts: one text for each number, no two alike.

    A text holds so many of the query's words, joined by a character or two, beside
    something else.
    """
    query = (GRADED.query, OBVIOUS.query)[numbers[0] % 2]
    words = query.split()
    texts = []
    for number in numbers:
        rest, count = divmod(number, len(words) + 1)
        rest, joint = divmod(rest, len(_JOINTS))
        other = _OTHERS[rest % len(_OTHERS)]
        text = _JOINTS[joint].join([*words[:count], other]).strip()
        texts.append(text or NOISE)
    return Case(query, tuple(dict.fromkeys(texts)))


def lists_of(numbers: Numbers, most: int | None = None) -> Lists:
    """Make ranked lists: each number puts a document into a list with a score.

    Args:
        numbers: Of one document in one list each.
        most: How many lists there are at most.
    """
    n_lists = min(1 + numbers[0] % 4, most or 4)
    n_documents = 2 + numbers[-1] % 6
    found: list[dict[int, float]] = [{} for _ in range(n_lists)]
    for number in numbers:
        rest, which = divmod(number, n_lists)
        rest, document = divmod(rest, n_documents)
        found[which].setdefault(document, float(rest % 5) - 1.0)
    weights = [1.0 + (number % 3) / 2 for number in (*numbers, 0, 0, 0)[:n_lists]]
    return ranked(*(one or [] for one in found), n=n_documents, weights=weights)


def draw(problem: Callable[[Numbers], None], seconds: float = 0.2) -> None:
    """Try lists of numbers until *problem* raises a `Breach`, and raise the smallest.

    Args:
        problem: Raises a `Breach` for numbers that show one.
        seconds: After so long, of computing or five times that of waiting, no more are
            tried; a breach is made smaller for as long as that again.
    """
    began: list[float] = []
    found: dict[tuple[int, tuple[int, ...]], Breach] = {}

    def ask(numbers: Numbers) -> None:
        began[:] = began or [time.monotonic(), time.thread_time()]
        waited = (time.monotonic() - began[0]) / _WAITING
        computed = time.thread_time() - began[1]
        if max(waited, computed) > seconds * (1 + bool(found)):
            return
        try:
            problem(numbers)
        except Breach as breach:
            found[len(numbers), tuple(numbers)] = breach
            raise

    try:
        if find_spec("hypothesis"):
            _search(ask)
        else:
            for numbers in _few():
                ask(numbers)
    except Exception:
        if not found:
            raise
    if found:  # hypothesis may have raised another, or that time ran out meanwhile
        smallest = found[min(found)]
        raise smallest from smallest.__cause__


def _search(ask: Callable[[Numbers], None]) -> None:
    """Let hypothesis draw, and shrink: it seeds itself by the code of *ask*.

    It draws bits. Into integers it would mix those that stand in the modules which
    happen to be imported, and it would keep them in a folder of the project.
    """
    from hypothesis import HealthCheck, Phase, Verbosity, given, settings
    from hypothesis import strategies as st

    bits = st.tuples(*[st.booleans()] * _BITS)
    number = bits.map(lambda drawn: sum(bit << i for i, bit in enumerate(drawn)))
    numbers = st.lists(number, min_size=1, max_size=MOST)
    config = settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        verbosity=Verbosity.quiet,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )
    config(given(numbers)(ask))()


def _few() -> Iterator[list[int]]:
    """Yield the lists that are tried without hypothesis, short ones first."""
    dice = random.Random(20_000_303)  # noqa: S311  # numbers, no secrets
    for i in range(EXAMPLES):
        size = 1 + i * MOST // EXAMPLES
        yield [dice.getrandbits(_BITS) for _ in range(size)]
