"""The way of a request: results -> union -> merge -> candidates -> score -> take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeGuard

import numpy as np
import pyarrow as pa

from resift.arrow import RELEVANCE, as_table, take, text_columns, text_of
from resift.errors import InputError
from resift.host import named
from resift.output import (
    add,
    evidence,
    explanation,
    is_degraded,
    notes_of,
    relevance,
    with_columns,
    with_notes,
)
from resift.ranking import RankedDocument, RankedDocuments, Ranking
from resift.scores import Scores, as_array, checked, checked_items, expand, shown
from resift.threshold import enough
from resift.union import Union

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from resift.request import Request
    from resift.reranker import Reranker

__all__ = ["rank", "rank_many", "rerank", "score"]

Document = str | Mapping[str, object]


def rerank(
    reranker: Reranker, query: str, results: Sequence[object], request: Request
) -> pa.Table:
    """Merge result tables, score the best of the union, and take the rows."""
    if not results:
        msg = "rerank: give at least one result table; an empty one is fine."
        raise InputError(msg)
    union = Union(
        [as_table(result) for result in results],
        id=request.id,
        weights=request.weights,
        names=request.names,
    )
    merged = _merged(reranker, union, query)
    order = union.order(merged)
    if reranker.scores:
        window = order[: request.window]
        scores = _score_window(reranker, query, union, merged, window, request)
        scores, top_k = enough(reranker, scores, request.top_k, request.min_score)
        places = scores.ranking()
        documents = np.concatenate([window[places], order[len(window) :]])
        documents, places = documents[:top_k], places[:top_k]
        values = scores.values[places]
    else:
        scores, top_k = enough(
            reranker, Scores(merged), request.top_k, request.min_score
        )
        documents = places = order[:top_k]
        values = merged[documents]
    added = {RELEVANCE: relevance(values, len(documents), reranker.who)}
    if scores.columns or request.explain:
        more = evidence(scores, places, len(documents), explain=request.explain)
        add(added, more.items(), reranker.who)
    if request.explain:
        add(added, explanation(union, merged, order, documents), reranker.who)
    shown = [name for name in union.columns if name not in request.drop]
    rows = union.take(documents, shown if request.drop else None)
    texts = [request.text] if isinstance(request.text, str) else request.text
    rows = with_columns(rows, added, keep=(request.id, *texts), who=reranker.who)
    came = [note for table in union.tables for note in notes_of(table)]
    degraded = _second_best(scores) or any(map(is_degraded, union.tables))
    return with_notes(rows, [*came, *scores.notes], degraded=degraded)


def score(
    reranker: Reranker,
    query: str,
    documents: Sequence[str | None],
    candidates: pa.Table | None,
    top_k: int | None,
    timeout: float | None,
) -> Scores:
    """Send the distinct texts to the plugin, and spread its scores."""
    _require_list(reranker, documents)
    index, texts, first = _distinct(reranker, documents)
    if not texts:
        return Scores(np.full(len(documents), np.nan))
    table = _candidates(reranker, candidates, len(documents))
    if table is not None and len(first) != len(documents):
        table = take(table, first)
    with named(reranker.who, "scoring"):
        raw = reranker.plugins.hook.score(
            query=query, documents=texts, candidates=table, top_k=top_k, timeout=timeout
        )
    scores = checked(raw, len(first), reranker.who)
    return scores if len(first) == len(documents) else expand(scores, index)


def rank(
    reranker: Reranker,
    query: str,
    documents: Sequence[Document],
    top_k: int | None,
    min_score: float | None,
) -> RankedDocuments:
    """Rank strings or mappings."""
    _require_list(reranker, documents)
    if not reranker.scores:
        single = Ranking(np.arange(len(documents)))
        merged = reranker.merge([single], len(documents), query)
        return _ranked(reranker, documents, Scores(merged), top_k, min_score)
    texts = _texts(reranker, documents[: reranker.window])
    table = None
    if _wants_candidates(reranker):
        table = _as_candidates(reranker, documents[: reranker.window])
    scores = reranker.score(query, texts, table, top_k)
    return _ranked(reranker, documents, scores, top_k, min_score)


def rank_many(
    reranker: Reranker,
    queries: Sequence[str],
    documents: Sequence[Sequence[Document]],
    top_k: int | None,
    min_score: float | None,
) -> list[RankedDocuments]:
    """Rank many queries, their pairs scored together where that is possible."""
    _require_pairs(reranker, queries, documents)
    pairs = zip(queries, documents, strict=True)
    if not reranker.scores or _wants_candidates(reranker):
        return [rank(reranker, q, texts, top_k, min_score) for q, texts in pairs]
    sent = []
    for query, given in pairs:
        reranker._require(query, "rank_many")  # noqa: SLF001  # one class in two files
        _require_list(reranker, given)
        sent.append(_distinct(reranker, _texts(reranker, given[: reranker.window])))
    asked = [i for i, (_, texts, _) in enumerate(sent) if texts]
    with named(reranker.who, "scoring"):
        raw = asked and reranker.plugins.hook.score_many(
            queries=[queries[i] for i in asked], documents=[sent[i][1] for i in asked]
        )
    raw = checked_items(raw, len(asked), reranker.who)
    answers = dict(zip(asked, raw, strict=True))
    rankings = []
    for i, (index, _, first) in enumerate(sent):
        scores = Scores(np.full(len(index), np.nan))
        if i in answers:
            scores = expand(checked(answers[i], len(first), reranker.who), index)
        rankings.append(_ranked(reranker, documents[i], scores, top_k, min_score))
    return rankings


def _second_best(scores: Scores) -> bool:
    """Return whether `fallback` says that it is an answer of second choice."""
    marked = scores.columns.get("_degraded")
    return marked is not None and True in as_array(marked).to_pylist()


def _merged(reranker: Reranker, union: Union, query: str) -> NDArray[np.float64]:
    if not union.n_documents:
        return np.empty(0)
    return reranker.merge(union.rankings, union.n_documents, query)


def _score_window(
    reranker: Reranker,
    query: str,
    union: Union,
    merged: NDArray[np.float64],
    window: NDArray[np.int64],
    request: Request,
) -> Scores:
    """Fetch what the reranker reads of the best documents, and score them."""
    texts: list[str | None] = [""] * len(window)
    if reranker.needs_text:
        names = list(dict.fromkeys(text_columns(request.text, union.columns)))
        known = [name for name in names if name in union.columns]
        found = union.take(window, known if len(known) == len(names) else None)
        texts = text_of(found, request.text, reranker.who)
    candidates = None
    if _wants_candidates(reranker):
        _require_columns(reranker, union.columns)
        wanted = reranker.columns or union.columns
        taken = union.take(window, [c for c in wanted if c in union.columns])
        candidates = _set(taken, RELEVANCE, pa.array(merged[window]))
    return reranker.score(query, texts, candidates, request.top_k, request.timeout)


def _distinct(
    reranker: Reranker, documents: Sequence[str | None]
) -> tuple[NDArray[np.int64], list[str], NDArray[np.int64]]:
    """Return which text each document is (-1 for blank), the texts, and their rows."""
    n = len(documents)
    _require_texts(reranker, documents)
    if reranker.tells_rows_apart or not reranker.needs_text:
        rows = np.arange(n)
        return rows, [text or "" for text in documents], rows
    seen: dict[str, int] = {}
    index = np.full(n, -1, dtype=np.int64)
    first: list[int] = []
    for i, text in enumerate(documents):
        if text is None or not text.strip():
            continue
        index[i] = seen.setdefault(text, len(seen))
        if len(first) < len(seen):
            first.append(i)
    return index, list(seen), np.array(first, dtype=np.int64)


def _candidates(
    reranker: Reranker, candidates: pa.Table | None, n: int
) -> pa.Table | None:
    """Return the columns that the reranker declares, or all where it declares none."""
    columns = reranker.columns
    if not columns and (candidates is None or not _wants_candidates(reranker)):
        return None
    if columns == ():
        return None
    table = None
    if candidates is not None:
        table = as_table(candidates, f"{reranker.who}: candidates")
    if table is not None and len(table) != n:
        msg = f"{reranker.who}: {len(table)} candidates for {n} documents."
        raise InputError(msg)
    _require_columns(reranker, [] if table is None else table.column_names)
    if table is None or columns is None:
        return table
    return table.select([c for c in columns if c in table.column_names])


def _require_columns(reranker: Reranker, available: Sequence[str]) -> None:
    for name in reranker.columns or ():
        if name != RELEVANCE and name not in available:
            msg = (
                f"{reranker.who} needs the column {name!r}, which the results do not "
                f"have. Columns: {', '.join(map(repr, available)) or 'none'}. Select "
                "it in the search, or name another in the reranker's options."
            )
            raise InputError(msg)


def _wants_candidates(reranker: Reranker) -> bool:
    columns = reranker.columns  # () declares that it reads none
    return bool(columns) or (columns is None and reranker.reads_candidates)


def _ranked(
    reranker: Reranker,
    documents: Sequence[Document],
    scores: Scores,
    top_k: int | None,
    min_score: float | None,
) -> RankedDocuments:
    scores, top_k = enough(reranker, scores, top_k, min_score)
    order = scores.ranking()
    order = np.concatenate([order, np.arange(len(order), len(documents))])[:top_k]
    values = shown(scores.values, reranker.who)
    columns = {name: as_array(column) for name, column in scores.columns.items()}
    rows = [
        RankedDocument(
            index=i,
            document=documents[i],
            score=None if i >= len(values) or np.isnan(values[i]) else values[i].item(),
            rank=rank,
            columns={
                name: column[i].as_py()
                for name, column in columns.items()
                if i < len(column)
            },
        )
        for rank, i in enumerate(order.tolist(), start=1)
    ]
    return RankedDocuments(rows, scores.notes)


def _texts(reranker: Reranker, documents: Sequence[object]) -> list[str | None]:
    """Return the texts of strings and mappings."""
    keys = [reranker.text] if isinstance(reranker.text, str) else list(reranker.text)
    texts: list[str | None] = []
    for i, document in enumerate(documents):
        if document is None or isinstance(document, str):
            texts.append(document)
            continue
        if not isinstance(document, Mapping):
            msg = (
                f"{reranker.who}: document {i} must be a string or a mapping, got "
                f"{type(document).__name__}."
            )
            raise InputError(msg)
        parts = [part for key in keys for part in _under(key, document)]
        if not parts and reranker.needs_text:
            msg = (
                f"{reranker.who}: document {i} has no text under {keys[0]!r}. Keys: "
                f"{', '.join(map(repr, document))}. Name the right one with text=...."
            )
            raise InputError(msg)
        if wrong := [p for p in parts if p is not None and not isinstance(p, str)]:
            raise InputError(_no_text(reranker, i, wrong[0]))
        found = [part for part in parts if isinstance(part, str)]
        texts.append("\n".join(found) or None)
    return texts


def _under(key: str, document: Mapping[str, object]) -> list[object]:
    """Return the value under *key*, ``"meta.title"`` say, in a list; or none."""
    if key in document:
        return [document[key]]
    outer, _, rest = key.partition(".")
    if not rest or outer not in document:
        return []
    inner = document[outer]
    if inner is None:  # as a struct that is null
        return [None]
    return _under(rest, inner) if isinstance(inner, Mapping) else []


def _require_texts(reranker: Reranker, documents: Sequence[object]) -> None:
    for i, text in enumerate(documents):
        if not (text is None or isinstance(text, str)):
            raise InputError(_no_text(reranker, i, text))


def _no_text(reranker: Reranker, index: int, value: object) -> str:
    kind = type(value).__name__
    return f"{reranker.who}: the text of document {index} must be a string, got {kind}."


def _as_candidates(
    reranker: Reranker, documents: Sequence[Document]
) -> pa.Table | None:
    """Return mappings as a table of all their keys; None for strings."""
    rows = [document for document in documents if isinstance(document, Mapping)]
    if not rows or len(rows) != len(documents):
        return None
    columns = {}
    for key in dict.fromkeys(key for row in rows for key in row):
        try:
            columns[key] = pa.array([row.get(key) for row in rows])
        except (pa.ArrowException, OverflowError, UnicodeError) as error:
            msg = (
                f"{reranker.who}: the values of {key!r} in the documents cannot be an "
                f"Arrow array ({type(error).__name__}). Give values of one type."
            )
            raise InputError(msg) from None  # the cause may quote a document
    return pa.table(columns)


def _is_list(value: object) -> TypeGuard[Sequence[object]]:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _require_pairs(reranker: Reranker, queries: object, documents: object) -> None:
    if not (_is_list(queries) and _is_list(documents)):
        msg = (
            f"{reranker.who}: rank_many needs a list of queries and a list of "
            f"documents for each, got {type(queries).__name__} and "
            f"{type(documents).__name__}."
        )
        raise InputError(msg)
    if len(queries) != len(documents):
        msg = (
            f"{reranker.who}: rank_many needs one list of documents per query, got "
            f"{len(queries)} queries and {len(documents)} lists."
        )
        raise InputError(msg)


def _require_list(reranker: Reranker, documents: object) -> None:
    if not _is_list(documents):
        msg = (
            f"{reranker.who}: documents must be a list of strings or mappings, got "
            f"{type(documents).__name__}."
        )
        raise InputError(msg)


def _set(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    if name in table.column_names:
        return table.set_column(table.column_names.index(name), name, column)
    return table.append_column(name, column)
