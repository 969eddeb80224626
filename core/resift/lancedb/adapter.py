"""A real `lancedb.rerankers.Reranker` around any resift reranker.

It goes where LanceDB's own classes go: ``table.search(query).rerank(reranker)``, sync,
async and remote. On the way it repairs what an adapter can: the leg that LanceDB's
normalisation made worthless, query objects, null texts, and the order itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lancedb.query
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from lancedb.rerankers import Reranker as _LanceDBReranker

import resift
from resift.arrow import as_table
from resift.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["LanceReranker", "load", "query_text"]

ROW_ID = "_rowid"
_LEG_SCORES = ("_distance", "_score")


def load(
    reranker: str | resift.Reranker | object,
    /,
    *,
    column: str | Sequence[str] | None = None,
    return_score: str = "relevance",
    **options: object,
) -> LanceReranker:
    """Return a reranker that LanceDB's ``.rerank()`` takes.

    Args:
        reranker: A name, a `resift.Reranker`, a plugin instance, or a function
            ``(query, documents) -> scores``.
        column: The column that holds the text; ``"text"`` unless configured.
        return_score: ``"relevance"`` drops ``_distance`` and ``_score`` from the
            result, ``"all"`` keeps them.
        options: Everything else that `resift.load` takes, for a name.

    Raises:
        ValueError: If *return_score* is anything else.
        InputError: If options are given for what is built already.
    """
    if isinstance(reranker, str):
        built = resift.load(reranker, **options)  # type: ignore[arg-type]  # checked by load
    elif options:
        msg = (
            f"resift.lancedb.load: {next(iter(options))!r} only works with a name. "
            "Set it where the reranker is built."
        )
        raise InputError(msg)
    elif isinstance(reranker, resift.Reranker):
        built = reranker
    else:
        built = resift.Reranker(reranker)
    return LanceReranker(built, column=column, return_score=return_score)


class LanceReranker(_LanceDBReranker):
    """What `resift.lancedb.load` returns.

    Args:
        reranker: The reranker that does the work, kept as ``.reranker``.
        column: The column that holds the text.
        return_score: ``"relevance"`` or ``"all"``.
    """

    def __init__(
        self,
        reranker: resift.Reranker,
        *,
        column: str | Sequence[str] | None = None,
        return_score: str = "relevance",
    ) -> None:
        super().__init__(return_score)
        self.reranker = reranker
        self.column = column or reranker.text

    def __str__(self) -> str:
        return f"resift:{self.reranker.name}"

    def rerank_vector(self, query: object, vector_results: pa.Table) -> pa.Table:
        """Rerank the rows of one vector search."""
        return self._rerank(query, [vector_results], id=None)

    def rerank_fts(self, query: object, fts_results: pa.Table) -> pa.Table:
        """Rerank the rows of one full-text search."""
        return self._rerank(query, [fts_results], id=None)

    def rerank_hybrid(
        self, query: object, vector_results: pa.Table, fts_results: pa.Table
    ) -> pa.Table:
        """Merge and rerank a vector and a full-text search; both need ``_rowid``."""
        legs = [vector_results, _repaired(fts_results)]
        kind = next((t.schema.field(ROW_ID).type for t in legs if _has_id(t)), None)
        if kind is not None:
            legs = [_with_id(leg, kind) for leg in legs]
        return self._rerank(query, legs, id=ROW_ID, names=("vector", "fts"))

    def rerank_multivector(
        self,
        vector_results: Sequence[object],
        query: object = None,
        deduplicate: bool = False,  # noqa: FBT001, FBT002  # LanceDB's signature
    ) -> pa.Table:
        """Rerank several vector searches together.

        Args:
            vector_results: Query builders, or their Arrow results.
            query: The query; a reranker that only merges needs none.
            deduplicate: Keep only the best of the rows that share a ``_rowid``. A
                reranker that only merges always does.
        """
        if not isinstance(vector_results, list | tuple):
            vector_results = [vector_results]
        if not vector_results:
            msg = "rerank_multivector: give at least one result, got an empty list."
            raise InputError(msg)
        merges = not self.reranker.scores
        needs_id = deduplicate or merges
        tables = [_table_of(result, with_id=needs_id) for result in vector_results]
        for number, table in enumerate(tables, start=1):
            if needs_id and not _has_id(table):
                msg = (
                    f"rerank_multivector: result {number} has no {ROW_ID!r}, which "
                    f"{'merging' if merges else 'deduplicate=True'} needs. Search "
                    "with .with_row_id(True)."
                )
                raise InputError(msg)
        if merges:
            return self._rerank(query, tables, id=ROW_ID)
        try:
            rows = pa.concat_tables(tables, promote_options="default")
        except pa.ArrowException as error:
            msg = f"rerank_multivector: the results do not fit together: {error}"
            raise InputError(msg) from error
        rows = _first_of_each(rows) if deduplicate else rows
        return self._rerank(query, [rows], id=None)

    def _rerank(
        self,
        query: object,
        tables: Sequence[pa.Table],
        *,
        id: str | None,
        names: Sequence[str] | None = None,
    ) -> pa.Table:
        text = query_text(query)
        if self.reranker.scores and not text.strip():
            msg = (
                f"{self.reranker.who} must score, but LanceDB handed over no text of "
                "the query. An async search loses that of a BooleanQuery: use "
                "resift.lancedb.asearch(table, query), or search with a string."
            )
            raise InputError(msg)
        return self.reranker.rerank(
            text,
            *tables,
            text=self.column,
            id=id,
            names=names,
            drop=_LEG_SCORES if self.score == "relevance" else (),
        )


def query_text(query: object) -> str:
    """Return the words of a query: a string, a full-text query object, or None."""
    if query is None:
        return ""
    if isinstance(query, str):
        inner = query.strip()[1:-1]
        is_phrase = query.strip() == f'"{inner}"' and '"' not in inner
        return inner if is_phrase else query
    if isinstance(query, lancedb.query.FullTextQuery):
        return " ".join(dict.fromkeys(words for words, _ in _wanted(query)))
    msg = f"The query must be text, got {type(query).__name__}."
    raise InputError(msg)


def searched_by(query: lancedb.query.FullTextQuery) -> list[str]:
    """Return the columns that a full-text query object names."""
    return [column for _, columns in _wanted(query) for column in columns]


def _wanted(query: object) -> Iterator[tuple[str, list[str]]]:
    """Yield the words and columns of a query object, what it avoids left out."""
    if isinstance(query, lancedb.query.BooleanQuery):
        for occur, part in query.queries:
            if occur != lancedb.query.Occur.MUST_NOT:
                yield from _wanted(part)
    elif isinstance(query, lancedb.query.BoostQuery):
        yield from _wanted(query.positive)
    elif isinstance(query, lancedb.query.MultiMatchQuery):
        yield query.query, query.columns
    else:
        yield query.query, [query.column]  # type: ignore[attr-defined]  # a match or phrase


def _table_of(result: object, *, with_id: bool) -> pa.Table:
    if hasattr(result, "to_arrow") and hasattr(result, "with_row_id"):  # a query
        if isinstance(result, lancedb.query.AsyncQueryBase):
            msg = (
                "rerank_multivector cannot run an async query. Pass the result of "
                "'await query.to_arrow()'."
            )
            raise InputError(msg)
        builder = result.with_row_id(with_row_id=True) if with_id else result
        table: pa.Table = builder.to_arrow()
        return table
    return as_table(result)


def _repaired(fts: pa.Table) -> pa.Table:
    """Undo LanceDB's min-max of a constant leg: its only hits became worth nothing."""
    if not len(fts) or "_score" not in fts.column_names:
        return fts
    scores = fts["_score"]
    if pc.max(scores).as_py() != 0 or pc.min(scores).as_py() != 0:
        return fts
    ones = pa.array(np.ones(len(fts)), scores.type)
    return fts.set_column(fts.column_names.index("_score"), "_score", ones)


def _has_id(table: pa.Table) -> bool:
    return ROW_ID in table.column_names


def _with_id(table: pa.Table, kind: pa.DataType) -> pa.Table:
    """Give an empty leg the id column that LanceDB leaves out of it."""
    if _has_id(table) or len(table):
        return table
    return table.append_column(ROW_ID, pa.array([], kind))


def _first_of_each(table: pa.Table) -> pa.Table:
    _, first = np.unique(table[ROW_ID].to_numpy(), return_index=True)
    return table.take(pa.array(np.sort(first)))
