from __future__ import annotations

from resift.testing import word_overlap


def test_word_overlap():
    """The share of the query's words in the document, whatever the case."""
    assert word_overlap("Red fox", "the RED hen") == 0.5
    assert word_overlap("...", "red") == 0.0
