"""A real `lancedb.rerankers.Reranker` around any resift reranker.

It goes where LanceDB's own classes go: ``table.search(query).rerank(reranker)``, sync,
async and remote. On the way it repairs what an adapter can: the leg that LanceDB's
normalisation made worthless, query objects, null texts, and the order itself.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias, overload

import lancedb.query
import lancedb.table
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from lancedb.rerankers import Reranker as _LanceDBReranker

import resift
from resift.arrow import RELEVANCE, as_table
from resift.errors import InputError
from resift.lancedb.engine import ROW_ID, query_text
from resift.lancedb.foreign import is_foreign, translated
from resift.lancedb.incidents import began, ended, with_mark
from resift.notes import is_degraded, notes_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["LanceReranker", "load"]

ReturnScore: TypeAlias = Literal["relevance", "all"]

_QUALIFIED = "_source_rowid"
_HYBRID = ("vector", "fts")
_LEGS = {"vector": "vector", "fts": "fts", "text": "fts"}
_LEG_SCORES = ("_distance", "_score")
_ASIDE = {name: f"_stored{name}" for name in _LEG_SCORES}


@overload
def load(
    reranker: str,
    /,
    *,
    column: str | Sequence[str] | None = None,
    return_score: ReturnScore | None = None,
    weights: Mapping[str, float] | Sequence[float] | None = None,
    degraded: bool = False,
    **options: object,
) -> LanceReranker: ...
@overload
def load(
    reranker: object,
    /,
    *,
    column: str | Sequence[str] | None = None,
    return_score: ReturnScore | None = None,
    weights: Mapping[str, float] | Sequence[float] | None = None,
    degraded: bool = False,
) -> LanceReranker: ...
def load(
    reranker: object,
    /,
    *,
    column: str | Sequence[str] | None = None,
    return_score: ReturnScore | None = None,
    weights: Mapping[str, float] | Sequence[float] | None = None,
    degraded: bool = False,
    **options: object,
) -> LanceReranker:
    """Return a reranker that LanceDB's ``.rerank()`` takes.

    Args:
        reranker: A name, a `resift.Reranker`, a plugin instance, a function
            ``(query, documents) -> scores``, or LanceDB's own `RRFReranker`,
            `MRRReranker` or `LinearCombinationReranker`.
        column: The column that holds the text; ``"text"`` unless configured.
        return_score: ``"relevance"``, the default, drops ``_distance`` and ``_score``
            from the result, ``"all"`` keeps them.
        weights: What each leg counts for in a merge: ``{"vector": 2, "fts": 1}``
            (``"text"`` means ``"fts"``), or in order. By default as the reranker says.
        degraded: Add the column ``_degraded``: whether the answer is less than what was
            asked for.
        options: Everything else that `resift.load` takes, for a name.

    Raises:
        ValueError: If *return_score* is anything else.
        InputError: If *weights* are unusable, options are given for what is built
            already, or a reranker of LanceDB's has no equal here.
    """
    returned: str = return_score or "relevance"
    if isinstance(reranker, str):
        built = resift.load(reranker, **options)  # type: ignore[arg-type]  # checked by load
    elif options:
        msg = (
            f"{next(iter(options))!r} only works with a name. "
            "Set it where the reranker is built."
        )
        raise InputError(msg, who="resift.lancedb.load")
    elif isinstance(reranker, resift.Reranker):
        built = reranker
    elif isinstance(reranker, LanceReranker):
        msg = "this is what LanceDB's .rerank() takes. Use it."
        raise InputError(msg, who="resift.lancedb.load")
    elif is_foreign(reranker):
        built, own, theirs = translated(reranker, "resift.lancedb.load")
        weights = own if weights is None else weights
        returned = return_score or theirs
    else:
        built = resift.Reranker(reranker)
    return LanceReranker(
        built,
        column=column,
        return_score=returned,
        weights=weights,
        degraded=degraded,
    )


class LanceReranker(_LanceDBReranker):
    """What `resift.lancedb.load` returns.

    Args:
        reranker: The reranker that does the work, kept as ``.reranker``.
        column: The column that holds the text.
        return_score: ``"relevance"`` or ``"all"``.
        weights: What each leg counts for in a merge.
        degraded: Whether to add the column ``_degraded``.
    """

    def __init__(
        self,
        reranker: resift.Reranker,
        *,
        column: str | Sequence[str] | None = None,
        return_score: str = "relevance",
        weights: Mapping[str, float] | Sequence[float] | None = None,
        degraded: bool = False,
    ) -> None:
        super().__init__(return_score)
        self.reranker = reranker
        self.column = column or reranker.text
        self.weights = reranker.defaults.weights if weights is None else weights
        self.degraded = degraded
        if isinstance(self.weights, Mapping):
            for name in self.weights:
                if name not in _LEGS:
                    msg = (
                        f"weights names {name!r}, which is not a leg "
                        "of LanceDB's queries. Legs: 'vector', 'fts'."
                    )
                    raise InputError(msg, who=reranker.who)

    def __str__(self) -> str:
        return f"resift:{self.reranker.name}"

    def rerank_vector(self, query: object, vector_results: pa.Table) -> pa.Table:
        """Rerank the rows of one vector search."""
        return self._rerank_one(query, vector_results, "_distance")

    def rerank_fts(self, query: object, fts_results: pa.Table) -> pa.Table:
        """Rerank the rows of one full-text search."""
        return self._rerank_one(query, fts_results, "_score")

    def rerank_hybrid(
        self, query: object, vector_results: pa.Table, fts_results: pa.Table
    ) -> pa.Table:
        """Merge and rerank a vector and a full-text search; both need ``_rowid``."""
        legs = [
            _without_stored(vector_results, "_distance", keep=False),
            _repaired(_without_stored(fts_results, "_score", keep=False)),
        ]
        kind = next((t.schema.field(ROW_ID).type for t in legs if _has_id(t)), None)
        if kind is not None:
            legs = [_with_id(leg, kind) for leg in legs]
        return self._rerank(query, legs, id=ROW_ID, names=_HYBRID)

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
            msg = "give at least one result, got an empty list."
            raise InputError(msg, who="rerank_multivector")
        merges = not self.reranker.can_score
        needs_id = deduplicate or merges
        tables: Sequence[pa.Table] = [
            _table_of(result, with_id=needs_id) for result in vector_results
        ]
        for number, table in enumerate(tables, start=1):
            if needs_id and not _has_id(table):
                msg = (
                    f"result {number} has no {ROW_ID!r}, which "
                    f"{'merging' if merges else 'deduplicate=True'} needs. Search "
                    "with .with_row_id(True)."
                )
                raise InputError(msg, who="rerank_multivector")
        if needs_id:
            sources = [_source(each) for each in vector_results]
            tables, id = _told_apart(tables, sources)
            result = self._rerank(query, tables, id=id)
            return result if id == ROW_ID else result.drop_columns([id])
        try:
            rows = pa.concat_tables(tables, promote_options="default")
        except pa.ArrowException as error:
            msg = f"the results do not fit together: {error}"
            raise InputError(msg, who="rerank_multivector") from error
        return self._rerank(query, [rows], id=None)

    def _rerank_one(self, query: object, leg: pa.Table, own: str) -> pa.Table:
        """Rerank one leg by its own score; a stored column called so is payload."""
        result = self._rerank(query, [_without_stored(leg, own, keep=True)], id=None)
        if not any(name in result.column_names for name in _ASIDE.values()):
            return result
        back = {aside: name for name, aside in _ASIDE.items()}
        return result.rename_columns([back.get(n, n) for n in result.column_names])

    def _rerank(
        self,
        query: object,
        tables: Sequence[pa.Table],
        *,
        id: str | None,
        names: Sequence[str] | None = None,
    ) -> pa.Table:
        alone = len(tables) == 1  # nothing to be weighed against
        weights = [1.0] if alone else self._weights(names, len(tables))
        text = query_text(query)
        if self.reranker.can_score and not text.strip():
            msg = (
                f"{self.reranker.who} must score, but LanceDB handed over no text of "
                "the query. An async search loses that of a BooleanQuery: use "
                "resift.lancedb.asearch(table, query), or search with a string."
            )
            raise InputError(msg, who=self.reranker.who)
        result = self.reranker.rerank(
            text,
            *tables,
            text=self.column,
            id=id,
            names=names,
            weights=weights,
            drop=_LEG_SCORES if self.score == "relevance" else (),
        )
        what = f"{self.reranker.who} in LanceDB"
        if degraded := is_degraded(result):
            began(what, "; ".join(notes_of(result)))
        else:
            ended(what)
        return with_mark(result, degraded=degraded) if self.degraded else result

    def _weights(self, names: Sequence[str] | None, n: int) -> list[float] | None:
        """Return what each list counts for; all but those of a hybrid are vectors."""
        if self.weights is None:
            return None
        if not isinstance(self.weights, Mapping):
            return [*self.weights]
        kinds = [_LEGS[name] for name in names or ["vector"] * n]
        given = {_LEGS[name]: weight for name, weight in self.weights.items()}
        return [given.get(kind, 1.0) for kind in kinds]


def _table_of(result: object, *, with_id: bool) -> pa.Table:
    if isinstance(result, lancedb.query.AsyncQueryBase) or inspect.isawaitable(result):
        msg = (
            "rerank_multivector cannot run an async query. Pass the result of "
            "'await query.to_arrow()'."
        )
        raise InputError(msg)
    if isinstance(result, lancedb.query.LanceQueryBuilder):
        builder = result.with_row_id(with_row_id=True) if with_id else result
        table: pa.Table = builder.to_arrow()
        return table
    if isinstance(result, lancedb.table.Table):
        msg = (
            "a result must be a query or its Arrow table, got a "
            "LanceDB table. Search it: table.search(vector).with_row_id(True)."
        )
        raise InputError(msg, who="rerank_multivector")
    return as_table(result)


def _source(result: object) -> object:
    """Return which table a query searches; None where that cannot be known."""
    table = getattr(result, "_table", None)  # it has no public name
    if not isinstance(result, lancedb.query.LanceQueryBuilder) or table is None:
        return None
    return getattr(table, "uri", None) or getattr(table, "name", None) or id(table)


def _told_apart(
    tables: Sequence[pa.Table], sources: Sequence[object]
) -> tuple[Sequence[pa.Table], str]:
    """Return the tables, and the column of their ids: a row id is one of its source."""
    if None in sources or len(set(sources)) == 1:
        return tables, ROW_ID
    qualified = []
    for table, source in zip(tables, sources, strict=True):
        number = str(sources.index(source))
        ids = pc.binary_join_element_wise(number, table[ROW_ID].cast(pa.string()), ":")
        qualified.append(table.append_column(_QUALIFIED, ids))
    return qualified, _QUALIFIED


def _repaired(fts: pa.Table) -> pa.Table:
    """Undo LanceDB's min-max of a constant leg: its only hits became worth nothing."""
    if not len(fts) or "_score" not in fts.column_names:
        return fts
    scores = fts["_score"]
    if pc.max(scores).as_py() != 0 or pc.min(scores).as_py() != 0:
        return fts
    ones = pa.array(np.ones(len(fts)), scores.type)
    return fts.set_column(fts.column_names.index("_score"), "_score", ones)


def _without_stored(leg: pa.Table, own: str, *, keep: bool) -> pa.Table:
    """Return a leg in which nothing that the table stores looks like its score.

    Args:
        leg: What LanceDB found.
        own: The column of its scores.
        keep: Whether a stored column is put aside, to be named back; else it goes.
    """
    names = leg.column_names
    if own not in names or leg[own].null_count:  # ranked before, not a leg
        return leg
    if RELEVANCE in names:
        leg = leg.drop_columns([RELEVANCE])
    other = next(name for name in _LEG_SCORES if name != own)
    if other not in names:
        return leg
    if not keep:
        return leg.drop_columns([other])
    return leg.rename_columns(
        [_ASIDE.get(n, n) if n != own else n for n in leg.column_names]
    )


def _has_id(table: pa.Table) -> bool:
    return ROW_ID in table.column_names


def _with_id(table: pa.Table, kind: pa.DataType) -> pa.Table:
    """Give an empty leg the id column that LanceDB leaves out of it."""
    if _has_id(table) or len(table):
        return table
    return table.append_column(ROW_ID, pa.array([], kind))
