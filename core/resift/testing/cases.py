"""Cases: a query and its documents, and how one that breaks a promise is made smaller.

The documents differ in length and share more or fewer words with the query, so that
a scorer of any kind tells them apart, and a score at the wrong document shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

__all__ = ["GRADED", "LONG", "MANY", "NOISE", "OBVIOUS", "ODD", "Case", "Problem"]


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


def _short(text: str) -> str:
    return repr(text) if len(text) <= 60 else f"{text[:50]!r}... ({len(text)} long)"
