"""The way of a request: results -> union -> merge -> candidates -> score -> take.

Plain functions over a `Host`: each step takes what the one before it made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import pyarrow as pa

from resift.arrow import RELEVANCE, as_list, as_table, text_columns, text_of
from resift.blocks import Limits, spans
from resift.columns import add, evidence, explanation, relevance, with_columns
from resift.errors import BackendTimeoutError, InputError
from resift.host import require_list
from resift.notes import DEGRADED, Note, is_degraded, notes_of, with_notes
from resift.ranking import D, Document, RankedDocuments
from resift.scores import Scores, as_array
from resift.settings import Settings, column_name, column_names, seconds
from resift.threads import Deadline
from resift.union import Union

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from resift.host import Host
    from resift.list_scores import Columns
    from resift.settings import Text

__all__ = [
    "Document",
    "OnError",
    "Request",
    "answers_of",
    "enough",
    "is_second_best",
    "rank",
    "rank_many",
    "require_choice",
    "require_probability",
    "require_ranking",
    "rerank",
    "told",
]

OnError: TypeAlias = Literal["raise", "return"]

_LIMITS = Limits()
_TEXT = {"text": "text=..."}
_MEANING = {
    "logit": "are unbounded, and shift from query to query",
    "similarity": "are bounded, but how much is enough differs from query to query",
    "ordinal": "only order the documents of one query",
}


# Tables -------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Request:
    """The arguments of one `Reranker.rerank` call, described there and checked."""

    settings: Settings = field(default_factory=Settings)
    id: str | Sequence[str] | None = "_rowid"
    names: Sequence[str] | None = None
    score: Columns = None
    distance: Columns = None
    explain: bool = False
    timeout: float | None = None
    drop: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.id is not None and self.id != "_rowid":
            if not isinstance(self.id, list | tuple):
                column_name("id", self.id)
            elif column_names("id", self.id) and not self.id:
                message = "must name at least one column, or be None"
                raise InputError(message, parameter="id", value=self.id)
        if self.timeout is not None:
            object.__setattr__(self, "timeout", seconds("timeout", self.timeout))
        if self.drop:
            column_names("drop", self.drop)

    @property
    def id_columns(self) -> tuple[str, ...]:
        """The columns that tell documents apart together; none where rows do."""
        if self.id is None:
            return ()
        return (self.id,) if isinstance(self.id, str) else tuple(self.id)

    @property
    def read_columns(self) -> tuple[str, ...]:
        """The columns that are read of the results, which nothing may replace."""
        return (*self.id_columns, *self.text_columns)

    @property
    def text_columns(self) -> tuple[str, ...]:
        """The columns that hold the text, as they were named."""
        text = self.settings.text_column
        return (text,) if isinstance(text, str) else tuple(text)


def rerank(
    host: Host, query: str, results: Sequence[object], request: Request
) -> pa.Table:
    """Merge result tables, score the best of the union, and take the rows."""
    settings, union = request.settings, _union(host, results, request)
    merged = _merged(host, union, query)
    order = union.order(merged)
    if host.can_score:
        window = order[: settings.window]
        scores = _score_window(host, query, union, merged, window, request)
        places = scores.ranking()
        documents = np.concatenate([window[places], order[len(window) :]])
    else:
        host.require_reader(settings.instruction)
        scores = Scores(merged)
        documents = places = order
    scores, shown = enough(host, scores, settings)
    documents, places = documents[:shown], places[:shown]
    values = scores.values[places]
    added = {RELEVANCE: relevance(values, len(documents), host.who)}
    if scores.columns or request.explain:
        more = evidence(scores, places, len(documents), explain=request.explain)
        add(added, more.items(), host.who)
    if request.explain:
        add(added, explanation(union, merged, order, documents), host.who)
    kept = [name for name in union.columns if name not in request.drop]
    rows = union.take(documents, kept if request.drop else None)
    rows = with_columns(rows, added, keep=request.read_columns, who=host.who)
    return _with_what_was_noted(rows, host, union, scores)


def is_second_best(scores: Scores) -> bool:
    """Return whether `fallback` says that it is an answer of second choice."""
    marked = scores.columns.get(DEGRADED)
    return marked is not None and True in as_array(marked).to_pylist()


def _union(host: Host, results: Sequence[object], request: Request) -> Union:
    if not results:
        msg = "give at least one result table; an empty one is fine."
        raise InputError(msg, who="rerank")
    return Union(
        [as_table(result) for result in results],
        id=request.id,
        weights=request.settings.weights,
        names=request.names,
        text=request.settings.text_column,
        score=request.score,
        distance=request.distance,
        reads_scores=request.explain or host.reads_scores is not False,
    )


def _with_what_was_noted(
    rows: pa.Table, host: Host, union: Union, scores: Scores
) -> pa.Table:
    """Return *rows* with the notes and the usage of all that led to them."""
    noted = [table for table in union.tables if table.schema.metadata]
    degraded = is_second_best(scores) or any(map(is_degraded, noted))
    notes = [note for table in noted for note in notes_of(table)]
    notes += [*(union.score_notes if host.reads_scores else ()), *union.notes]
    notes += scores.notes
    if not (notes or scores.usage or degraded):
        return rows
    return with_notes(rows, notes, scores.usage, degraded=degraded)


def _merged(host: Host, union: Union, query: str) -> NDArray[np.float64]:
    if not union.n_documents:
        return np.empty(0)
    return host.merge(union.rankings, union.n_documents, query)


def _score_window(
    host: Host,
    query: str,
    union: Union,
    merged: NDArray[np.float64],
    window: NDArray[np.int64],
    request: Request,
) -> Scores:
    """Fetch what the plugin reads of the best documents, and score them."""
    traits, settings = host.traits, request.settings
    texts: list[str | None] = [""] * len(window)
    if traits.needs_text:
        text = settings.text_column
        names = list(dict.fromkeys(text_columns(text, union.columns)))
        known = [name for name in names if name in union.columns]
        found = union.take(window, known if len(known) == len(names) else None)
        rows = window.tolist()
        texts = text_of(found, text, host.who, lambda i: union.place(rows[i]))
    candidates = None
    if traits.wants_candidates:
        host.require_columns(union.columns)
        wanted = traits.columns or union.columns
        taken = union.take(window, [c for c in wanted if c in union.columns])
        candidates = _with(taken, RELEVANCE, pa.array(merged[window]))
    scores = host.score(
        query, texts, candidates, settings.top_k, request.timeout, settings.instruction
    )
    return told(scores, host.name)


def _with(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    if name in table.column_names:
        return table.set_column(table.column_names.index(name), name, column)
    return table.append_column(name, column)


# Lists --------------------------------------------------------------------------


def rank(
    host: Host,
    query: str,
    documents: Iterable[D],
    settings: Settings,
    timeout: float | None = None,
) -> RankedDocuments[D]:
    """Rank strings or mappings.

    Raises:
        InputError: If the reranker only merges: one list leaves nothing to merge.
    """
    given = as_list(documents, host.who)
    require_list(given, host.who)
    require_ranking(host)
    sent = given[: settings.window]
    texts = _texts(sent, settings.text_column, host)
    table = _as_candidates(sent, host.who) if host.traits.wants_candidates else None
    scores = host.score(
        query, texts, table, settings.top_k, timeout, settings.instruction
    )
    return _ranked(host, given, scores, settings)


def rank_many(
    host: Host,
    queries: Iterable[str],
    documents: Iterable[Iterable[D]],
    settings: Settings,
    *,
    timeout: float | None = None,
    on_error: OnError = "raise",
    limits: Limits | None = _LIMITS,
) -> list[RankedDocuments[D] | Exception]:
    """Rank many queries, their pairs scored together where that is possible.

    Args:
        host: The plugin behind its hooks.
        queries: The queries.
        documents: The documents of each.
        settings: Whatever the call sets, over the reranker's own.
        timeout: Seconds for all of them.
        on_error: ``"raise"`` the first error, or ``"return"`` that of each query.
        limits: How much is scored together; None for all.
    """
    queries, documents = as_list(queries, host.who), as_list(documents, host.who)
    host.require_pairs(queries, documents)
    lists = [as_list(given, host.who) for given in documents]
    pairs = list(zip(queries, lists, strict=True))
    one_by_one = host.traits.wants_candidates or not host.packs
    deadline = Deadline(timeout)
    if one_by_one and on_error == "raise":  # so that the first error ends it
        return [
            rank(host, query, given, settings, deadline.left(host.who))
            for query, given in pairs
        ]
    if one_by_one:
        return [
            _attempt(host, query, given, settings, deadline) for query, given in pairs
        ]
    texts: list[list[str | None]] = []
    for given in lists:
        require_list(given, host.who)
        texts.append(_texts(given[: settings.window], settings.text_column, host))
    answers = answers_of(host, queries, texts, settings, timeout, limits)
    rankings: list[RankedDocuments[D] | Exception] = []
    for given, scores in zip(lists, answers, strict=True):
        if isinstance(scores, Exception):
            if on_error == "raise":
                raise scores
            rankings.append(scores)
        else:
            rankings.append(_ranked(host, given, scores, settings))
    return rankings


def answers_of(
    host: Host,
    queries: Sequence[str],
    texts: Sequence[Sequence[str | None]],
    settings: Settings,
    timeout: float | None,
    limits: Limits | None,
) -> Iterator[Scores | Exception]:
    """Yield what each query is answered, scored block by block.

    So nobody holds the tokens of all pairs, however many queries there are.

    Args:
        host: A plugin that scores the pairs of many queries together.
        queries: The queries.
        texts: The texts of each.
        settings: The settings of the call.
        timeout: Seconds for all of them.
        limits: How much is scored together; None for all.
    """
    deadline = Deadline(timeout)
    sizes = ((len(own), sum(map(len, filter(None, own)))) for own in texts)
    for start, stop in spans(sizes, limits):
        asked, own = queries[start:stop], texts[start:stop]
        try:
            left = deadline.left(host.who) if start else timeout
        except BackendTimeoutError as error:
            yield from [error] * len(asked)
        else:
            yield from host.score_many(asked, own, left, settings.instruction)


def require_ranking(host: Host) -> None:
    """Refuse to rank one list with a reranker that only merges.

    Raises:
        InputError: If it does.
    """
    if not host.can_score:
        msg = (
            f"{host.who} only merges lists: it cannot rank documents by a query. Give "
            "result tables to 'rerank', or rank with a reranker that scores."
        )
        raise InputError(msg, who=host.who)


def require_choice(on_error: object) -> None:
    """Refuse any *on_error* but the two that there are.

    Raises:
        InputError: If it is neither ``"raise"`` nor ``"return"``.
    """
    if on_error not in ("raise", "return"):
        requirement = "must be 'raise' or 'return'"
        raise InputError(requirement, parameter="on_error", value=on_error)


def _attempt(
    host: Host,
    query: str,
    documents: Iterable[D],
    settings: Settings,
    deadline: Deadline,
) -> RankedDocuments[D] | Exception:
    try:
        return rank(host, query, documents, settings, deadline.left(host.who))
    except Exception as error:  # noqa: BLE001  # of one query: the caller wants them all
        return error


def _ranked(
    host: Host, documents: Sequence[D], scores: Scores, settings: Settings
) -> RankedDocuments[D]:
    scores, shown = enough(host, told(scores, host.name), settings)
    traits = host.traits
    return RankedDocuments.of(
        documents,
        scores,
        shown,
        kind=traits.score_kind,
        score_range=traits.score_range,
        who=host.who,
    )


def _texts(documents: Sequence[object], text: Text, host: Host) -> list[str | None]:
    """Return the texts of strings and mappings."""
    keys = [text] if isinstance(text, str) else list(text)
    texts: list[str | None] = []
    for i, document in enumerate(documents):
        if document is None or isinstance(document, str):
            texts.append(document)
            continue
        if not isinstance(document, Mapping):
            msg = (
                f"document {i} must be a string or a mapping, got "
                f"{type(document).__name__}."
            )
            raise InputError(msg, who=host.who)
        parts = [part for key in keys for part in _under(key, document)]
        if not parts and host.traits.needs_text:
            msg = (
                f"document {i} has no text under {keys[0]!r}. Keys: "
                f"{', '.join(map(repr, document))}"
            )
            remedy = "Name the right one with {text}."
            raise InputError(msg, who=host.who, remedy=remedy, arguments=_TEXT)
        texts.append(_joined(parts, i, host.who))
    return texts


def _joined(parts: Sequence[object], index: int, who: str) -> str | None:
    """Return strings, and lists of strings, as one text; None where there is none."""
    found: list[str] = []
    for part in parts:
        for item in part if isinstance(part, list | tuple) else (part,):
            if not (item is None or isinstance(item, str)):
                kind = type(item).__name__
                msg = f"the text of document {index} must be a string, got {kind}."
                raise InputError(msg, who=who)
            found += [item] if item is not None else []
    return "\n".join(found) or None


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


def _as_candidates(documents: Sequence[Document], who: str) -> pa.Table | None:
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
                f"the values of {key!r} in the documents cannot be an Arrow "
                f"array ({type(error).__name__}). Give values of one type."
            )
            raise InputError(msg, who=who) from None  # the cause may quote a document
    return pa.table(columns)


# What is shown ------------------------------------------------------------------


def require_probability(who: str, kind: str | None) -> None:
    """Refuse a `min_score` for scores of another kind; None is not known yet.

    A threshold needs a score that means the same for every query, which only a
    probability does: a logit of 2 may be the best answer to one query and noise for the
    next.

    Raises:
        InputError: If the scores are no probabilities.
    """
    if kind not in (None, "probability"):
        msg = (
            f"needs scores that are probabilities, but its scores are of the kind "
            f"{kind!r}: they {_MEANING[kind]}"
        )
        raise InputError(
            msg,
            who=who,
            parameter="min_score",
            remedy="Cut by {top_k}, or use a reranker whose score_kind is "
            "'probability'.",
            arguments={"top_k": "top_k"},
        )


def enough(host: Host, scores: Scores, settings: Settings) -> tuple[Scores, int | None]:
    """Return the scores, and how many of the best documents to show.

    Documents that are not scored fall out below a least score, too, unless nothing is
    scored at all: where a reranker failed, no result is lost.
    """
    least = settings.min_score
    if least is None:
        return scores, settings.top_k
    require_probability(host.who, scores.kind or host.traits.score_kind)
    if len(scores) and np.isnan(scores.values).all():
        text = "min_score was not applied: nothing is scored"
        note = Note(text, "min-score-not-applied", host.name)
        return replace(scores, notes=(*scores.notes, note)), settings.top_k
    least = min(least, float(np.float32(least)))  # as a model in 32 bits says 0.9
    n = int((scores.values >= least).sum())
    return scores, n if settings.top_k is None else min(n, settings.top_k)


def told(scores: Scores, name: str) -> Scores:
    """Say so where every document has one score: a misconverted model, often.

    Not where it is 0: counting words, that is how nothing found scores.
    """
    known = scores.values[~np.isnan(scores.values)]
    if len(known) < 2 or scores.order is not None:
        return scores
    if known[0] == 0 or (known != known[0]).any():
        return scores
    text = (
        f"{name}: all {len(known)} documents have the score {known[0]:.6g}; they keep "
        "the order they came in"
    )
    return replace(scores, notes=(*scores.notes, Note(text, "one-score", name)))
