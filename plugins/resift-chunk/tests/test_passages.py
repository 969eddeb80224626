"""Passages: every token in one, none too long, and sentences kept whole."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resift_chunk import Splitter, words

derandomized = settings(derandomize=True, deadline=None, max_examples=300)
SENTENCES = "One two three four. Five six seven. Eight nine ten eleven. Twelve."


def passages(text: str, size: int, overlap: int = 0, *, sentences: bool = True):
    return [
        text[start:end]
        for start, end in Splitter(words, size, overlap, sentences).split(text)
    ]


def test_a_short_text_is_one_passage_as_it_is() -> None:
    """White space around it stays, so that its score is the reranker's own."""
    assert passages("  a b \n", 2) == ["  a b \n"]


def test_words_are_cut_after_size() -> None:
    """Without sentences each passage is full, and repeats the overlap."""
    text = "a b c d e f g"

    assert passages(text, 3, 1, sentences=False) == ["a b c", "c d e", "e f g"]


def test_passages_end_where_sentences_end() -> None:
    """As many whole sentences as fit."""
    assert passages(SENTENCES, 8) == [
        "One two three four. Five six seven.",
        "Eight nine ten eleven. Twelve.",
    ]


def test_the_overlap_is_made_of_whole_sentences() -> None:
    """Sentences at the end that fit into the overlap are read twice."""
    assert passages(SENTENCES, 8, 3) == [
        "One two three four. Five six seven.",
        "Five six seven. Eight nine ten eleven. Twelve.",
    ]


def test_an_overlap_too_short_for_a_sentence_repeats_none() -> None:
    """Half a sentence would be read out of context, so it is left out."""
    assert passages(SENTENCES, 8, 2) == passages(SENTENCES, 8, 0)


def test_a_sentence_that_is_too_long_is_cut() -> None:
    """The cut is where size says, and the overlap joins the pieces."""
    text = "Start. a b c d e f g h i j k l."

    assert passages(text, 6, 2) == [
        "Start. a b c d e",
        "d e f g h i",
        "h i j k l.",
    ]


def test_a_sentence_end_in_the_first_half_is_passed_over() -> None:
    """A passage of one word would waste the model's time."""
    assert passages("Hi. b c d e f g h i j", 6)[0] == "Hi. b c d e f"


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ('He said "no." Then he left.', ['He said "no."', "Then he left."]),
        ("Really?! Yes. No…  Maybe.", ["Really?!", "Yes.", "No…", "Maybe."]),
        ("See e.g. the fox. It ran.", ["See e.g. the fox.", "It ran."]),
        ("Title\n\nText follows. End", ["Title", "Text follows.", "End"]),
        ("one\ntwo three\nfour five", ["one\ntwo three\nfour five"]),
        ("3.14 is pi. So.", ["3.14 is pi.", "So."]),
        ("狐が走る。犬も走る！終わり", ["狐が走る。", "犬も走る！", "終わり"]),
        ("यह एक है। वह दो है।", ["यह एक है।", "वह दो है।"]),
    ],
)
def test_where_sentences_end(text: str, ends: list[str]) -> None:
    """In several scripts, with quotation marks, and not after an abbreviation."""
    tokens = words(text)
    starts = Splitter(words, 1, 0)._sentence_starts(text, tokens)
    bounds = [0, *(tokens[i][0] for i in starts), len(text)]

    found = [text[a:b].strip() for a, b in pairwise(bounds)]
    assert found == ends


def test_a_text_without_spaces_is_not_short() -> None:
    """Sixteen characters of one run count as a word; Han characters count singly."""
    assert len(words("x" * 160)) == 10
    assert len(words("東京都")) == 3
    assert len(words("น้ำ" * 100)) > 15


def test_tokens_that_include_the_space_before_them() -> None:
    """Byte-pair tokenizers count it to the word: sentences are found all the same."""

    def tokens(text: str) -> list[tuple[int, int]]:
        return [match.span() for match in re.finditer(r"\s*\S+", text)]

    spans = Splitter(tokens, 8, 3).split(SENTENCES)

    assert [SENTENCES[a:b] for a, b in spans] == passages(SENTENCES, 8, 3)


texts = st.lists(
    st.sampled_from(
        ["a", "bc", "def.", "Ghi!", "\n\n", "狐", "。", "x" * 40, "—", "1.5", "e.g."]
    ),
    max_size=60,
).map(" ".join)


@derandomized
@given(texts, st.integers(1, 12), st.data(), st.booleans())
def test_every_token_is_in_a_passage_and_none_is_too_long(
    text: str, size: int, data: st.DataObject, sentences: bool
) -> None:
    """In order, without gaps, no passage inside the one before."""
    overlap = data.draw(st.integers(0, size - 1))
    tokens = words(text)

    spans = Splitter(words, size, overlap, sentences).split(text)

    inside = [
        [i for i, (a, b) in enumerate(tokens) if a < end and b > start]
        for start, end in spans
    ]
    assert sorted({i for own in inside for i in own}) == list(range(len(tokens)))
    assert all(len(own) <= size for own in inside)
    for before, after in pairwise(inside):
        assert before[0] < after[0] <= before[-1] + 1
        assert after[-1] > before[-1]
        assert before[-1] + 1 - after[0] <= overlap
    if len(tokens) > size:
        step = max(1, (size - overlap) // 2)
        assert len(spans) <= len(tokens) / step + 1
