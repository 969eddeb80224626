"""What of a collection and a first stage does not meet, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resift.errors import InputError
from resift_eval.collection import examples
from resift_eval.first_stage import TrecRun

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import ir_measures

    from resift_eval.collection import Collection
    from resift_eval.first_stage import FirstStage

__all__ = ["gaps"]


def gaps(
    collection: Collection,
    stage: FirstStage,
    depth: int,
    measures: Sequence[ir_measures.Measure],
) -> list[str]:
    """Return what is not used, not found or not seen, one sentence each.

    Raises:
        InputError: If nothing meets: no query is answered, no document can be read, or
            no judged document is known.
    """
    notes = [*collection.notes, *stage.notes]
    if isinstance(stage, TrecRun):
        notes += _of_run(collection, stage, depth)
    notes += _of_judgements(collection, stage)
    notes += _of_depth(stage, depth, measures)
    if len(collection.queries) == 1:
        notes.append("One query is counted: it says nothing about others.")
    return notes


def _of_run(collection: Collection, stage: TrecRun, depth: int) -> list[str]:
    ranked, notes = stage.run.ranked, []
    asked = [i for i in collection.queries if i in ranked]
    missing = [i for i in collection.queries if i not in ranked]
    if not asked:
        msg = (
            f"The run answers none of the {len(missing)} queries. Queries: "
            f"{examples(missing)}; the run's: {examples(ranked)}. Do the ids agree?"
        )
        raise InputError(msg)
    if missing:
        notes.append(
            f"Not answered by the run: {len(missing)} of {len(collection.queries)} "
            f"queries, {examples(missing)}; they count 0."
        )
    if extra := [i for i in ranked if i not in collection.queries]:
        notes.append(
            f"Not used: {len(extra)} of {len(ranked)} queries of the run, "
            f"{examples(extra)}; they are not counted."
        )
    given = dict.fromkeys(r.document for i in asked for r in ranked[i][:depth])
    notes += _without_text(stage, given)
    if cut := sum(len(ranked[i]) > depth for i in asked):
        notes.append(
            f"The run holds up to {stage.run.longest} documents for a query; on {cut} "
            f"queries only the first {depth} are used (--depth)."
        )
    if not any(
        collection.qrels[i].get(r.document, 0) > 0 for i in asked for r in ranked[i]
    ):
        notes.append("The run ranks no relevant document of any query: all count 0.")
    return notes


def _without_text(stage: TrecRun, given: Mapping[str, None]) -> list[str]:
    readable = stage.known(given)
    unread = [d for d in given if d not in readable]
    if not unread:
        return []
    if not readable:
        msg = (
            f"None of the {len(given)} documents that the run ranks has a text. The "
            f"run's: {examples(given)}; documents: {examples(stage.documents)}. Do the "
            "ids agree?"
        )
        raise InputError(msg)
    sentence = (
        f"Without text: {len(unread)} of {len(given)} ranked documents, "
        f"{examples(unread)}; rerankers cannot read them, and put them last."
    )
    return [sentence]


def _of_judgements(collection: Collection, stage: FirstStage) -> list[str]:
    relevant = collection.relevant()
    if isinstance(stage, TrecRun):
        known = stage.known(relevant) | (relevant & stage.run.documents())
    else:
        known = stage.known(relevant)
    unknown = sorted(relevant - known)
    if not known:
        msg = (
            f"None of the {len(unknown)} relevant documents is known. Judged: "
            f"{examples(unknown)}; documents: {examples(stage.documents)}. Do the ids "
            "agree?"
        )
        raise InputError(msg)
    if not unknown:
        return []
    note = (
        f"Not in the collection: {len(unknown)} of {len(relevant)} relevant documents, "
        f"{examples(unknown)}; they count as never found."
    )
    return [note]


def _of_depth(
    stage: FirstStage, depth: int, measures: Sequence[ir_measures.Measure]
) -> list[str]:
    most, why = depth, f"--depth is {depth}"
    if isinstance(stage, TrecRun) and stage.run.longest < depth:
        most = stage.run.longest
        why = f"the run holds {most} for a query at most"
    beyond = ", ".join(str(m) for m in measures if _cutoff(m) > most)
    if not beyond:
        return []
    return [f"Deeper than there are documents: {beyond}; {why}."]


def _cutoff(measure: ir_measures.Measure) -> int:
    found = measure.params.get("cutoff")
    return found if isinstance(found, int) else 0
