"""Checks of a reranker made of others, and of a wrapper around one."""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from resift.errors import BackendError, ResiftError
from resift.ranking import Ranking
from resift.reranker import Reranker
from resift.scores import Scores, checked
from resift.testing import children
from resift.testing.cases import GRADED, Case, ramp
from resift.testing.checks.scores import not_repeatable
from resift.testing.contract import broken, check, raised

if TYPE_CHECKING:
    from collections.abc import Callable

    from resift.testing.subject import Subject

_number = itertools.count(1)
TIMEOUT = 17.0
INSTRUCTION = "Only what happens in winter counts."


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


def _mixes(subject: Subject) -> str | None:
    if reason := _several(subject):
        return reason
    if any(
        isinstance(v, list | tuple) and len(v) > 1 for v in subject.options.values()
    ):
        return "it mixes its child with something else"
    return None


def _no_wrapper(subject: Subject) -> str | None:
    if not subject.wraps:
        return "it is made of others, not wrapped around one"
    return None


def _takes_no_instruction(subject: Subject) -> str | None:
    if reason := no_children(subject):
        return reason
    if not subject.implementation.names("score", "instruction"):
        return "its 'score' does not name 'instruction'"
    return None


@check(
    "Where all its children fail, it fails with a BackendError, or says so in a note; "
    "where one of several fails, too.",
    usually="'except Exception' returns zeros or the order that came in, or raises a "
    "ValueError, and nobody is told. Let the error through, or add a note.",
    of="composite",
    after=("one_score_per_document",),
    unless=(no_children,),
    essential=True,
)
def failing_children_are_told(subject: Subject) -> None:
    """Let every child raise a ServerError, then each of them in turn."""
    reranker, made = subject.around(children.Failing)
    settings: list[tuple[str, Reranker, list[children.Child]]] = [
        ("children that raise a ServerError", reranker, made)
    ]
    for i in range(len(made) if len(made) > 1 else 0):
        what = f"child {i} of {len(made)} raises a ServerError"
        settings.append((what, *subject.around(children.Child, failing=i)))
    for what, built, inside in settings:
        case = _new(GRADED)
        try:
            answer = subject.answer(case, reranker=built)
        except BackendError:
            continue
        except Exception as error:  # noqa: BLE001  # whatever a composite may raise
            broken(raised(error), f"{what}; {case}", error)
        failed = [child for child in inside if isinstance(child, children.Failing)]
        if any(child.asked for child in failed) and not answer.notes:
            found = f"it returned {answer.values.tolist()}, and no note"
            broken(found, f"{what}; {case}")


@check(
    "What a child reads from columns, it gets: the composite declares the children's "
    "'columns', and hands 'candidates' on.",
    usually="'score' does not name 'candidates', or 'columns' is not taken over from "
    "the children.",
    of="composite",
    after=("one_score_per_document",),
    unless=(no_children,),
)
def columns_reach_children(  # noqa: C901  # one step after another
    subject: Subject,
) -> None:
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
    for name in (children.OTHER, children.COLUMN):
        table = table.append_column(name, years)
    where = f"children that read {children.OTHER!r} and {children.COLUMN!r}; {case}"
    subject.pulse.beat(case)
    try:
        reranker.rerank(case.query, table)
    except Exception as error:  # noqa: BLE001  # whatever a composite may raise
        broken(raised(error), where, error)
    known = dict(zip(case.documents, years.to_pylist(), strict=True))
    for asked in (asked for child in made for asked in child.asked):
        if asked.candidates is None:
            broken("a child got no candidates", where)
        for name in (children.OTHER, children.COLUMN):
            if name not in asked.candidates.column_names:
                broken(f"a child got no column {name!r}", where)
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
    "What a child does not score is given no score on the way.",
    usually="'np.nan_to_num' or a default fills what the child left out, so that it "
    "beats what scored less. NaN stays NaN.",
    of="composite",
    after=("one_score_per_document",),
    unless=(_mixes,),
    essential=True,
)
def unscored_stays_unscored(subject: Subject) -> None:
    """Put in a child that scores the two best only."""
    reranker, (child,) = subject.around(children.Ordered)
    case = _new(GRADED)
    try:
        answer = subject.answer(case, reranker=reranker)
    except ResiftError:
        return  # it refuses what it cannot use
    if not child.asked or child.asked[-1].documents != case.documents:
        return  # it asks for other texts: they say nothing about these
    inner = subject.reference(child, case)
    made_up = np.isnan(inner.values) & ~np.isnan(answer.values)
    if made_up.any():
        at = int(np.argmax(made_up))
        found = f"document {at}, which the child left out, scores"
        broken(
            f"{found} {answer.values[at]:.6g}",
            f"a child that scores the two best only; {case}",
        )


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
    "What the caller wants to count as relevant reaches the children that take it.",
    usually="'score' names 'instruction', and hands it to nobody. "
    "'instruction_for(child, instruction)' of 'resift.authors' gives what each takes.",
    of="composite",
    after=("one_score_per_document",),
    unless=(_takes_no_instruction,),
)
def instruction_reaches_children(subject: Subject) -> None:
    """Give it an instruction, and look at what its children get."""
    reranker, made = subject.around(children.Child)
    case = _new(GRADED)
    given = subject.candidates(case.documents)
    subject.pulse.beat(case)
    reranker.score(case.query, case.documents, given, instruction=INSTRUCTION)
    asked = [asked for child in made for asked in child.asked]
    if asked and not any(a.instruction == INSTRUCTION for a in asked):
        found = f"with instruction={INSTRUCTION!r} the children got none"
        broken(found, case)


@check(
    "One query of many that fails costs the others nothing, and says what failed.",
    usually="'score_many' raises the first error that a child returned, or puts zeros "
    "in its place. Hand exceptions on, each at the place of its query.",
    of="composite",
    after=("score_many_agrees_with_score",),
    unless=(no_children, not_repeatable),
)
def each_query_has_its_own_error(subject: Subject) -> None:
    """Ask for three queries, of which the children fail for one."""
    reranker, made = subject.around(children.FailingForOne)
    cases = [_new(GRADED), _new(GRADED), _new(GRADED.at([2, 0, 1]))]
    cases[1] = Case(f"{cases[1].query} {children.BAD}", GRADED.documents)
    if reranker.columns:
        return  # the host asks it for each query by itself
    subject.pulse.beat(cases[1])
    where = f"children that fail for the second of three queries; {cases[1]}"
    try:
        answers = reranker.plugins.hook.score_many(
            queries=[case.query for case in cases],
            documents=[list(case.documents) for case in cases],
        )
    except Exception as error:  # noqa: BLE001  # whatever a composite may raise
        broken(f"for all three {raised(error)}", where, error)
    if not any(child.refused for child in made):
        return
    for number, (case, answer) in enumerate(zip(cases, answers, strict=True)):
        if isinstance(answer, Exception):
            if number != 1:
                broken(f"query {number} got {_name(answer)}", where)
            continue
        got = checked(answer, len(case), subject.who)
        if number == 1 and not got.notes:
            broken(f"the second got {got.values.tolist()}, and no note", where)


@check(
    "It leaves its children open: whoever opened one closes it.",
    usually="'close' of a child is called after each score. The host closes the "
    "children that it built.",
    of="composite",
    after=("one_score_per_document",),
    unless=(no_children,),
)
def children_are_left_open(subject: Subject) -> None:
    """Score, and ask the children, which were handed in as objects."""
    reranker, made = subject.around(children.Child)
    case = _new(GRADED)
    subject.answer(case, reranker=reranker)
    closed = [str(i) for i, child in enumerate(made) if child.closed]
    if closed:
        broken(f"child {', '.join(closed)} of {len(made)} is closed", case)


@check(
    "A wrapper changes no answer: values, order, notes, columns, usage and errors are "
    "those of what it is around.",
    usually="what 'yield' gave is made anew from '.values', rounded, kept and given "
    "again, or an error is caught. Return what 'yield' gave, and let errors through.",
    of="composite",
    after=("one_score_per_document",),
    unless=(_no_wrapper,),
    essential=True,
)
def wrapper_changes_no_answer(subject: Subject) -> None:
    """Ask every hook with the wrapper and without it, most of them twice."""
    for cls in (
        children.Child,
        children.Telling,
        children.Ordered,
        children.Truncating,
        children.FailingForOne,
        children.Failing,
    ):
        wrapped, (child,) = subject.around(cls)
        bare = Reranker(type(child)(child.factor))
        what = f"a child that is {cls.__name__!r}"
        for case in (_new(GRADED), _new(GRADED.at([3, 2])), _bad(GRADED)):
            for again in (case, case.at(range(len(case))[::-1])):
                subject.pulse.beat(again)
                ask = partial(_score, again)
                _require_same(ask, wrapped, bare, f"{what}; {again}")
        many = partial(_score_many, [_new(GRADED), _bad(GRADED), _new(GRADED.at([1]))])
        _require_same(many, wrapped, bare, f"{what}, asked for several queries")
    for merging in (children.Merging, children.Refusing):
        wrapped, _ = subject.around(merging)
        what = f"a child that is {merging.__name__!r}"
        for hook in (_merge, _warmup):
            where = f"{what}, asked to {hook.__name__.strip('_')}"
            _require_same(hook, wrapped, Reranker(merging()), where)


def _score(case: Case, one: Reranker) -> object:
    return one.score(case.query, case.documents, top_k=2)


def _score_many(cases: list[Case], one: Reranker) -> object:
    queries, documents = [c.query for c in cases], [c.documents for c in cases]
    return one.score_many(queries, documents)


def _merge(one: Reranker) -> object:
    lists = [Ranking(np.array([2, 0]), np.array([0.9, 0.1]), 1.0, "list_1")]
    return one.plugins.hook.merge(rankings=lists, n_documents=3, query="foxes")


def _warmup(one: Reranker) -> object:
    one.plugins.hook.warmup()
    return None


def _require_same(
    call: Callable[[Reranker], object], one: Reranker, other: Reranker, where: str
) -> None:
    """Require that a call says the same of both, in whatever form."""
    got, wanted = _plain(_outcome(call, one)), _plain(_outcome(call, other))
    if got != wanted:
        broken(f"it gives {got}, without the wrapper {wanted}", where)


def _outcome(call: Callable[[Reranker], object], reranker: Reranker) -> object:
    try:
        return call(reranker)
    except Exception as error:  # noqa: BLE001  # compared, like any answer
        return error


def _plain(answer: object) -> object:
    """Return an answer as what can be compared and shown."""
    if isinstance(answer, Scores):
        parts: dict[str, object] = {"values": _plain(answer.values)}
        if answer.order is not None:
            parts["order"] = _plain(answer.order)
        if answer.notes:
            parts["notes"] = [str(note) for note in answer.notes]
        if answer.columns:
            columns = answer.columns.items()
            parts["columns"] = {k: [str(v) for v in values] for k, values in columns}
        if answer.usage:
            parts["usage"] = dict(answer.usage)
        return parts
    if isinstance(answer, Exception):
        return _name(answer)
    if isinstance(answer, np.ndarray):
        return ["-" if np.isnan(value) else value for value in answer.tolist()]
    if isinstance(answer, list | tuple):
        return [_plain(item) for item in answer]
    return answer


@check(
    "'warmup' reaches every child.",
    usually="the children stand in attributes of their own: the host warms those in "
    "'self.children'.",
    of="composite",
    after=("warms_up_and_closes",),
    unless=(no_children,),
)
def warmup_reaches_children(subject: Subject) -> None:
    """Warm it up, and ask the children."""
    reranker, made = subject.around(children.Child)
    reranker.warmup()
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


def _name(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _bad(case: Case) -> Case:
    """Return the case under a new query for which some children fail."""
    return Case(f"{_new(case).query} {children.BAD}", case.documents)


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
