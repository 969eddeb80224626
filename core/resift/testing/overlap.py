"""`word_overlap`: a score that a test can work out by hand."""

from __future__ import annotations

import re

__all__ = ["word_overlap"]


def word_overlap(query: str, document: str) -> float:
    """Return the share of the query's words that the document contains, 0 to 1.

    >>> word_overlap("Red fox", "the RED hen")
    0.5
    """
    words = set(re.findall(r"\w+", query.lower()))
    found = words & set(re.findall(r"\w+", document.lower()))
    return len(found) / len(words) if words else 0.0
