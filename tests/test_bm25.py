"""`bm25`: numbers worked by hand, bm25s as the reference, words, and edges."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import resift
from resift.rerankers.bm25 import BM25, words
from resift.testing import RerankerSuite

DOCUMENTS = ["a b", "b b c", "d"]
texts = st.lists(st.text(alphabet="abcdé東 .", max_size=12), min_size=1, max_size=8)
derandomized = settings(derandomize=True, deadline=None, max_examples=60)


class TestBM25(RerankerSuite):
    """Every promise that a reranker makes."""

    name = "bm25"


def test_scores_worked_by_hand() -> None:
    """The word is in 2 of 3 documents of 2, 3 and 1 words: 2 on average."""
    idf = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    first = 1 / (1 + 1.2 * (0.25 + 0.75 * 2 / 2))
    second = 2 / (2 + 1.2 * (0.25 + 0.75 * 3 / 2))

    scores = BM25().score("b", DOCUMENTS)

    assert scores == pytest.approx([idf * first, idf * second, 0.0])
    assert scores == pytest.approx([0.213638, 0.257537, 0.0], abs=1e-6)


def test_k1_of_zero_asks_only_whether_a_word_is_there() -> None:
    """Without saturation each document that holds the word scores its idf."""
    idf = math.log(1 + 1.5 / 2.5)

    assert BM25(k1=0).score("b", DOCUMENTS) == pytest.approx([idf, idf, 0.0])


def test_b_of_zero_ignores_length() -> None:
    """With b=0 the same word count scores the same in a long document."""
    short, long = BM25(b=0).score("fox", ["fox", "fox " + "filler " * 50])

    assert short == long


def test_a_repeated_query_word_counts_each_time() -> None:
    """Asking twice doubles what the word gives."""
    once = BM25().score("b", DOCUMENTS)

    assert BM25().score("b B", DOCUMENTS) == pytest.approx(2 * once)


def test_a_word_that_every_document_holds_decides_little() -> None:
    """Statistics come from the candidates: the word that tells them apart wins."""
    documents = ["red fox", "red red red red whale", "red hen"]

    common, rare, _ = BM25().score("red whale", documents)

    assert rare > 3 * common > 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The quick-brown fox's x_1, 3.5", "the quick brown fox s x_1 3 5"),
        ("STRASSE Straße ﬁx Ｆｕｌｌ", "strasse strasse fix full"),
        ("e\u0301te\u0301 été", "été été"),
        ("हिन्दी में", "हिन्दी में"),
        ("東京は日本", "東 京 は 日 本"),
        ("東京2024年vs大阪", "東 京 2024 年 vs 大 阪"),
        ("한국어 문서", "한국어 문서"),
        ("Москва, ΑΘΉΝΑ", "москва αθήνα"),
        ("vsไทย ๕", "vs ไ ท ย ไท ทย ๕"),
        ("မြန်မာ", "မြ န် မာ မြန် န်မာ"),
        ("\u0301 !? …", ""),
        ("", ""),
    ],
)
def test_words_are_folded_runs_of_letters(text: str, expected: str) -> None:
    """NFKC and case folding; marks stay with their letter; Han and kana are single."""
    assert words(text) == expected.split()


@pytest.mark.parametrize(
    ("query", "documents"),
    [
        ("ปารีส", ["ลียง", "กรุงปารีสสวย"]),  # Thai: Paris
        ("ປາຣີ", ["ລີອົງ", "ນະຄອນຫຼວງປາຣີ"]),  # Lao: Paris
        ("ខ្មែរ", ["បារាំង", "ភាសាខ្មែរ"]),  # Khmer: Khmer
        ("စာ", ["မြို့", "မြန်မာစာ"]),  # Burmese: writing
        ("東京", ["大阪", "日本東京駅"]),
    ],
)
def test_a_word_is_found_inside_a_phrase_without_spaces(
    query: str, documents: list[str]
) -> None:
    """Scripts written without spaces need no dictionary."""
    without, with_it = BM25().score(query, documents)

    assert with_it > without


@pytest.mark.parametrize(
    "text",
    ["é\u0327" * 300_000, "é" + "ก\u0e48" * 300_000],
    ids=["spaced", "unspaced"],
)
def test_words_take_linear_time(text: str) -> None:
    """A megabyte without a space is matched at once: no backtracking."""
    assert len(words(text)) in {1, 600_000}


@pytest.mark.parametrize("query", ["?!", "zzz", ""])
def test_no_shared_word_scores_zero(query: str) -> None:
    """A query without words, or with none that occurs, tells nothing apart."""
    scores = BM25().score(query, ["a b", "?!"])

    assert (scores.dtype.name, scores.tolist()) == ("float64", [0.0, 0.0])


def test_documents_without_words_score_zero() -> None:
    """Punctuation alone has length 0, and no mean length breaks."""
    assert BM25().score("a", ["...", "—"]).tolist() == [0.0, 0.0]
    assert BM25().score("a", ["...", "a"])[0] == 0.0
    assert BM25().score("a", []).tolist() == []


def test_a_huge_query_needs_no_huge_table() -> None:
    """100 kB of distinct query words over 2,000 documents: only matches are kept."""
    query = " ".join(f"word{i}" for i in range(12_000))
    documents = [f"word{i} filler" for i in range(2_000)]

    scores = BM25().score(query, documents)

    assert scores == pytest.approx([scores[0]] * 2_000)
    assert scores[0] > 0


@derandomized
@given(st.text(alphabet="abcdé東 .", max_size=8), texts, st.data())
def test_scores_follow_their_documents(
    query: str, documents: list[str], data: st.DataObject
) -> None:
    """Shuffled documents get the same scores, and equal documents equal ones."""
    order = data.draw(st.permutations(range(len(documents))))
    scores = BM25().score(query, documents)

    shuffled = BM25().score(query, [documents[i] for i in order])

    assert shuffled == pytest.approx(scores[list(order)])
    assert (scores >= 0).all()


@derandomized
@given(st.text(alphabet="abcdé東 .", max_size=8), texts)
def test_scores_are_those_of_bm25s(query: str, documents: list[str]) -> None:
    """The library bm25s (lucene) gives the same numbers from the same words."""
    bm25s = pytest.importorskip("bm25s", reason="bm25s, the reference, is missing")
    split = [words(document) for document in documents]
    vocabulary = {word for document in split for word in document}
    known = [word for word in words(query) if word in vocabulary]
    assume(known)  # bm25s cannot be asked for nothing
    reference = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
    reference.index(split, show_progress=False)

    scores = BM25().score(query, documents)

    assert scores == pytest.approx(reference.get_scores(known), abs=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k1": -1}, "k1 must be a finite number of at least 0, got -1. Use 1.2."),
        (
            {"k1": math.nan},
            "k1 must be a finite number of at least 0, got nan. Use 1.2.",
        ),
        ({"b": 1.5}, "b must be between 0 and 1, got 1.5. Use 0.75."),
    ],
)
def test_options_out_of_range_are_refused(
    options: dict[str, float], message: str
) -> None:
    """k1 and b have ranges."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # whole message below
        BM25(**options)

    assert str(caught.value) == message


def test_it_is_a_reranker_by_name() -> None:
    """`bm25` ranks strings without a model, with its options checked."""
    reranker = resift.load("bm25", config=None, k1=0.9)

    best, *rest = reranker.rank("red fox", ["a blue whale", "the quick red fox", "red"])

    assert best.document == "the quick red fox"
    assert [ranked.document for ranked in rest] == ["red", "a blue whale"]
