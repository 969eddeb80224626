from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resift_remote import blanked, redacted


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Invalid key sk-12345.", "Invalid key [key]."),
        ("Too long: 'The quick brown fox jumps'", "Too long: '[text]'"),
        ("Too long: 'quick brown fox ju...'", "Too long: '[text]...'"),
        ("documents[1] 'Paris' is blank", "documents[1] '[text]' is blank"),
        ("Parisian is fine", "Parisian is fine"),
        ("  two\nlines ", "two lines"),
        ("x" * 500, "x" * 300),
        ("", ""),
    ],
)
def test_what_was_sent_is_blanked(message, expected):
    """Keys wherever they stand, texts whole or in part, and nothing else."""
    texts = ["The quick brown fox jumps over the lazy dog.", "Paris", " "]

    assert redacted(message, ["sk-12345", ""], texts) == expected


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.text(min_size=40, max_size=80), st.integers(0, 20), st.text(max_size=30))
def test_no_run_of_a_document_survives(document, start, around):
    """Of whatever part a server echoes, no 16 characters in a row are left."""
    message = f"{around} {document[start : start + 40]} {around}"
    shown = redacted(message, [], [document])
    sent = " ".join(document.split())

    runs = [sent[i : i + 16] for i in range(len(sent) - 15)]
    assert not any(run in shown for run in runs)


def test_secrets_alone_are_blanked_in_full():
    """An address keeps its length and its texts, and loses the key."""
    assert blanked("http://h/sk-1/" + "x" * 400, ["sk-1", ""]) == (
        "http://h/[key]/" + "x" * 400
    )
