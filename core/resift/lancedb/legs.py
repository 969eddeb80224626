"""The legs of a search: which columns are searched, and what each leg fetches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from lancedb.query import FullTextQuery

from resift.arrow import text_columns
from resift.errors import InputError
from resift.lancedb.adapter import ROW_ID, query_text, searched_by

if TYPE_CHECKING:
    import resift

__all__ = ["Leg", "Plan", "Table", "embedded", "is_vector", "plan"]


@dataclass(frozen=True, slots=True)
class Leg:
    """One search: a vector column with its query vector, or a full-text column.

    Args:
        column: The column searched; it names the leg, too.
        vector: The query vector; None for full text.
        embed: Computes the query vector, where none was given.
        by_query: Whether the query itself says what is searched.
    """

    column: str
    vector: object = None
    embed: object = None
    by_query: bool = False

    @property
    def is_text(self) -> bool:
        return self.vector is None and self.embed is None

    @property
    def searched(self) -> str | None:
        """The full-text column that LanceDB must be told."""
        return None if self.by_query else self.column


@dataclass(frozen=True, slots=True)
class Table:
    """What planning must know of a LanceDB table, sync, async or remote."""

    schema: pa.Schema
    indexed: Sequence[str]  # columns with a full-text index
    read_embeddings: Callable[[], Mapping[str, object]]

    def embeddings(self) -> Mapping[str, object]:
        """Return the embedding function of each vector column that has one.

        Raises:
            InputError: If one is not registered in this process.
        """
        try:
            return self.read_embeddings()
        except KeyError as error:
            msg = (
                f"search: the table's embedding function {error} is not registered "
                "here. Import the module that registers it, or give the vectors: "
                "vectors={column: vector}, or vectors=False for none."
            )
            raise InputError(msg) from error

    @property
    def vectors(self) -> list[str]:
        return [field.name for field in self.schema if is_vector(field.type)]


@dataclass(frozen=True, slots=True)
class Plan:
    """A search, ready to run.

    Args:
        legs: The searches, vectors first.
        weights: What each leg counts for.
        fetched: The columns that every leg fetches.
        late: Vector columns to take at the end, for the chosen rows only.
        shown: The payload columns of the result, in order.
    """

    legs: list[Leg]
    weights: list[float]
    fetched: list[str]
    late: list[pa.Field]
    shown: list[str]

    def fetched_by(self, leg: Leg) -> list[str]:
        """Return what *leg* selects: the payload, and its own kind of score."""
        return [*self.fetched, "_score" if leg.is_text else "_distance"]

    def late_ids(self, page: pa.Table) -> list[int]:
        """Return the row ids whose vectors are still to be taken."""
        if not self.late:
            return []
        ids: list[int] = page[ROW_ID].to_pylist()
        return ids


def plan(
    table: Table,
    reranker: resift.Reranker,
    *,
    query: object,
    vectors: object,
    fts: object,
    select: Sequence[str] | None,
    text: str | Sequence[str],
    weights: Mapping[str, float] | Sequence[float] | None,
) -> Plan:
    """Decide which legs to run and what to fetch.

    Raises:
        InputError: If a column does not exist, a query vector is missing, or no leg is
            left.
    """
    legs = [*_vector_legs(table, query, vectors), *_text_legs(table, query, fts)]
    if not legs and not (query_text(query).strip() or fts is False):
        msg = "search: the query is blank. Give words, or vectors={column: vector}."
        raise InputError(msg)
    if not legs:
        msg = (
            "search: there is nothing to search by. Give vectors={column: vector}, "
            "index a text column (table.create_index(column, config=FTS())), or add "
            f"an embedding function. Vector columns: {table.vectors or 'none'}; "
            f"full-text indexed: {list(table.indexed) or 'none'}."
        )
        raise InputError(msg)
    names = table.schema.names
    shown = (
        [n for n in names if n not in table.vectors] if select is None else [*select]
    )
    for name in shown:
        if shown.count(name) > 1:
            msg = f"search: select names {name!r} twice."
            raise InputError(msg)
        if name not in (*names, ROW_ID):
            raise InputError(_no_column("select", name, names))
    needed = [*(reranker.columns or ())]
    if reranker.needs_text:
        needed += text_columns(text, names)
    if reranker.columns is None and reranker.reads_candidates:
        needed += [name for name in names if name not in table.vectors]
    late = [n for n in shown if n in table.vectors and n not in needed]
    fetched = [n for n in dict.fromkeys([*shown, *needed]) if n in names]
    fetched = [n for n in fetched if n not in late]
    late = [table.schema.field(name) for name in late]
    return Plan(legs, _weights(weights, legs), fetched, late, shown)


def is_vector(kind: pa.DataType) -> bool:
    """Tell whether a column type holds vectors: one a row, or several (multivector)."""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        kind = kind.value_type
    if not pa.types.is_fixed_size_list(kind):
        return False
    return bool(
        pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)
    )


def embedded(leg: Leg, query: object) -> object:
    """Return the query vector of a vector leg, computing it where needed."""
    if leg.vector is not None:
        return leg.vector
    function = leg.embed.function  # type: ignore[attr-defined]  # lancedb's config
    text = query_text(query)
    try:
        return function.compute_query_embeddings(text)[0]
    except ImportError:  # which no retry mends
        raise
    except Exception:  # noqa: BLE001  # a busy server, say
        return function.compute_query_embeddings_with_retry(text)[0]


def _vector_legs(table: Table, query: object, vectors: object) -> list[Leg]:
    if vectors is None or vectors is True:
        found = table.embeddings() if query_text(query).strip() else {}
        return [Leg(column, embed=function) for column, function in found.items()]
    if vectors is False:
        return []
    if isinstance(vectors, str):
        vectors = [vectors]
    if isinstance(vectors, Mapping):
        given = dict(vectors)
    elif isinstance(vectors, Sequence) and all(isinstance(v, str) for v in vectors):
        given = dict.fromkeys(vectors)
    else:
        given = {_only_vector_column(table): vectors}
    return [_vector_leg(table, column, vector) for column, vector in given.items()]


def _vector_leg(table: Table, column: str, vector: object) -> Leg:
    if column not in table.vectors:
        raise InputError(_no_column("vectors", column, table.vectors))
    if vector is None:
        functions = table.embeddings()
        if column not in functions:
            msg = (
                f"search: column {column!r} has no embedding function, so its query "
                f"vector must be given: vectors={{{column!r}: vector}}."
            )
            raise InputError(msg)
        return Leg(column, embed=functions[column])
    try:
        values = np.asarray(vector, dtype=np.float64)
    except (TypeError, ValueError):
        msg = f"search: the query vector for {column!r} must be numbers."
        raise InputError(msg) from None
    kind = table.schema.field(column).type
    many = not pa.types.is_fixed_size_list(kind)
    width = (kind.value_type if many else kind).list_size
    if values.shape[-1:] != (width,) or values.ndim > (2 if many else 1):
        msg = (
            f"search: the query vector for {column!r} must have {width} numbers, got "
            f"an array of shape {values.shape}."
        )
        raise InputError(msg)
    if not np.isfinite(values).all():
        msg = f"search: the query vector for {column!r} must be finite, got NaN or inf."
        raise InputError(msg)
    return Leg(column, vector=vector)


def _only_vector_column(table: Table) -> str:
    if len(table.vectors) == 1:
        return table.vectors[0]
    msg = (
        "search: name the column of the query vector: vectors={column: vector}. "
        f"Vector columns: {table.vectors or 'none'}."
    )
    raise InputError(msg)


def _text_legs(table: Table, query: object, fts: object) -> list[Leg]:
    if fts is False or not query_text(query).strip():
        return []
    if isinstance(query, FullTextQuery):
        return [_leg_of(table, query, fts)]
    every = fts is None or fts is True
    columns = list(table.indexed) if every else _names("fts", fts)
    for column in columns:
        _require_index(table, column)
    return [Leg(column) for column in columns]


def _leg_of(table: Table, query: FullTextQuery, fts: object) -> Leg:
    """Return the leg of a query object, which itself says what it searches."""
    columns = list(dict.fromkeys(searched_by(query)))
    for column in columns:
        _require_index(table, column)
    given = [] if fts is None or fts is True else _names("fts", fts)
    if given and set(given) != set(columns):
        msg = (
            f"search: the query searches {columns}, and fts names {given}. Leave fts "
            "out where the query is an object."
        )
        raise InputError(msg)
    return Leg(columns[0] if len(columns) == 1 else "fts", by_query=True)


def _names(option: str, value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Sequence) and all(isinstance(name, str) for name in value):
        return list(value)
    msg = f"search: {option} must be a column or a list of them, got {value!r}."
    raise InputError(msg)


def _require_index(table: Table, column: str) -> None:
    if column not in table.indexed:
        msg = (
            f"search: column {column!r} has no full-text index. Create one with "
            f"table.create_index({column!r}, config=FTS()). Indexed: "
            f"{list(table.indexed) or 'none'}."
        )
        raise InputError(msg)


def _weights(
    weights: Mapping[str, float] | Sequence[float] | None, legs: Sequence[Leg]
) -> list[float]:
    names = [leg.column for leg in legs]
    if weights is None:
        return [1.0] * len(legs)
    if isinstance(weights, Mapping):
        for name in weights:
            if name not in names:
                raise InputError(_no_column("weights", name, names))
        weights = [weights.get(name, 1.0) for name in names]
    try:
        if isinstance(weights, str):
            raise TypeError  # noqa: TRY301  # its characters may be digits
        values = [float(weight) for weight in weights]
    except (TypeError, ValueError):
        msg = f"search: weights must be numbers, one per leg {names}, got {weights!r}."
        raise InputError(msg) from None
    if len(values) != len(legs):
        msg = f"search: weights must have one value per leg {names}, got {values}."
        raise InputError(msg)
    if not all(0 <= value < float("inf") for value in values) or not any(values):
        msg = (
            f"search: weights must be finite, not negative and not all 0, got {values}."
        )
        raise InputError(msg)
    return values


def _no_column(option: str, name: str, known: Sequence[str]) -> str:
    columns = ", ".join(map(repr, known)) or "none"
    return f"search: {option} names {name!r}, which there is not. There are: {columns}."
