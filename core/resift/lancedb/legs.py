"""The legs of a search: which columns are searched, how, and what each counts for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

import lancedb
import numpy as np
import pyarrow as pa
from lancedb.query import FullTextQuery

from resift.errors import InputError
from resift.lancedb.engine import (
    FLAGS,
    ROW_ID,
    Table,
    is_query,
    query_text,
    searched_by,
    taken_by,
    type_at,
    unquoted,
)
from resift.lancedb.selection import OWN_SCORE, Selection, selection, unknown

if TYPE_CHECKING:
    import resift

__all__ = ["Leg", "Plan", "Weights", "embedded", "plan"]

Weights: TypeAlias = Mapping[str, float] | Sequence[float] | None
_VECTOR = {"vector": "vectors={column: vector}"}
_KINDS = {"vector": False, "fts": True, "text": True}
"""Names for all legs of a kind: whether they are full text."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One search: a vector column with its query vector, or a full-text column.

    Args:
        column: The column searched, by its plain name; it names the leg, too.
        vector: The query vector; None for full text.
        embed: Computes the query vector, where none was given.
        searched: The full-text column as LanceDB spells it; None where the query
            itself says what is searched.
        options: What its query builder is told besides.
    """

    column: str
    vector: object = None
    embed: object = None
    searched: str | None = None
    options: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_text(self) -> bool:
        return self.vector is None and self.embed is None


@dataclass(frozen=True, slots=True)
class Plan:
    """A search, ready to run.

    Args:
        legs: The searches, vectors first.
        weights: What each leg counts for.
        columns: What is shown, fetched and taken late.
        text: The columns that hold the text.
        table: The name of the table.
        notes: What was not searched, and why.
    """

    legs: list[Leg]
    weights: list[float]
    columns: Selection
    text: str | Sequence[str]
    table: str
    notes: list[str]

    def late_ids(self, page: pa.Table) -> list[int]:
        """Return the row ids whose late columns are still to be taken."""
        if not self.columns.late:
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
    select: Sequence[str] | Mapping[str, object] | None,
    text: str | Sequence[str],
    weights: Weights,
    default_weights: Weights,
    all_scores: bool,
    options: Mapping[str, object],
    where: object,
) -> Plan:
    """Decide which legs to run and what to fetch.

    Raises:
        InputError: If a column does not exist, a query vector is missing, no leg is
            left, or an option fits none.
    """
    if is_query(query) or not isinstance(query, str | FullTextQuery | None):
        msg = (
            "query must be text or a full-text query object, got "
            f"{type(query).__name__}. Give a vector as vectors={{column: vector}}."
        )
        raise InputError(msg, who="search")
    notes: list[str] = []
    vector_legs = _vector_legs(table, query, vectors, notes)
    legs = [*vector_legs, *_text_legs(table, query, fts)]
    if not legs and not (query_text(query).strip() or fts is False):
        msg = "the query is blank. Give words, or vectors={column: vector}."
        raise InputError(msg, who="search")
    if not legs:
        msg = (
            "there is nothing to search by. Vector columns: "
            f"{table.vectors or 'none'}; full-text indexed: "
            f"{list(table.indexed) or 'none'}"
        )
        remedy = (
            "Give {vector}, index a text column (table.create_index(column, "
            "config=FTS())), or add an embedding function."
        )
        raise InputError(msg, who="search", remedy=remedy, arguments=_VECTOR)
    legs = _told(legs, options, where)
    kinds = {leg.is_text for leg in legs}
    columns = selection(table.schema, reranker, select, text, kinds)
    if all_scores:
        own = [OWN_SCORE[kind] for kind in sorted(kinds)]
        columns = replace(columns, shown=[*dict.fromkeys([*columns.shown, *own])])
    if weights is None:
        values = _default_weights(default_weights, legs, notes)
    else:
        values = _given_weights(weights, legs)
    return Plan(legs, values, columns, text, table.name, notes)


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


# Vector legs --------------------------------------------------------------------------


def _vector_legs(
    table: Table, query: object, vectors: object, notes: list[str]
) -> list[Leg]:
    if vectors is None or vectors is True:
        if not query_text(query).strip():
            return []
        found = table.embeddings()
        mute = [column for column in table.vectors if column not in found]
        if vectors is True and not found:
            msg = (
                "vectors=True needs an embedding function, and no vector "
                f"column has one. Vector columns: {table.vectors or 'none'}. Give the "
                "query vector: vectors={column: vector}."
            )
            raise InputError(msg, who="search")
        if mute:
            notes.append(_not_searched(mute))
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
    return [
        _vector_leg(table, unquoted(column), vector) for column, vector in given.items()
    ]


def _not_searched(columns: Sequence[str]) -> str:
    names = ", ".join(map(repr, columns))
    what = f"columns {names} were" if columns[1:] else f"column {names} was"
    return (
        f"search: vector {what} not searched, for want of an embedding function. "
        f"Give the query vector, vectors={{{columns[0]!r}: vector}}, or vectors=False "
        "for none"
    )


def _vector_leg(table: Table, column: str, vector: object) -> Leg:
    if column not in table.vectors:
        raise unknown("vectors", column, table.vectors)  # noqa: EM101  # no message
    if vector is None:
        functions = table.embeddings()
        if column not in functions:
            msg = (
                f"column {column!r} has no embedding function, so that it needs a "
                "query vector"
            )
            given = {"vector": f"vectors={{{column!r}: vector}}"}
            raise InputError(
                msg, who="search", remedy="Give {vector}.", arguments=given
            )
        return Leg(column, embed=functions[column])
    try:
        values = np.asarray(vector, dtype=np.float64)
    except (TypeError, ValueError):
        msg = f"the query vector for {column!r} must be numbers."
        raise InputError(msg, who="search") from None
    kind = type_at(table.schema, column)
    many = not pa.types.is_fixed_size_list(kind)
    width = (kind.value_type if many else kind).list_size  # type: ignore[union-attr]
    if values.shape[-1:] != (width,) or values.ndim > (2 if many else 1):
        msg = (
            f"the query vector for {column!r} must have {width} numbers, got "
            f"an array of shape {values.shape}."
        )
        raise InputError(msg, who="search")
    if not np.isfinite(values).all():
        msg = f"the query vector for {column!r} must be finite, got NaN or inf."
        raise InputError(msg, who="search")
    return Leg(column, vector=vector)


def _only_vector_column(table: Table) -> str:
    if len(table.vectors) == 1:
        return table.vectors[0]
    msg = (
        "name the column of the query vector: vectors={column: vector}. "
        f"Vector columns: {table.vectors or 'none'}."
    )
    raise InputError(msg, who="search")


# Text legs ----------------------------------------------------------------------------


def _text_legs(table: Table, query: object, fts: object) -> list[Leg]:
    if fts is False or not query_text(query).strip():
        return []
    if isinstance(query, FullTextQuery):
        return [_leg_of(table, query, fts)]
    every = fts is None or fts is True
    columns = list(table.indexed) if every else _names("fts", fts)
    for column in columns:
        _require_index(table, column)
    return [Leg(column, searched=table.indexed[column]) for column in columns]


def _leg_of(table: Table, query: FullTextQuery, fts: object) -> Leg:
    """Return the leg of a query object, which itself says what it searches."""
    columns = list(dict.fromkeys(searched_by(query)))
    for column in columns:
        _require_index(table, column)
    given = [] if fts is None or fts is True else _names("fts", fts)
    if given and set(given) != set(columns):
        msg = (
            f"the query searches {columns}, and fts names {given}. Leave fts "
            "out where the query is an object."
        )
        raise InputError(msg, who="search")
    return Leg(columns[0] if len(columns) == 1 else "fts")


def _names(option: str, value: object) -> list[str]:
    """Return the plain names of columns, each once."""
    if isinstance(value, str):
        return [unquoted(value)]
    if isinstance(value, Sequence) and all(isinstance(name, str) for name in value):
        return list(dict.fromkeys(unquoted(name) for name in value))
    msg = f"{option} must be a column or a list of them, got {value!r}."
    raise InputError(msg, who="search")


def _require_index(table: Table, column: str) -> None:
    if column not in table.indexed:
        msg = (
            f"column {column!r} has no full-text index. Indexed: "
            f"{list(table.indexed) or 'none'}"
        )
        raise InputError(
            msg,
            who="search",
            remedy="Create one with {index}.",
            arguments={"index": f"table.create_index({column!r}, config=FTS())"},
        )


# Options of the builders --------------------------------------------------------------


def _told(
    legs: Sequence[Leg], options: Mapping[str, object], where: object
) -> list[Leg]:
    """Return the legs with what each of their builders is told."""
    told: list[dict[str, object]] = [{} for _ in legs]
    for option, value in options.items():
        if value is None:
            continue
        if option == "postfilter" and where is None:
            msg = "postfilter says when to filter. Give where, too."
            raise InputError(msg, who="search")
        given = _per_leg(option, value, legs)
        if not given:
            kinds = {"vector": False, "full-text": True}
            takes = [k for k, text in kinds.items() if taken_by(option, is_text=text)]
            msg = (
                f"{option} is for {takes[0]} legs, and none is searched."
                if takes
                else f"the installed LanceDB, {lancedb.__version__}, does not take "
                f"{option}. Upgrade it, or leave the argument out."
            )
            raise InputError(msg, who="search")
        for place, each in given.items():
            told[place][option] = _checked(option, each)
    return [replace(leg, options=mine) for leg, mine in zip(legs, told, strict=True)]


def _per_leg(option: str, value: object, legs: Sequence[Leg]) -> dict[int, object]:
    """Return an option's value for each leg that takes it, by its place."""
    takers = [i for i, leg in enumerate(legs) if taken_by(option, is_text=leg.is_text)]
    if not isinstance(value, Mapping):
        return dict.fromkeys(takers, value)
    found: dict[int, object] = {}
    for name, each in value.items():
        places = _places(option, name, legs)
        if not set(places) & set(takers):
            msg = f"{option} does not fit leg {name!r}, which does not take it."
            raise InputError(msg, who="search")
        found |= {place: each for place in places if place in takers}
    return found


def _places(option: str, name: object, legs: Sequence[Leg]) -> list[int]:
    """Return the legs that *name* means: a column, or all of a kind.

    Raises:
        InputError: If there is none.
    """
    columns = [leg.column for leg in legs]
    if isinstance(name, str) and unquoted(name) in columns:
        return [columns.index(unquoted(name))]
    places = [i for i, leg in enumerate(legs) if _KINDS.get(str(name)) == leg.is_text]
    if not places:
        raise unknown(option, str(name), columns)
    return places


def _checked(option: str, value: object) -> object:
    """Return an option's value in the form that its builder takes."""
    if option in FLAGS and not isinstance(value, bool):
        msg = f"{option} must be True or False, got {value!r}."
        raise InputError(msg, who="search")
    if option != "distance_range":
        return value
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) != 2:
        msg = f"distance_range must be (lowest, highest), got {value!r}."
        raise InputError(msg, who="search")
    return tuple(value)


# Weights ------------------------------------------------------------------------------


def _given_weights(weights: Weights, legs: Sequence[Leg]) -> list[float]:
    """Return what each leg counts for, as the call says."""
    if isinstance(weights, Mapping):
        for name in weights:
            _places("weights", name, legs)
    return _weights_of(weights, legs)


def _default_weights(
    weights: Weights, legs: Sequence[Leg], notes: list[str]
) -> list[float]:
    """Return what each leg counts for, as the reranker says, which knows no table."""
    if weights is None or len(legs) == 1:  # nothing to be weighed against
        return [1.0] * len(legs)
    columns = [leg.column for leg in legs]
    if isinstance(weights, Mapping):
        for name in weights:
            if unquoted(name) not in columns and name not in _KINDS:
                known = ", ".join(map(repr, columns))
                notes.append(
                    f"search: the reranker has a weight for {name!r}, which is not a "
                    f"leg. Legs: {known}"
                )
    return _weights_of(weights, legs)


def _weights_of(weights: object, legs: Sequence[Leg]) -> list[float]:
    """Return one weight per leg, from weights by name or by position.

    A name is that of a leg, or of a kind: ``"vector"``, ``"fts"`` or ``"text"``. A leg
    that is not named counts 1.

    Raises:
        InputError: If they are not usable numbers, one per leg.
    """
    names = [leg.column for leg in legs]
    if isinstance(weights, Mapping):
        plain = {unquoted(name): weight for name, weight in weights.items()}
        weights = [_weight(plain, leg) for leg in legs]
    try:
        if isinstance(weights, str):
            raise TypeError  # noqa: TRY301  # its characters may be digits
        values = [float(weight) for weight in weights]  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        msg = f"must be numbers, one per leg {names}"
        raise InputError(
            msg, who="search", parameter="weights", value=weights
        ) from None
    if len(values) != len(legs):
        msg = f"must have one value per leg {names}"
        raise InputError(msg, who="search", parameter="weights", value=values)
    if not all(0 <= value < float("inf") for value in values) or not any(values):
        msg = "must be finite, not negative and not all 0"
        raise InputError(msg, who="search", parameter="weights", value=values)
    return values


def _weight(weights: Mapping[str, float], leg: Leg) -> float:
    """Return the weight of a leg: that of its name comes before that of its kind."""
    if leg.column in weights:
        return weights[leg.column]
    kinds = [name for name in weights if _KINDS.get(str(name)) == leg.is_text]
    return weights[kinds[0]] if kinds else 1.0
