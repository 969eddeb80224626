"""Tokens: what the length of a passage is counted in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from resift.authors import Span

__all__ = ["HasTokens", "words"]

_SINGLE = (  # written without spaces, each character counts: kana and Han
    r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_WORD = re.compile(rf"[{_SINGLE}]|[^\s{_SINGLE}]{{1,16}}")


@runtime_checkable
class HasTokens(Protocol):
    """A plugin that offers its model's tokenizer."""

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Return where each token of *text* lies, in characters, special ones left out.

        In order; what a tokenizer drops (white space) lies in none.
        """
        ...


def words(text: str) -> list[Span]:
    """Return where each word lies: what stands between spaces.

    A Han character and a kana is a word of its own. Of a longer run, every 16
    characters count as a word, so that no text without spaces passes for a short one.

    >>> words("A red fox, 狐")
    [(0, 1), (2, 5), (6, 10), (11, 12)]
    """
    return [match.span() for match in _WORD.finditer(text)]
