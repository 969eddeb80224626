"""Wrong for certain documents only."""

from __future__ import annotations

import re

import pyarrow as pa

from resift import hookimpl
from resift.testing import word_overlap


def overlaps(query, documents):
    """Score right: what every class below gets wrong in a way of its own."""
    return [word_overlap(query, text) - len(text) / 1e6 for text in documents]


class ChangesItsInput:
    """Peer 17: the caller's own list is cleaned in place."""

    breaks = "input_is_not_changed"

    @hookimpl
    def score(self, query, documents):
        scores = overlaps(query, documents)
        documents[:] = [text.strip().lower() for text in documents]
        return scores


class DropsDuplicates:
    """Texts that differ in case and space only are scored once, and returned once."""

    breaks = "duplicates_are_all_scored"

    @hookimpl
    def score(self, query, documents):
        return overlaps(query, dict.fromkeys(t.strip().lower() for t in documents))


class LooksUpByText:
    """Peer 3: results are given back to documents by their text, the last one wins."""

    breaks = "duplicates_are_all_scored"

    @hookimpl
    def score(self, query, documents):
        index = {text.strip().lower(): i for i, text in enumerate(documents)}
        return dict(zip(index.values(), overlaps(query, index), strict=True))


class PunishesCopies:
    """The second of two equal documents gets less, though pointwise."""

    breaks = "duplicates_are_all_scored"
    columns = ("year",)
    pointwise = True

    @staticmethod
    def candidates(documents):
        return pa.table({"year": [2000 + len(text) % 7 for text in documents]})

    @hookimpl
    def score(self, query, documents):
        copies = [documents[:i].count(text) for i, text in enumerate(documents)]
        scores = overlaps(query, documents)
        return [s - 0.1 * n for s, n in zip(scores, copies, strict=True)]


class AveragesNoWords:
    """The average over the words of a text that has none."""

    breaks = "odd_texts_are_scored"

    @hookimpl
    def score(self, query, documents):
        wanted = set(query.lower().split())
        lengths = [len(re.findall("[a-z]+", text.lower())) for text in documents]
        found = [len(wanted & set(text.lower().split())) for text in documents]
        return [n / length for n, length in zip(found, lengths, strict=True)]


class WritesAscii:
    """The request is encoded as ASCII."""

    breaks = "odd_texts_are_scored"

    @hookimpl
    def score(self, query, documents):
        return overlaps(query, [text.encode("ascii").decode() for text in documents])


class DividesByLength:
    """It reads a column, so blank texts reach it, and have no length."""

    breaks = "blank_texts_do_no_harm"
    columns = ("year",)

    @staticmethod
    def candidates(documents):
        return pa.table({"year": [2000 + len(text) % 7 for text in documents]})

    @hookimpl
    def score(self, query, documents, candidates):
        years = candidates["year"].to_pylist()
        pairs = zip(overlaps(query, documents), documents, years, strict=True)
        return [score / len(text) + year / 1e6 for score, text, year in pairs]


class RefusesLongTexts:
    """The tokenizer is not told to truncate."""

    breaks = "long_texts_are_scored"

    @hookimpl
    def score(self, query, documents):
        if any(len(text) > 20_000 for text in documents):
            msg = "sequence length is longer than the maximum (9216 > 512)"
            raise RuntimeError(msg)
        return overlaps(query, documents)


class SplitsAtBars:
    """One prompt for all texts: one that holds the mark between them moves the rest."""

    breaks = "drawn_texts_keep_their_scores"

    @hookimpl
    def score(self, query, documents):
        texts = " | ".join(documents).split(" | ")
        return [word_overlap(query, text) for text in texts][: len(documents)]
