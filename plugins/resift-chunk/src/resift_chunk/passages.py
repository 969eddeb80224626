"""Passages: the parts of a document that are short enough for a model."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from resift.authors import sentences

if TYPE_CHECKING:
    from resift.authors import Span

__all__ = ["Splitter"]


@dataclass(frozen=True, slots=True)
class Splitter:
    """Splits texts into passages.

    A passage ends where a sentence ends, if one does in its latter half, and the next
    one begins with whole sentences of the end of it. Where no sentence ends, it is cut
    after *size* tokens, and the next one repeats *overlap* of them.

    Args:
        tokens: Finds the tokens of a text.
        size: The most tokens of a passage.
        overlap: The most tokens that a passage repeats of the one before.
        sentences: Whether to look for sentences at all.
    """

    tokens: Callable[[str], Sequence[Span]]
    size: int
    overlap: int
    sentences: bool = True

    def split(self, text: str) -> list[Span]:
        """Return where the passages of *text* lie, in characters, in order.

        A text that is short enough is one passage, as it is. Otherwise every token is
        in a passage, and no passage begins or ends with white space.
        """
        tokens = self.tokens(text)
        if len(tokens) <= self.size:
            return [(0, len(text))]
        starts = self._sentence_starts(text, tokens)
        passages = []
        begin = end = 0
        while end < len(tokens):
            end = self._end(begin, len(tokens), starts)
            passages.append(_stripped(text, tokens[begin][0], tokens[end - 1][1]))
            begin = self._next(end, starts)
        return passages

    def _end(self, begin: int, n: int, starts: Sequence[int]) -> int:
        """Return the token after the last one of the passage from *begin*."""
        if begin + self.size >= n:
            return n
        last = bisect_left(starts, begin + self.size + 1) - 1
        least = begin + self.overlap + (self.size - self.overlap + 1) // 2
        if last >= 0 and starts[last] >= least:
            return starts[last]
        return begin + self.size

    def _next(self, end: int, starts: Sequence[int]) -> int:
        """Return the first token of the passage after the one up to *end*."""
        first = bisect_left(starts, end - self.overlap)
        if first < len(starts) and starts[first] <= end:
            return starts[first]
        return end - self.overlap

    def _sentence_starts(self, text: str, tokens: Sequence[Span]) -> list[int]:
        """Return the tokens that begin a sentence, the first one left out."""
        if not self.sentences:
            return []
        ends = [end for _, end in tokens]
        found = {bisect_right(ends, start) for start, _ in sentences(text)}
        return sorted(found - {0, len(tokens)})


def _stripped(text: str, start: int, end: int) -> Span:
    """Move the ends of a passage inwards, over white space."""
    passage = text[start:end]
    start += len(passage) - len(passage.lstrip())
    return start, max(start, end - len(passage) + len(passage.rstrip()))
