r"""`bm25`: score candidates by their words, with no model and no index.

Document frequencies and the average length come from the candidates themselves, so a
score depends on which other documents are candidates: it orders one result list and
means nothing outside it. A word that every candidate holds weighs next to nothing,
which is the point: it cannot tell them apart.

Why not the bm25s library? It builds a sparse index over every word of a corpus, to be
queried many times. Here a "corpus" is up to some thousand candidates and is queried
once, so only the words of the query are counted; and `resift demo` needs a scorer that
works offline with what the core already depends on. The tests hold the scores to those
of bm25s (``method="lucene"``).

**Words** are runs of letters, digits, underscores and combining marks, after NFKC
normalisation and case folding. Han characters and hiragana, written without spaces,
are words one by one, as in Unicode's default word boundaries (UAX #29). Thai, Lao,
Khmer and Burmese have no spaces either; there each letter with its marks is a word, and
so is each pair of neighbours, so that a word is found inside a phrase without a
dictionary. No stemming and no stop words, in any language.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from resift.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["BM25", "words"]

_ASCII = {  # words folded, and a space for each character that belongs to none
    code: char.lower() if char.isalnum() or char == "_" else " "
    for code, char in enumerate(map(chr, range(128)))
}
_SINGLE = (  # each character a word: iteration marks, hiragana, Han
    r"\u3005-\u3007\u3041-\u309f"
    r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_UNSPACED = (  # letters and their pairs are words: Thai and Lao, Burmese, Khmer
    r"\u0e00-\u0eff\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f\u1780-\u17ff"
)


class BM25:
    r"""Score each document by the query's words in it, rarer ones counting for more.

    .. math::
        s(d) = \sum_{t \in q} \ln\left(1 + \frac{N - n_t + 1/2}{n_t + 1/2}\right)
        \frac{f_{t,d}}{f_{t,d} + k_1 (1 - b + b \, |d| / \overline{|d|})}

    :math:`f_{t,d}` counts word :math:`t` in :math:`d`, :math:`n_t` the candidates that
    hold it, :math:`N` all candidates, :math:`|d|` words. A word that the query repeats
    counts each time. Scores are at least 0; 0 means that no word is shared.

    Args:
        k1: How soon more of the same word stops to matter, at least 0; 0 asks only
            whether a word is there.
        b: How much a long document is held back, from 0 (not at all) to 1.

    Raises:
        ValueError: If *k1* or *b* is out of range.

    References:
        Robertson and Zaragoza, "The probabilistic relevance framework: BM25 and
        beyond", 2009. https://doi.org/10.1561/1500000019. The variant is Lucene's:
        no factor :math:`k_1 + 1`, and an idf that is never negative.
    """

    score_kind = "ordinal"

    def __init__(self, *, k1: float = 1.2, b: float = 0.75) -> None:
        if not 0 <= k1 < math.inf:
            msg = f"k1 must be a finite number of at least 0, got {k1!r}. Use 1.2."
            raise ValueError(msg)
        if not 0 <= b <= 1:
            msg = f"b must be between 0 and 1, got {b!r}. Use 0.75."
            raise ValueError(msg)
        self.k1 = k1
        self.b = b

    @hookimpl
    def score(self, query: str, documents: Sequence[str]) -> NDArray[np.float64]:
        """Score the documents against each other; cost grows with their length."""
        wanted = Counter(words(query))
        terms = {word: term for term, word in enumerate(wanted)}
        counts: list[int] = []  # (n_docs,): words of each
        found: list[int] = []  # one number for each time that a document holds a term
        for index, document in enumerate(documents):
            in_document = words(document)
            counts.append(len(in_document))
            row = index * len(terms)
            found += [row + terms[word] for word in in_document if word in terms]

        postings, frequency = np.unique(
            np.array(found, dtype=np.int64), return_counts=True
        )
        document_of, term_of = np.divmod(postings, len(terms) or 1)  # (n_postings,)
        lengths = np.array(counts, dtype=np.float64)
        holding = np.bincount(term_of, minlength=len(terms))
        idf = np.log1p((len(documents) - holding + 0.5) / (holding + 0.5))
        weight = idf * np.fromiter(wanted.values(), dtype=np.float64)
        average = lengths.mean() if lengths.any() else 1.0
        damping = self.k1 * (1 - self.b + self.b * lengths / average)
        gains = weight[term_of] * frequency / (frequency + damping[document_of])
        scores = np.zeros(len(documents))
        scores += np.bincount(document_of, gains, len(documents))
        return scores


def words(text: str) -> list[str]:
    """Return the words of a text in order, folded, as `BM25` compares them.

    >>> words("Straße 42, naïve x_1; 東京 हिन्दी")
    ['strasse', '42', 'naïve', 'x_1', '東', '京', 'हिन्दी']
    >>> words("แลนด์")
    ['แ', 'ล', 'น', 'ด์', 'แล', 'ลน', 'นด์']
    """
    if text.isascii():
        return text.translate(_ASCII).split()  # twice as fast as a pattern
    folded = unicodedata.normalize("NFKC", text).casefold()
    word, letter = _unicode_word(), _unspaced_letter()
    if letter.search(folded) is None:
        return word.findall(folded)
    found: list[str] = []
    for one in word.findall(folded):
        letters = letter.findall(one)
        found += letters or [one]
        found += [first + second for first, second in pairwise(letters)]
    return found


@cache
def _unicode_word() -> re.Pattern[str]:
    r"""Return the pattern of one word, or of a run of letters written without spaces.

    Python's ``\w`` leaves out combining marks, which would cut Hindi words at each
    vowel sign. Marks beyond the basic plane are not joined.
    """
    unspaced = rf"(?:{_unspaced_letter().pattern})+"
    spaced = rf"(?:[^\W{_SINGLE}{_UNSPACED}]+[{_marks()}]*)+"
    return re.compile(rf"[{_SINGLE}]|{unspaced}|{spaced}")


@cache
def _unspaced_letter() -> re.Pattern[str]:
    """Return the pattern of a letter, with its marks, of a script without spaces."""
    return re.compile(rf"(?=[{_UNSPACED}])\w[{_marks()}]*")


@cache
def _marks() -> str:
    """Return the combining marks of the basic plane."""
    plane = map(chr, range(0x300, 0x10000))
    return "".join(c for c in plane if unicodedata.category(c).startswith("M"))
