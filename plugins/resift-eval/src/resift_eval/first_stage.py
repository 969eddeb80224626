"""The first stage: who finds the candidates that rerankers are given."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
import pyarrow as pa

from resift.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from resift_eval import collection as collections
    from resift_eval.run import Run

__all__ = ["DocumentVectors", "FirstStage", "Lance", "TrecRun", "built", "read_vectors"]

Vectors: TypeAlias = "Mapping[str, NDArray[np.float32]]"
DocumentVectors: TypeAlias = "tuple[NDArray[np.float32], Vectors]"
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
        columns: More columns that the rerankers read.
    """

    def __init__(
        self,
        table: _LanceTable,
        *,
        id: str,
        text: str,
        vectors: Vectors | None = None,
        columns: Sequence[str] = (),
    ) -> None:
        known = table.schema.names
        for name in (id, text):
            if name not in known:
                msg = f"The table has no column {name!r}. Columns: {', '.join(known)}."
                raise InputError(msg)
        self.id, self.text = id, text
        self._table, self._vectors = table, vectors
        self._columns = list(dict.fromkeys([id, text, *columns]))
        given = {} if vectors is None else {k: v.tolist() for k, v in vectors.items()}
        self.fingerprint = _hash(given)
        indexed = [
            c for i in table.list_indices() if i.index_type == "FTS" for c in i.columns
        ]
        self._vector_legs = self._vector_columns()
        self.notes: Sequence[str] = ()
        self.legs = [*self._vector_legs, *indexed]
        if not self.legs:
            msg = "The table has neither a full-text index nor vectors to search by."
            raise InputError(msg)

    def candidates(self, query_id: str, query: str, depth: int) -> list[pa.Table]:
        """Return each leg's best *depth* rows, with raw scores."""
        tables = []
        for leg in self.legs:
            if leg in self._vector_legs:
                vector = query if self._vectors is None else self._vectors[query_id]
                search = self._table.search(
                    vector, vector_column_name=leg, query_type="vector"
                )
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

    def _vector_columns(self) -> list[str]:
        from resift.lancedb import is_vector

        if self._vectors is None:
            return list(self._table.embedding_functions)
        found = [f.name for f in self._table.schema if is_vector(f.type)]
        if len(found) != 1:
            msg = (
                f"Query vectors need exactly one vector column, the table has {found}."
            )
            raise InputError(msg)
        return found


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
    vectors: DocumentVectors | None,
    columns: Sequence[str] = (),
) -> Iterator[Lance]:
    """Index a collection in a temporary LanceDB: full text, and vectors if given."""
    import lancedb
    from lancedb.index import FTS

    rows: dict[str, object] = {
        "id": list(collection.documents),
        "text": list(collection.documents.values()),
    }
    if vectors is not None:
        width = vectors[0].shape[1]
        flat = pa.array(vectors[0].ravel(), pa.float32())
        rows["vector"] = pa.FixedSizeListArray.from_arrays(flat, width)
    with TemporaryDirectory(prefix="resift-eval-") as folder:
        table = lancedb.connect(folder).create_table("documents", pa.table(rows))
        table.create_index("text", config=FTS())
        queries = None if vectors is None else vectors[1]
        yield Lance(table, id="id", text="text", vectors=queries, columns=columns)


def read_vectors(
    path: Path, collection: collections.Collection, query_ids: Sequence[str]
) -> DocumentVectors:
    """Read an ``.npz`` with arrays ``docs`` and ``queries``, rows in file order.

    Raises:
        InputError: If an array is missing or has not one row per line of its file.
    """
    try:
        with np.load(path) as arrays:
            documents, queries = arrays["docs"], arrays["queries"]
    except (OSError, ValueError, KeyError) as error:
        msg = f"{path} must be an .npz with the arrays 'docs' and 'queries': {error}."
        raise InputError(msg) from error
    for name, array, n in (
        ("docs", documents, len(collection.documents)),
        ("queries", queries, len(query_ids)),
    ):
        if array.ndim != 2 or len(array) != n:
            msg = f"{path}: {name!r} must have {n} rows, got shape {array.shape}."
            raise InputError(msg)
    rows = queries.astype(np.float32)
    return documents.astype(np.float32), dict(zip(query_ids, rows, strict=True))
