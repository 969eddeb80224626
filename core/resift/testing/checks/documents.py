"""Checks of which documents a reranker can be given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from resift.testing.cases import GRADED, LONG, ODD, Case, ramp
from resift.testing.checks.scores import not_repeatable
from resift.testing.contract import broken, check, require

if TYPE_CHECKING:
    from resift.testing.subject import Subject


@check(
    "The documents and the candidates that come in are left as they are.",
    usually="the list is sorted, cleaned or padded in place: copy it first.",
    of="scorer",
    after=("one_score_per_document",),
)
def input_is_not_changed(subject: Subject) -> None:
    """Hand the hooks lists and a table of our own, and look at them afterwards."""

    def problem(case: Case) -> str | None:
        texts = list(case.documents)
        table = subject.candidates(texts)
        before = None if table is None else table.to_pylist()
        subject.pulse.beat(case)
        hook = subject.reranker.plugins.hook
        hook.score(query=case.query, documents=texts, candidates=table, top_k=1)
        if texts != list(case.documents):
            return f"it is now {texts!r:.200}"
        if table is not None and table.to_pylist() != before:
            return "the candidates' columns are now others"
        if subject.reranker.columns or subject.reranker.reads_candidates:
            return None
        many = [texts, texts[:1]]
        queries = [case.query] * 2
        hook.score_many(queries=queries, documents=many)
        if many != [list(case.documents), list(case.documents[:1])]:
            return f"after 'score_many' they are {many!r:.200}"
        return None

    require(problem, GRADED, ramp(40))


@check(
    "Texts that differ are scored apart, however alike they are; texts that are equal "
    "score equal.",
    usually="documents are looked up by their text, stripped or in lower case, so that "
    "two of them collide. Work with indices.",
    of="scorer",
    after=("one_score_per_document",),
    essential=True,
)
def duplicates_are_all_scored(subject: Subject) -> None:
    """Score a text beside its copies, exact ones and nearly exact ones."""
    text = GRADED.documents[2]
    alike = (text, text.lower(), f" {text}", f"{text}\n", text.upper(), f"{text}.")
    leaves_out = np.isnan(subject.scores(GRADED)).any()  # as a cascade does

    def problem(case: Case) -> str | None:
        scores = subject.scores(case)
        if np.isnan(scores).any() and not leaves_out:
            return f"document {int(np.argmax(np.isnan(scores)))} is not scored"
        return None

    require(problem, Case(GRADED.query, alike))
    told_apart = subject.reranker.columns and not subject.declares("pointwise")
    if not (not_repeatable(subject) or told_apart):
        case = GRADED.at([2, 0, 2])
        first, _, last = scores = subject.scores(case)
        if subject.differing(scores[:1], scores[2:]) is not None:
            broken(f"equal documents score {first:.6g} and {last:.6g}", case)


@check(
    "Any text that is not blank is scored: every script, control characters, markup, "
    "texts without a single word.",
    usually="an average over no words is NaN, a text is taken for a format string or "
    "for JSON, or is encoded as ASCII.",
    of="scorer",
    after=("one_score_per_document",),
    essential=True,
)
def odd_texts_are_scored(subject: Subject) -> None:
    """Score odd texts one by one, then among others, and ask with odd queries."""

    def problem(case: Case) -> str | None:
        scores = subject.scores(case)
        return "no document is scored" if np.isnan(scores).all() else None

    alone = [Case(GRADED.query, (text,)) for text in ODD]
    asked = [Case(text, GRADED.documents[:2]) for text in ODD]
    require(problem, *alone, Case(GRADED.query, ODD), *asked)


@check(
    "Null and blank texts do no harm.",
    usually="a reranker that declares 'columns', or 'needs_text = False', is given "
    "blank texts, too: a score by their length or words must not divide by it.",
    of="scorer",
    after=("one_score_per_document",),
)
def blank_texts_do_no_harm(subject: Subject) -> None:
    """Score real texts with null, empty and blank ones among them."""
    texts = (GRADED.documents[0], "", " ", "\n\n", "\t", GRADED.documents[2])

    def problem(case: Case) -> str | None:
        candidates = subject.candidates(case.documents)
        given = [text or None for text in case.documents]
        scores = subject.reranker.score(case.query, given, candidates)
        real = [bool(text.strip()) for text in case.documents]
        if any(real) and np.isnan(scores.values[real]).all():
            return "no document is scored"
        return None

    require(problem, Case(GRADED.query, texts))


@check(
    "A text far longer than a model reads is cut, or read in parts: never an error.",
    usually="the tokenizer is not told to truncate, or a server refuses the length.",
    of="scorer",
    after=("one_score_per_document",),
)
def long_texts_are_scored(subject: Subject) -> None:
    """Score a text of 12 000 words, then ask with a long query."""

    def problem(case: Case) -> str | None:
        scores = subject.scores(case)
        return "no document is scored" if np.isnan(scores).all() else None

    query = "how do foxes hunt in the snow " * 300
    require(problem, LONG, Case(query, GRADED.documents[:2]))
