"""Checks of a reranker made of others, and of a wrapper around one."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from resift.errors import ResiftError
from resift.testing import children
from resift.testing.cases import GRADED, Case, ramp
from resift.testing.contract import broken, check, raised

if TYPE_CHECKING:
    from resift.scores import Scores
    from resift.testing.subject import Subject

_number = itertools.count(1)
TIMEOUT = 30.0


def no_children(subject: Subject) -> str | None:
    """Tell that it cannot be built around children of the contract's own."""
    try:
        _, made = subject.around(children.Child)
    except ResiftError as error:
        return f"it cannot be built around another child: {error}"
    return None if made else "it has no child that scores"


def _several(subject: Subject) -> str | None:
    if reason := no_children(subject):
        return reason
    if len(subject.around(children.Child)[1]) > 1:
        return "it has several children"
    return None


@check(
    "Where all its children fail, it fails, or says so in a note.",
    usually="'except Exception' returns zeros or the order that came in, and nobody "
    "is told. Let the error through, or add a note.",
    of="composite",
    after=("one_score_per_document",),
    unless=(no_children,),
    essential=True,
)
def failing_children_are_told(subject: Subject) -> None:
    """Let every child raise a ServerError."""
    reranker, made = subject.around(children.Failing)
    case = _new(GRADED)
    try:
        answer = subject.answer(case, reranker=reranker)
    except Exception:  # noqa: BLE001  # as it should be
        return
    if any(child.asked for child in made) and not answer.notes:
        found = f"it returned {answer.values.tolist()}, and no note"
        broken(found, f"children that raise a ServerError; {case}")


@check(
    "What a child reads from columns, it gets: the composite declares the children's "
    "'columns', and hands 'candidates' on.",
    usually="'score' does not name 'candidates', or 'columns' is not taken over from "
    "the children.",
    of="composite",
    after=("one_score_per_document",),
    unless=(no_children,),
)
def columns_reach_children(subject: Subject) -> None:
    """Put in children that read a column, and rerank a table that has it."""
    try:
        reranker, made = subject.around(children.ReadsColumn)
    except ResiftError:
        return  # it refuses such children, in words
    case = _new(GRADED)
    given = subject.candidates(case.documents)
    years = pa.array([1990 + i for i in range(len(case))])
    table = pa.table({"_rowid": range(len(case)), "text": case.documents})
    if given is not None:
        for name in given.column_names:
            table = table.append_column(name, given[name])
    table = table.append_column(children.COLUMN, years)
    where = f"children that read {children.COLUMN!r}; {case}"
    subject.pulse.beat(case)
    try:
        reranker.rerank(case.query, table)
    except Exception as error:  # noqa: BLE001  # whatever a composite may raise
        broken(raised(error), where, error)
    known = dict(zip(case.documents, years.to_pylist(), strict=True))
    for asked in (asked for child in made for asked in child.asked):
        if asked.candidates is None:
            broken("a child got no candidates", where)
        got = asked.candidates[children.COLUMN].to_pylist()
        if len(got) != len(asked.documents):
            broken(
                f"a child got {len(got)} rows for {len(asked.documents)} texts", where
            )
        wrong = [
            y
            for t, y in zip(asked.documents, got, strict=True)
            if t in known and known[t] != y
        ]
        if wrong:
            broken("a child got the rows of other documents", where)


@check(
    "The order that a child gives is kept where its values are: values alone do not "
    "say it.",
    usually="'Scores(inner.values + bonus, inner.columns, inner.notes)' forgets "
    "'order', which says how documents that are not scored, or tie, follow.",
    of="composite",
    after=("one_score_per_document",),
    unless=(_several,),
    essential=True,
)
def childs_order_is_kept(subject: Subject) -> None:
    """Put in children whose order cannot be told from their values."""
    for cls in (children.Ordered, children.Tied):
        reranker, (child,) = subject.around(cls)
        case = _new(GRADED)
        try:
            answer = subject.answer(case, reranker=reranker)
        except ResiftError:
            continue  # it refuses what it cannot keep
        if not child.asked or child.asked[-1].documents != case.documents:
            continue  # it asks for other texts: they say nothing about these
        inner = subject.reference(child, case)
        if answer.order is not None or not _same_steps(answer, inner):
            continue  # an order, or values, of its own
        if answer.ranking().tolist() != inner.ranking().tolist():
            found = (
                f"the child ranks {inner.ranking().tolist()}, the composite "
                f"{answer.ranking().tolist()}"
            )
            broken(found, f"a child with an order of its own; {case}")


@check(
    "What its children say beside scores is passed on: notes, columns, usage.",
    usually="'.values' is taken of what the child returned, and the rest is dropped.",
    of="composite",
    after=("one_score_per_document",),
    unless=(no_children,),
    essential=True,
)
def what_children_say_is_passed_on(subject: Subject) -> None:
    """Put in children that say more."""
    reranker, made = subject.around(children.Telling)
    case = _new(GRADED)
    answer = subject.answer(case, reranker=reranker)
    where = f"children with a note and a column; {case}"
    if not any(child.answered for child in made):
        return
    if not any(children.NOTE in str(note) for note in answer.notes):
        broken(f"the notes are {[str(note) for note in answer.notes]}", where)
    cost = sum(child.answered for child in made) * children.USAGE["contract_units"]
    if answer.usage.get("contract_units", 0.0) != cost:
        broken(f"the usage is {dict(answer.usage)}, {cost:.0f} units in all", where)
    if len(made) == 1 and made[0].asked[-1].documents == case.documents:
        columns = answer.columns
        if children.EXTRA not in columns:
            broken(f"the columns are {list(columns)}", where)
        got = [int(str(value)) for value in columns[children.EXTRA]]
        wanted = [len(text.split()) for text in case.documents]
        if got != wanted:
            broken(f"the child's column is {got} instead of {wanted}", where)


@check(
    "A child is told 'top_k' only where its best are the composite's best.",
    usually="'top_k' is handed on, and the scores are changed afterwards: a document "
    "that the child left out may have become the best.",
    of="composite",
    after=("one_score_per_document",),
    unless=(no_children,),
)
def top_k_is_not_handed_on(subject: Subject) -> None:
    """Put in children that answer for the best only, and compare with all of it."""
    if subject.declares("reads_order") or not subject.declares("deterministic"):
        return
    reranker, made = subject.around(children.Truncating)
    whole, _ = subject.around(children.Child)
    for case in (
        GRADED,
        ramp(9),
        ramp(31),
        *(ramp(7 + i).at(range(4)) for i in range(6)),
    ):
        everything = subject.answer(_new(case), reranker=whole)
        ranked = everything.ranking().tolist()
        inner = None
        if len(made) == 1:
            inner = subject.reference(made[0], _new(case)).ranking().tolist()
        for top_k in range(1, min(len(case), 5)):
            answer = subject.answer(_new(case), top_k, reranker)
            asked = made[0].asked[-1:]
            told = bool(asked) and asked[0].top_k == top_k
            best = answer.ranking().tolist()[:top_k]
            if _ties(everything, top_k):
                continue
            if best != ranked[:top_k]:
                found = (
                    f"with top_k={top_k} the best are {best}, of all {ranked[:top_k]}"
                )
                broken(found, f"children that answer for the best; {case}")
            if inner is not None and told and inner != ranked:
                found = (
                    f"with top_k={top_k} so is the child's, which ranks {inner}, "
                    f"the composite {ranked}"
                )
                broken(found, f"a child that answers for the best; {case}")


@check(
    "The seconds that are left reach the children.",
    usually="'score' does not name 'timeout', or does not hand it on.",
    of="composite",
    after=("one_score_per_document",),
    unless=(no_children,),
)
def timeout_reaches_children(subject: Subject) -> None:
    """Give it some seconds, and look at what its children get."""
    reranker, made = subject.around(children.Child)
    case = _new(GRADED)
    subject.answer(case, reranker=reranker, timeout=TIMEOUT)
    for asked in (asked for child in made for asked in child.asked):
        if asked.timeout is None or not 0 < asked.timeout <= TIMEOUT:
            broken(f"with timeout={TIMEOUT} a child got {asked.timeout}", case)


@check(
    "'warmup' reaches every child.",
    usually="the hook is there, but does not call the children's.",
    of="composite",
    after=("warms_up_and_closes",),
    unless=(no_children,),
)
def warmup_reaches_children(subject: Subject) -> None:
    """Warm it up, and ask the children."""
    reranker, made = subject.around(children.Child)
    reranker.plugins.hook.warmup()
    if not subject.wraps and "warmup" not in subject.implementation.hooks:
        return  # the host warms them
    cold = [str(i) for i, child in enumerate(made) if not child.warmed]
    if cold:
        broken(f"child {', '.join(cold)} of {len(made)} is cold", "warmup()")


@check(
    "Its scores are of the kind that it declares, also where its children's are not.",
    usually="'score_kind' is written down, where it should be the child's.",
    of="composite",
    after=("one_score_per_document",),
    unless=(_several,),
)
def childs_kind_is_kept(subject: Subject) -> None:
    """Put in a child with logits."""
    reranker, (child,) = subject.around(children.Child, factor=-40.0)
    case = _new(GRADED)
    values = subject.answer(case, reranker=reranker).values
    if child.asked and reranker.score_kind == "probability":
        wrong = values[(values < 0) | (values > 1)]
        if len(wrong):
            found = f"it declares a probability, and a document scores {wrong[0]:.6g}"
            broken(found, f"a child with logits; {case}")


def _new(case: Case) -> Case:
    """Return the case under a query that was never asked, so that no cache answers."""
    return Case(f"{case.query} query{next(_number)}", case.documents)


def _same_steps(one: Scores, other: Scores) -> bool:
    """Return whether both score the same documents, in the same order, with ties."""
    scored = ~np.isnan(other.values)
    if not np.array_equal(~np.isnan(one.values), scored):
        return False
    a, b = one.values[scored], other.values[scored]
    steps = np.sign(a[:, None] - a[None, :]) == np.sign(b[:, None] - b[None, :])
    return bool(steps.all())


def _ties(scores: Scores, top_k: int) -> bool:
    """Return whether the documents about *top_k* score alike."""
    values = np.sort(scores.values)[::-1]
    return bool(np.isnan(values).any() or (np.diff(values[: top_k + 1]) > -1e-9).any())
