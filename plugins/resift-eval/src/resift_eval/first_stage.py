"""The first stage: who finds the candidates that rerankers are given."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
import pyarrow as pa

from resift.errors import InputError

if TYPE_CHECKING:
    from resift_eval import collection as collections
    from resift_eval.run import Run
    from resift_eval.vectors import Vectors

__all__ = ["FirstStage", "Lance", "TrecRun", "built"]

_LanceTable: TypeAlias = Any  # lancedb types its tables loosely


class FirstStage(Protocol):
    """Finds candidates: one ranked list per leg."""

    @property
    def legs(self) -> Sequence[str]:
        """Names of the legs."""
        ...

    @property
    def id(self) -> str:
        """The column of document ids."""
        ...

    @property
    def text(self) -> str:
        """The column of texts."""
        ...

    @property
    def fingerprint(self) -> str:
        """A hash of what the candidates depend on, beside the collection."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What it does not use, in words."""
        ...

    @property
    def documents(self) -> Collection[str]:
        """The ids of the documents that it holds, with a text."""
        ...

    def known(self, ids: Iterable[str]) -> set[str]:
        """Return those of *ids* that it holds, with a text."""
        ...

    def candidates(self, query_id: str, query: str, depth: int) -> list[pa.Table]:
        """Return each leg's best *depth* rows, best first."""
        ...


class Lance:
    """Legs of a LanceDB table: its full-text indices and its vector columns.

    Args:
        table: The table.
        id: The column of document ids.
        text: The column of texts.
        vectors: Query vectors by query id, for one vector column; None where the table
            embeds queries itself, or is searched by text only.
        vector_column: The column that *vectors* are for; by default the only one that
            the table does not embed itself.
        distance: How far vectors are apart: ``"l2"``, ``"cosine"`` or ``"dot"``; by
            default as LanceDB has it, the distance of an index where there is one.
        columns: More columns that the rerankers read.

    Raises:
        InputError: If a column is unknown, or there is nothing to search by.
    """

    def __init__(
        self,
        table: _LanceTable,
        *,
        id: str,
        text: str,
        vectors: Vectors | None = None,
        vector_column: str | None = None,
        distance: str | None = None,
        columns: Sequence[str] = (),
    ) -> None:
        known = table.schema.names
        for name in (id, text, *columns):
            if name.partition(".")[0] not in known:
                msg = f"The table has no column {name!r}. Columns: {', '.join(known)}."
                raise InputError(msg)
        self.id, self.text = id, text
        self._table, self._vectors, self._distance = table, vectors, distance
        self._columns = list(dict.fromkeys([id, text, *columns]))
        own = list(table.embedding_functions)
        given = [] if vectors is None else [self._given_column(own, vector_column)]
        self._given = given
        self._vector_legs = list(dict.fromkeys([*own, *given]))
        self.legs = [*self._vector_legs, *self._indexed()]
        if not self.legs:
            msg = (
                "The table has neither a full-text index nor vectors to search by. "
                f"Vector columns: {', '.join(self._stored()) or 'none'}; their query "
                "vectors come from --vectors or --embed."
            )
            raise InputError(msg)
        rows = {k: v.tolist() for k, v in (vectors or {}).items()}
        self.fingerprint = _hash({**rows, "": [*given, distance]})
        self.notes = [
            f"Column {name!r} is not searched: the table cannot embed queries for it. "
            "Give --vectors, or --embed."
            for name in self._stored()
            if name not in self._vector_legs
        ]

    def candidates(self, query_id: str, query: str, depth: int) -> list[pa.Table]:
        """Return each leg's best *depth* rows, with raw scores."""
        tables = []
        for leg in self.legs:
            if leg in self._vector_legs:
                given = self._vectors if leg in self._given else None
                vector = query if given is None else given[query_id]
                search = self._table.search(
                    vector, vector_column_name=leg, query_type="vector"
                )
                if self._distance is not None:
                    search = search.distance_type(self._distance)
                score = "_distance"
            else:
                search = self._table.search(query, query_type="fts", fts_columns=leg)
                score = "_score"
            search = search.select([*self._columns, score]).limit(depth)
            tables.append(search.to_arrow())
        return tables

    @functools.cached_property
    def documents(self) -> Collection[str]:
        """The ids of all rows."""
        rows = self._table.search().select([self.id]).limit(self._table.count_rows())
        return {str(i): None for i in rows.to_arrow()[self.id].to_pylist()}.keys()

    def known(self, ids: Iterable[str]) -> set[str]:
        """Return those of *ids* that a row has."""
        return {i for i in ids if i in self.documents}

    def _indexed(self) -> list[str]:
        """Return the columns with a full-text index, each once, without quotes."""
        found = [
            column
            for index in self._table.list_indices()
            if index.index_type == "FTS"
            for column in index.columns
        ]
        names = self._table.schema.names
        bare = [c[1:-1] if c[1:-1] in names and c[0] == "`" else c for c in found]
        return list(dict.fromkeys(bare))

    def _stored(self) -> list[str]:
        from resift.lancedb import is_vector

        return [field.name for field in self._table.schema if is_vector(field.type)]

    def _given_column(self, own: Sequence[str], name: str | None) -> str:
        """Return the column that the given query vectors are for."""
        stored = self._stored()
        if name is not None and name in stored:
            return name
        free = [column for column in stored if column not in own] or stored
        if name is None and len(free) == 1:
            return free[0]
        got = "is needed" if name is None else f"must be one of them, got {name!r}"
        columns = ", ".join(map(repr, stored)) or "none"
        msg = f"Vector columns of the table: {columns}; --vector-column {got}."
        raise InputError(msg)


class TrecRun:
    """A run that somebody has made: the documents it ranked, with their scores.

    Args:
        run: Documents by query id, best first.
        documents: Texts by document id.
    """

    legs = ("run",)
    id, text = "id", "text"

    def __init__(self, run: Run, documents: Mapping[str, str]) -> None:
        self.run, self.documents = run, documents
        self.notes = run.notes
        self.fingerprint = _hash(
            {
                query: [(r.document, r.rank, r.score) for r in ranked]
                for query, ranked in run.ranked.items()
            }
        )

    def known(self, ids: Iterable[str]) -> set[str]:
        """Return those of *ids* that have a text that is not blank."""
        return {i for i in ids if self.documents.get(i, "").strip()}

    def candidates(self, query_id: str, query: str, depth: int) -> list[pa.Table]:  # noqa: ARG002
        """Return the run's best *depth* documents; in order only, without scores."""
        ranked = self.run.ranked.get(query_id, ())[:depth]
        ids = [r.document for r in ranked]
        columns = {
            "id": pa.array(ids, pa.string()),
            "text": pa.array([self.documents.get(i) for i in ids], pa.string()),
        }
        scores = [r.score for r in ranked]
        if scores and None not in scores:
            columns["_score"] = pa.array(scores, pa.float64())
        return [pa.table(columns)]


def _hash(content: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


@contextmanager
def built(
    collection: collections.Collection,
    vectors: tuple[Vectors, Vectors] | None,
    columns: Sequence[str] = (),
    distance: str | None = None,
) -> Iterator[Lance]:
    """Index a collection in a temporary LanceDB: full text, and vectors if given.

    Args:
        collection: The collection.
        vectors: Those of the documents and those of the queries, by id.
        columns: More columns that the rerankers read.
        distance: How far vectors are apart, as `Lance` takes it.
    """
    import lancedb
    from lancedb.index import FTS

    rows: dict[str, object] = {
        "id": list(collection.documents),
        "text": list(collection.documents.values()),
    }
    if vectors is not None:
        stored = np.stack([vectors[0][i] for i in collection.documents])
        flat = pa.array(stored.ravel(), pa.float32())
        rows["vector"] = pa.FixedSizeListArray.from_arrays(flat, stored.shape[1])
    with TemporaryDirectory(prefix="resift-eval-") as folder:
        table = lancedb.connect(folder).create_table("documents", pa.table(rows))
        table.create_index("text", config=FTS())
        queries = None if vectors is None else vectors[1]
        yield Lance(
            table,
            id="id",
            text="text",
            vectors=queries,
            distance=distance,
            columns=columns,
        )
