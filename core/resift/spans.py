"""Spans: which parts of a text count, and where its sentences lie."""

from __future__ import annotations

import re
from typing import TypeAlias, TypedDict

import pyarrow as pa

__all__ = ["SPANS", "Span", "WeightedSpan", "sentences"]

SPANS = pa.list_(
    pa.struct([("start", pa.int64()), ("end", pa.int64()), ("score", pa.float64())])
)
"""The type of the column ``_spans``: the parts of each document that count.

In code points of its text, in their order; the end is exclusive, and the score means
what its reranker says. Null where a reranker says nothing of a document.
"""

Span: TypeAlias = tuple[int, int]
"""Where something begins and ends in a text, in code points."""


class WeightedSpan(TypedDict):
    """One span of the column ``_spans``."""

    start: int
    end: int
    score: float


_END = re.compile(
    r"""[.!?\u2026\u0964]+["'\u201d\u2019)\]\u00bb]*\s+"""  # Latin, Devanagari ...
    r"""|[\u3002\uff01\uff1f\uff61]+["'\u201d\u2019\u300d\u300f\uff09]*\s*"""  # CJK
    r"""|\n\s*\n\s*"""  # a blank line
)


_CLAUSE = re.compile(
    r"""[,;:]["'\u201d\u2019)\]\u00bb]*\s+"""  # but not 1,000 nor 12:30
    r"""|[\uff0c\u3001\uff1b\uff1a]\s*"""  # CJK
    r"""|\s+[\u2013\u2014-]\s+|\u2014"""  # a dash
)


def sentences(text: str, *, clauses: bool = False) -> list[Span]:
    """Return the sentences of *text* in order, without the space around them.

    A sentence does not end where a small letter follows ("e.g. this").

    Args:
        text: The text.
        clauses: Whether to cut at commas, semicolons, colons and dashes, too.

    >>> sentences("A fox. It ran, e.g. north! 狐が走る。")
    [(0, 6), (7, 26), (27, 32)]
    """
    ends = [
        match.end()
        for match in _END.finditer(text)
        if not text[match.end() : match.end() + 1].islower()
    ]
    if clauses:
        cuts = (match.end() for match in _CLAUSE.finditer(text))
        ends = sorted({*ends, *cuts})
    spans = []
    for start, end in zip([0, *ends], [*ends, len(text)], strict=True):
        piece = text[start:end]
        first = start + len(piece) - len(piece.lstrip())
        last = start + len(piece.rstrip())
        if first < last:
            spans.append((first, last))
    return spans
