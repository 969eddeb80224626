from __future__ import annotations

import numpy as np

from resift_local import tokens_cut, truncation


def test_what_was_cut_is_said():
    """Documents have a column and a note, the query a note, each with its option."""
    cut = np.array([0, 3, 4])

    columns, notes = truncation(
        "acme", cut, 2, reads=(8, 4), options=("document_length", "query_length")
    )

    assert columns["tokens_cut"].tolist() == [0, 3, 4]
    assert tokens_cut(columns) == {"tokens_cut": 7}
    assert notes == (
        "acme: 2 of 3 documents do not fit into the 8 tokens that the model reads: 7 "
        "tokens were cut (option 'document_length').",
        "acme: the query does not fit into the 4 tokens that the model reads: 2 tokens "
        "were cut (option 'query_length').",
    )


def test_nothing_is_said_of_nothing():
    """Where all was read there is neither a column nor a note."""
    assert truncation("acme", np.zeros(2, dtype=np.int64), 0, reads=(8, 8)) == ({}, ())
    assert tokens_cut({}) == {}
