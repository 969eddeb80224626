"""Cases: a query and its documents, and how one that breaks a promise is made smaller.

The documents differ in length and share more or fewer words with the query, so that
a scorer of any kind tells them apart, and a score at the wrong document shows.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

__all__ = [
    "GRADED",
    "LADDER",
    "LONG",
    "MANY",
    "MARKS",
    "NOISE",
    "OBVIOUS",
    "ODD",
    "Case",
    "Problem",
    "alike",
    "ramp",
    "shuffled",
]


@dataclass(frozen=True, slots=True)
class Case:
    """A query and its documents, best first as they were retrieved."""

    query: str
    documents: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.documents)

    def __str__(self) -> str:
        shown = ", ".join(_short(text) for text in self.documents[:4])
        more = f", ... {len(self)} in all" if len(self) > 4 else ""
        return f"query {_short(self.query)}, documents [{shown}{more}]"

    def at(self, indices: Sequence[int]) -> Case:
        """Return the case with the documents at *indices*, in that order."""
        return replace(self, documents=tuple(self.documents[i] for i in indices))

    def smaller(self) -> Iterator[Case]:
        """Yield the case without one part of its documents: halves first, then less."""
        size = len(self) // 2
        while size:
            for start in range(0, len(self), size):
                kept = self.documents[:start] + self.documents[start + size :]
                if kept:
                    yield replace(self, documents=kept)
            size //= 2


Problem: TypeAlias = Callable[[Case], str | None]
"""What is wrong with a case, as a sentence; None where the promise holds."""


GRADED = Case(
    "how do red foxes hunt mice in deep snow",
    (
        "Rain is expected on Tuesday.",
        "Foxes hunt.",
        "In winter red foxes hunt mice in deep snow by listening for them.",
        "Snow fell on the mountain road, and the bus was late again.",
        "How do foxes hunt in deep snow? They listen, wait, leap and dive head first.",
        "Red paint dries slowly.",
    ),
)
"""Six documents that any scorer tells apart."""

NOISE = "The invoice is payable within thirty days of receipt."
OBVIOUS = Case(
    "what is the capital of France", ("Paris is the capital of France.", NOISE)
)
"""A document that answers the query, and one that has nothing to do with it."""

MANY = Case(
    GRADED.query,
    tuple(
        f"{GRADED.documents[1 + i % 4]}{' And it rains.' * (i // 4)}"
        for i in range(130)
    ),
)
"""More documents than most batches and some servers take at once, no two of them equal
in words and length, so that no tie hides a mistake."""

LONG = Case(
    GRADED.query, (GRADED.documents[2], "The fox waited in the snow. " * 2000, "Foxes.")
)
"""A document of 12 000 words between two short ones: longer than any model reads."""

ODD = (
    "Ein Fuchs jagt Mäuse. 狐は雪の中で狩りをする。 Лиса охотится. الثعلب يصطاد",
    "🦊❄️🐭 👩‍👩‍👧‍👦",
    "e\u0301a\u0308o\u0302 \u202eright to left\u202c zero\u200bwidth \ufeff",
    "tab\tline\nfeed\r\n\x00 null \x1b[31m",
    "\u200b",
    "...",
    "x",
    "<script>alert('{0} %s {{query}} \\n')</script> [SEP] </s> <|endoftext|>",
    '{"index": 0, "relevance_score": 1.0}',
    "fox" * 3000,
)
"""Texts that are not blank, but not prose either."""


LADDER = (
    "Paris is the capital of France.",
    "The capital of it is far.",
    "Onions fry slowly in butter",
)
"""What answers the query of `OBVIOUS`, what shares words with it, and none."""

MARKS = (
    "\ufb01nally \u2460 \uff21 \u00bd",
    "caf\u00e9 cafe\u0301",
    "one\ntwo\r\nthree\x0bfour\x0cfive\u2028six\x85seven",
    "tab\there\x00null\x1b[0m",
    "\u00a0\u200b\ufeff\u202eturned\u202c",
    '"quoted", {braced}, <b>tagged</b>, %s \\n',
    "- one\n\n- two\n---\n[1] three\r\n\r\n### four ||| five;six",
    "\U0001f98a \u72d0\u72f8 \u043b\u0438\u0441\u0430",
)
"""What real texts hold beside words: nothing of it changes what they are about."""


def alike() -> Case:
    """Return texts that are hard to tell apart, though they score differently.

    Pairs that share a long beginning, a long end, their length, their letters, or all
    but what Unicode or a line break makes of them; one of each pair shares words with
    the query, the other none. Their number is not round.
    """
    good, bad = "red foxes hunt mice in deep snow", "old paint dries slow on cold tin"
    texts = [good, bad, good[:20], bad[:20], "snow", "rain", "wons", "fox\nsnow"]
    for size in (8, 16, 24, 32, 50, 64, 100, 128, 200, 256, 300, 512, 1000, 2000):
        filler = ("and so the long report goes on " * 70)[:size]
        texts += [f"{filler} {good}", f"{filler} {bad}"]
        if size <= 300:
            texts += [f"{good} {filler}", f"{bad} {filler}"]
    for mark in MARKS:
        texts += [f"{good} {mark}", f"{mark} {bad}", f"{bad} {mark}", mark]
    for pair in ("in snow", "by night", "of mice", "at noon"):
        texts += [pair, pair.upper(), pair.title(), pair[::-1], f" {pair} "]
    texts += ODD[1:8]
    distinct = list(dict.fromkeys(texts))
    return Case(GRADED.query, tuple(distinct[: len(distinct) - 1 + len(distinct) % 2]))


def ramp(n: int) -> Case:
    """Return *n* texts, no two alike in length and words, in no order of either.

    The best of them comes last. Equal for equal *n*.
    """
    words = GRADED.query.split()
    filler = [
        "rain",
        "fell",
        "on",
        "the",
        "old",
        "mountain",
        "road",
        "and",
        "the",
        "bus",
        "was",
        "late",
        "again",
    ]
    dice = random.Random(n)  # noqa: S311  # texts, no secrets
    texts = []
    for i in range(n):
        shared = dice.sample(words, dice.randrange(len(words) - 1))
        other = dice.choices(filler, k=1 + dice.randrange(24))
        texts.append(" ".join([*shared, *other, f"no {i}"]))
    texts[-1] = GRADED.documents[2]
    return Case(GRADED.query, tuple(texts))


def shuffled(n: int) -> list[int]:
    """Return 0 to *n* - 1 in an order without a pattern, equal for equal *n*."""
    order = list(range(n))
    random.Random(n).shuffle(order)  # noqa: S311  # an order, no secret
    return order


def _short(text: str) -> str:
    return repr(text) if len(text) <= 60 else f"{text[:50]!r}... ({len(text)} long)"
