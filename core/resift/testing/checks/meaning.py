"""Checks of what a score means: what is better scores higher, wherever it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from resift.testing.cases import GRADED, LADDER, MARKS, NOISE, OBVIOUS, ODD, Case
from resift.testing.contract import broken, check, require

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from resift.testing.subject import Subject

ANSWER = OBVIOUS.documents[0]
FILLER = "And so the long report of the village council goes on. "
POLITE = "Please tell me as briefly as you can, without any further explanation, "


def reads_order(subject: Subject) -> str | None:
    """Tell that the place of a document counts."""
    if subject.declares("reads_order"):
        return "it declares that it reads the order of the documents"
    return None


@check(
    "A document that answers the query scores higher than one that has nothing to do "
    "with it.",
    usually="a distance is returned as it is (negate it), query and document are "
    "swapped, or the wrong label of a model is read. Skip it, with a reason, for a "
    "model with random weights, or a score that has nothing to do with the text.",
    of="scorer",
    after=("scores_follow_documents",),
    optional=True,
    essential=True,
)
def obvious_document_wins(subject: Subject) -> None:
    """Rank an answer against noise, in both orders unless it reads the order."""
    turned = OBVIOUS.at([1, 0])
    for case in (OBVIOUS,) if subject.declares("reads_order") else (OBVIOUS, turned):
        scores = subject.scores(case)
        if case.documents[subject.best_first(case)[0]] != NOISE:
            continue
        answer, noise = case.documents.index(ANSWER), case.documents.index(NOISE)
        if scores[answer] == scores[noise]:
            broken(
                f"both score {scores[noise]:.6g}",
                case,
                usually="scores are rounded, clipped or cut so far that nothing is "
                "left to tell them apart, or the text is not read at all.",
            )
        broken(f"{NOISE!r} ranks first", case)


@check(
    "The answer wins wherever it stands and among however many: first, last, or after "
    "what is odd.",
    usually="the last batch, or the tail of one, is never scored; a text of one token "
    "or of none is NaN inside and made 0, which beats negative scores; or texts are "
    "normalised, and looked up by what they were before.",
    of="scorer",
    after=("obvious_document_wins",),
    unless=(reads_order,),
    optional=True,
    follows="obvious_document_wins",
)
def answer_wins_anywhere(subject: Subject) -> None:
    """Put the answer at each place among others, beside odd texts, and marked."""
    noise = (NOISE, LADDER[2], "The bus was late again.", "Tuesday.")

    def problem(case: Case) -> str | None:
        best = case.documents[subject.best_first(case)[0]]
        if ANSWER in best or not any(ANSWER in text for text in case.documents):
            return None
        return f"{best[:60]!r} wins"

    query = OBVIOUS.query
    places = [
        Case(query, (*noise[:i], ANSWER, *noise[i:k]))
        for k in range(1, len(noise) + 1)
        for i in range(k + 1)
    ]
    odd = [Case(query, (text, ANSWER)) for text in (*ODD, "lorem", "Onions")]
    marked = [
        Case(query, (NOISE, text))
        for mark in MARKS
        for text in (f"{ANSWER} {mark}", f" {mark} {ANSWER}\n")
    ]
    require(problem, *places, *odd, *marked)


@check(
    "The answer wins whatever the lengths: of texts, or of the query.",
    usually="query and document are swapped where one is longer, the query is cut "
    "after a few words or characters, or a count overflows on long texts (int16, "
    "float16).",
    of="scorer",
    after=("obvious_document_wins",),
    unless=(reads_order,),
    optional=True,
    follows="obvious_document_wins",
)
def answer_wins_at_any_length(subject: Subject) -> None:
    """Compare an answer with noise, each of them short or long."""
    query = OBVIOUS.query
    texts = [(ANSWER, word) for word in (*query.split()[:3], "of", "Rain.")]
    for words in (50, 400):
        tail = " ".join((FILLER * words).split()[:words])
        texts.append((f"{ANSWER} {tail}", f"{NOISE} {tail}"))
    texts += [
        ("Paris capital of France " * times, "Onions fry in butter " * times)
        for times in (100, 400, 1500, 3000, 6000)
    ]
    cases = [Case(query, pair) for pair in texts]
    cases.append(Case(query, (ANSWER, "What is the time?")))
    cases.append(Case(POLITE + query, (ANSWER, "Onions fry.")))
    cases.append(Case(f"{query} {POLITE}", (ANSWER, "Onions fry.")))
    for case in cases:  # pairs: they are as small as they can be
        scores = subject.scores(case)
        if not np.isnan(scores).any() and scores[0] <= scores[1]:
            found = f"the first scores {scores[0]:.6g}, the second {scores[1]:.6g}"
            broken(found, case)


@check(
    "More of what is asked for never scores lower, and all of it scores higher.",
    usually="scores are clipped or rounded, so that all good ones are equal, words "
    "are compared by their first letters, or only the first words of the query are "
    "read.",
    of="scorer",
    after=("obvious_document_wins",),
    unless=(reads_order,),
    optional=True,
    follows="obvious_document_wins",
)
def more_of_it_scores_higher(subject: Subject) -> None:
    """Climb from what shares nothing with the query to what answers it."""
    scores = subject.scores(Case(OBVIOUS.query, LADDER))
    _require_steps(scores, Case(OBVIOUS.query, LADDER), strict=(0, 2))
    _require_steps(scores, Case(OBVIOUS.query, LADDER), strict=(0, 1))
    words = GRADED.query.split()
    half = " ".join(words[: len(words) // 2])
    for steps in (
        (GRADED.query, half, LADDER[2]),
        (GRADED.query, " ".join(words[-len(words) // 2 :]), LADDER[2]),
    ):
        case = Case(GRADED.query, steps)
        _require_steps(subject.scores(case), case, strict=(0, 2))


@check(
    "With 'top_k', the best of all documents are found, not the best of the first.",
    usually="only the first few times 'top_k' documents are read. What came last may "
    "be the best: that is what a reranker is for.",
    of="scorer",
    after=("top_k_is_a_hint", "obvious_document_wins"),
    unless=(reads_order,),
    optional=True,
    follows="obvious_document_wins",
)
def answer_wins_with_top_k(subject: Subject) -> None:
    """Put the answer behind ever more noise, and ask for the best."""

    def problem(case: Case) -> str | None:
        if case.documents[-1] != ANSWER:
            return None
        for top_k in (1, 3, 10):
            scores = subject.scores(case, top_k)
            if np.isnan(scores[-1]):
                return f"with top_k={top_k}, the last is not scored"
            if np.nanargmax(scores) != len(case) - 1:
                return f"with top_k={top_k}, document {np.nanargmax(scores)} wins"
        return None

    for n in (5, 40, 120):
        noise = tuple(f"{LADDER[2]} for {i} minutes." for i in range(n))
        require(problem, Case(OBVIOUS.query, (*noise, ANSWER)))


def _require_steps(
    scores: NDArray[np.float64], case: Case, strict: tuple[int, int]
) -> None:
    """Require that no score is above the one before, and that two differ."""
    shown = ", ".join(f"{score:.6g}" for score in scores)
    if not (np.diff(scores) <= 0).all() and not np.isnan(scores).any():
        broken(f"from the best to the worst they score {shown}", case)
    first, last = strict
    if scores[first] <= scores[last]:
        broken(f"from the best to the worst they score {shown}", case)
