"""Checks of the ways a reranker is called: for a few, for many, and unheard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from resift.scores import checked
from resift.testing.canary import FOLDER, PRINTED, WORD, overheard, told
from resift.testing.cases import GRADED, OBVIOUS, Case
from resift.testing.checks.scores import not_repeatable
from resift.testing.contract import broken, check, require

if TYPE_CHECKING:
    from resift.testing.subject import Subject


def _reads_candidates(subject: Subject) -> str | None:
    if subject.reranker.columns or subject.reranker.reads_candidates:
        return "it reads candidates, so that each query is asked by itself"
    return not_repeatable(subject)


@check(
    "'top_k' may be honoured or not: the best are scored, each at its own index.",
    usually="the backend's answer is cut to the best and returned as a list: return a "
    "mapping {index: score}, or ask for all.",
    of="scorer",
    after=("scores_follow_documents",),
    unless=(not_repeatable,),
    essential=True,
)
def top_k_is_a_hint(subject: Subject) -> None:
    """Compare the scores of a few with the scores of all."""

    def problem(case: Case) -> str | None:
        everything = subject.scores(case)
        for top_k in (1, 2, len(case) + 5):
            few = subject.scores(case, top_k)
            scored = ~np.isnan(few)
            wanted = min(top_k, int((~np.isnan(everything)).sum()))
            if scored.sum() < wanted:
                return f"with top_k={top_k}, only {scored.sum()} are scored"
            at = subject.differing(few[scored], everything[scored])
            if at is not None:
                i = int(np.flatnonzero(scored)[at])
                return (
                    f"with top_k={top_k}, document {i} scores {few[i]:.6g} instead of "
                    f"{everything[i]:.6g}"
                )
            lost = everything[~scored & ~np.isnan(everything)]
            margin = subject.settings.tolerance * np.nanmax(np.abs(everything))
            if lost.size and lost.max() > few[scored].min() + margin:
                return f"with top_k={top_k}, a better document is left out"
        return None

    require(problem, GRADED)
    left_out = int(np.isnan(subject.scores(GRADED)).sum())  # as by a cascade
    unseen = Case(f"{GRADED.query} tonight", GRADED.documents)
    subject.scores(unseen, 1)
    if (now := int(np.isnan(subject.scores(unseen)).sum())) > left_out:
        usually = (
            "the few are kept for later calls that ask for all: a key needs 'top_k'."
        )
        found = f"asked with top_k=1, and then without, it leaves out {now} documents"
        broken(found, unseen, usually=usually)


@check(
    "'score_many' gives what 'score' gives for each query, in their order.",
    usually="scores are kept by the document's text, which another query may share, or "
    "a flat list of pairs is cut into queries at the wrong places.",
    of="scorer",
    after=("scores_follow_documents",),
    unless=(_reads_candidates,),
)
def score_many_agrees_with_score(subject: Subject) -> None:
    """Ask for several queries at once, and for each by itself."""
    cases = [
        GRADED,
        Case("red paint", GRADED.documents[::-1]),
        Case("when will it rain", GRADED.documents[:1]),
        Case(GRADED.query, GRADED.documents[1:4]),
        Case(GRADED.query, GRADED.documents[::-1]),
    ]
    answers = subject.reranker.plugins.hook.score_many(
        queries=[case.query for case in cases],
        documents=[list(case.documents) for case in cases],
    )
    if answers is None or len(answers) != len(cases):
        got = "None" if answers is None else f"{len(answers)} items"
        broken(f"{got} for {len(cases)} queries")
    for case, answer in zip(cases, answers, strict=True):
        together = checked(answer, len(case), subject.who).values
        alone = subject.scores(case)
        at = subject.differing(together, alone)
        if at is not None:
            found = (
                f"among {len(cases)} queries document {at} scores {together[at]:.6g}, "
                f"alone {alone[at]:.6g}"
            )
            broken(found, case)


@check(
    "Scoring prints nothing, and no text of a query or document gets out: by a log, a "
    "warning, a file that is left, or an error.",
    usually="a print or a debug line is left over, a warning quotes what it cuts, an "
    "error quotes the request, or a temporary file is not deleted.",
    of="scorer",
    after=("one_score_per_document",),
    essential=True,
)
def scoring_is_silent(subject: Subject) -> None:
    """Score texts with a word that is found nowhere else, and look for it."""

    def problem(case: Case) -> str | None:
        reranker = subject.build() if subject.builds else subject.reranker
        with overheard() as heard:
            try:
                subject.scores(case, reranker=reranker)
            except Exception as error:  # noqa: BLE001  # whatever a reranker may raise
                heard["an error"] = told(error)
            if subject.builds:
                reranker.close()
        for where in PRINTED:
            if printed := heard.pop(where, ""):
                return f"it printed {printed[:80]!r}"
        for where, text in heard.items():
            if WORD in text.lower():
                return f"{where} shows the text: {_around(text)!r}"
        if left := heard.get("a temporary file"):
            return f"a temporary file is left: {left.partition(':')[0]!r}"
        if subject.builds and (left := heard.get(FOLDER)):
            return f"closed, it leaves the temporary folder {left!r}"
        return None

    documents = [f"{WORD} {text}" for text in OBVIOUS.documents]
    long = f"{WORD} {documents[0]} " * 900
    plain = Case(f"{WORD} {OBVIOUS.query}", tuple(documents))
    require(problem, plain, Case(plain.query, (*documents, long, WORD)))


def _around(text: str) -> str:
    """Return the canary and a little of what stands around it."""
    at = text.lower().index(WORD)
    return text[max(at - 30, 0) : at + 50].strip()
