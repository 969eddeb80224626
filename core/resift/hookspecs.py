"""The hooks: all that a reranker can implement, and all that its author must know.

A reranker is a class that implements `score` (or `score_many`), `merge`, or both. Mark
each implementation with `@resift.hookimpl`; name only the arguments you need. New
arguments will only ever be added with a default, so an old plugin keeps working.

Hooks are synchronous: the host runs them off the event loop for its async methods.
One instance may be called from many threads at once. Construction must be cheap:
load weights or open a client at first use, under a lock, or in `warmup`.

Besides its hooks, an instance may carry these attributes:

``score_kind``
    What a score means: ``"probability"`` (0 to 1, may be thresholded),
    ``"similarity"`` (bounded), ``"logit"`` (unbounded, monotone) or ``"ordinal"``
    (only the order means anything; the default).
``score_range``
    Of a similarity: its lowest and its highest value, such as ``(-1.0, 1.0)``, so that
    others can put it between 0 and 1. None, the default, where they are not known.
``columns``
    Names of the columns it reads from `candidates`, such as a vector column. Declaring
    any turns off two services: null and blank texts, and repeated texts, then reach
    the reranker, because its columns may still tell them apart.
``pointwise``
    True where the score of a document never depends on the other documents, so that
    it may be kept and used again.
``needs_text``
    False for a reranker that scores without reading any text.
``tells_rows_apart``
    True where rows of equal text may score differently. By default where it declares
    `columns`.
``takes_instruction``
    False where an instruction has no effect although `score` names it: where that
    depends on an option, or on the model. By default where `score` names it, and of a
    composite where one of its children takes it.
``neutral_options``
    Of the class: names of options that change no score, such as a timeout or a batch
    size. `cache` finds the scores of a text whatever they are.
``children``
    The rerankers that it is made of, a list. What it does not declare, `columns`,
    `needs_text`, `tells_rows_apart`, `reads_order`, `score_kind`, `score_range`,
    `pointwise` and `deterministic`, follows from theirs, and they are warmed up and
    checked with it.
``does_without``
    True for a reranker made of others that works without some of them: a child whose
    key is not set, or whose package cannot be imported, then fails when it is asked,
    not when it is loaded.
``keeps_answers``
    True for a reranker that keeps answers, which a `fallback` cannot use while it
    leaves the reranker alone.
``resift_api``
    The major version of these hooks it was written for: ``1``.

The contract (`resift.testing`) reads some more, so as not to ask for what a reranker
never promised. Each default suits most:

``deterministic``
    False where the same call may give other scores. True by default.
``reads_order``
    True where a score depends on the order in which the documents came.
``needs_network``
    True where it cannot score without a server that is not on this machine.
``symmetric``
    Of a merger: False where it matters which list comes first. True by default.
``reads_scores``
    Of a merger: True where it reads the scores of the lists, and a list without any is
    noted; False where ranks are all it reads, and no list has any. Where it does not
    say, it gets the scores.
``affine_invariant``
    Of a merger: True where shifting all scores of a list, or scaling them by a positive
    number, changes no order.
``most_lists``
    Of a merger: how many lists it takes; None, the default, for any number.

Two optional methods serve rerankers built around others: ``token_spans(text)``, the
``(start, end)`` offsets of a text's tokens, lets `chunk` cut by the model's own tokens;
``embed(query, documents)``, two arrays of vectors, lets `mmr` compare documents. An
extra column ``_degraded`` marks an answer of second choice, which `cache` does not
keep; ``_spans``, of the type `resift.authors.SPANS`, says which parts of each text
count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from resift.ranking import Ranking
    from resift.scores import MergedLike, ScoresLike

__all__ = [
    "API_VERSION",
    "check",
    "close",
    "hookimpl",
    "merge",
    "score",
    "score_many",
    "warmup",
]

API_VERSION = 1

hookspec = pluggy.HookspecMarker("resift")
hookimpl = pluggy.HookimplMarker("resift")
"""Marks a method as the implementation of the hook of the same name."""


@hookspec(firstresult=True)
def score(
    query: str,
    documents: Sequence[str],
    candidates: pa.Table | None = None,
    top_k: int | None = None,
    timeout: float | None = None,
    instruction: str | None = None,
) -> ScoresLike:
    """Score each document against the query: higher is better.

    Never reorder or change the documents, and never sort what you return: the host
    sorts. Raise (see `resift.errors.BackendError`) rather than return fewer scores, and
    make none up for what a server left out. A failure leaves nothing behind: the next
    call works. No call colours the next, nor another instance. Texts and keys stay out
    of logs, warnings, errors and files; the process (random state, logging, signals,
    environment) stays as it was; files, threads and sockets are given back.

    A reranker made of others hands on what they say beside values (order, notes,
    columns, usage, errors), and hands *candidates*, *timeout* and *instruction* to
    them; *top_k* only where it does not change their scores. What they left unscored
    stays so. Where one of them fails, it fails with a `BackendError`, or says so in a
    note. A wrapper changes no answer.

    Args:
        query: The query, never blank.
        documents: The texts, ``n_docs`` of them, at least one, best first in the order
            they were retrieved. Distinct and never blank, unless `columns` is declared.
        candidates: An Arrow table, one row per document, aligned with *documents*:
            the declared `columns`, or every column of the results where none are
            declared, in the types and units that they have there, nulls included. None
            when plain strings are scored. ``_relevance_score``, the merged score, is
            there in `rerank` and in searches, and wherever `columns` declares it:
            where documents came without scores it falls evenly, from -1 on.
        top_k: A hint: only the best *top_k* will be shown. A backend that charges by
            answer may truncate, and then returns a mapping.
        timeout: Seconds left for this call, or None. Honour it where you can.
        instruction: What the caller wants to count as relevant, in words, or None. A
            reranker that does not name it never gets one: the host refuses the call.

    Returns:
        One finite float per document, aligned with *documents*: a list, an array or a
        tensor of shape ``(n_docs,)``. Or a mapping ``{index: score}`` where the backend
        left documents out. Or `resift.Scores` when there is more to say.
    """


@hookspec(firstresult=True)
def score_many(
    queries: Sequence[str],
    documents: Sequence[Sequence[str]],
    timeout: float | None = None,
    instruction: str | None = None,
) -> Sequence[ScoresLike | Exception]:
    """Score the documents of many queries at once.

    For a backend that gains by packing pairs across queries. Where it is missing, the
    host calls `score` once per query; where `score` is missing, the host calls this
    with one query.

    Args:
        queries: The queries, ``n_queries`` of them.
        documents: For each query its texts, as `score` gets them.
        timeout: Seconds left for all of them, or None.
        instruction: As `score` gets it.

    Returns:
        One item per query, each of them what `score` may return, or an exception for
        that query alone.
    """


@hookspec(firstresult=True)
def merge(
    rankings: Sequence[Ranking], n_documents: int, query: str | None = None
) -> MergedLike:
    """Fuse ranked lists into one score per document: higher is better.

    Every list counts, however many there are, and what one found first beats what none
    found. Positions are names: numbered otherwise, the documents score the same. The
    same lists merge the same, whatever was merged before, and in any thread.

    Args:
        rankings: The lists, at least one. Each holds `documents`, int64 positions in
            ``0 .. n_documents - 1``, best first, no position twice; `scores`, aligned
            float64, finite, higher is better, or None; and `weight`, `name`, `lowest`.
            A list may be empty. Its name is what whoever made it calls it:
            ``"vector"`` and ``"fts"`` in LanceDB's hybrid search, the column in
            `resift.lancedb.search`, the reranker in an `ensemble`, else what `names`
            says, or ``"list_1"``, ``"list_2"``.
        n_documents: Size of the union. A document may be missing from every list.
        query: The query, where there is one.

    Returns:
        One finite float per document of the union, shape ``(n_documents,)``. Equal
        scores are ordered by best rank, then by list, then by first appearance.
    """


@hookspec
def warmup() -> None:
    """Load the weights or open the client now, not at the first score."""


@hookspec
def check() -> None:
    """Raise if it cannot work now: one cheap request, or a look at what it needs."""


@hookspec
def close() -> None:
    """Release what is held. May be called twice."""
