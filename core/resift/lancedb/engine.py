"""LanceDB itself: its tables, its names for columns, its queries and their options.

What LanceDB quotes is read here and written here: everywhere else a column has its
plain name. What its query builders take is handed to them and never re-implemented.
"""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypedDict

import lancedb.query
import pyarrow as pa
from lancedb.embeddings import EmbeddingFunctionRegistry
from lancedb.table import AsyncTable
from lancedb.table import Table as SyncTable

from resift.errors import InputError

__all__ = [
    "FLAGS",
    "ROW_ADDRESS",
    "ROW_ID",
    "BuilderOptions",
    "LanceTable",
    "Table",
    "adescribed",
    "configured",
    "described",
    "is_async",
    "is_query",
    "is_vector",
    "query_text",
    "quoted",
    "require_table",
    "said",
    "searched_by",
    "taken_by",
    "type_at",
    "unquoted",
]

LanceTable: TypeAlias = Any  # lancedb types its tables and builders loosely
ROW_ID = "_rowid"
ROW_ADDRESS = "_rowaddr"
FLAGS = ("bypass_vector_index", "fast_search", "postfilter")
"""Options that are on or off."""

_BUILDERS = {
    True: lancedb.query.LanceFtsQueryBuilder,
    False: lancedb.query.LanceVectorQueryBuilder,
}
_QUOTED = re.compile(r"`((?:[^`]|``)*)`")
_RUST_PLACE = re.compile(r",? /\S+\.rs:\d+:\d+.*")


class BuilderOptions(TypedDict, total=False):
    """What the legs hand to LanceDB's query builders, documented there.

    A value is for every leg that takes it, or per leg: ``{leg: value}``.
    """

    distance_type: str | Mapping[str, str]
    nprobes: int | Mapping[str, int]
    minimum_nprobes: int | Mapping[str, int]
    maximum_nprobes: int | Mapping[str, int]
    refine_factor: int | Mapping[str, int]
    ef: int | Mapping[str, int]
    distance_range: Sequence[float | None] | Mapping[str, Sequence[float | None]]
    bypass_vector_index: bool | Mapping[str, bool]
    fast_search: bool | Mapping[str, bool]
    postfilter: bool | Mapping[str, bool]
    phrase_query: bool | Mapping[str, bool]
    use_lsm: bool | Mapping[str, bool]


# Tables -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Table:
    """What planning must know of a LanceDB table, sync, async or remote.

    Args:
        schema: The schema.
        indexed: Columns with a full-text index: plain name, and LanceDB's spelling.
        read_embeddings: Reads the embedding functions.
        name: What the table is called.
    """

    schema: pa.Schema
    indexed: Mapping[str, str]
    read_embeddings: Callable[[], Mapping[str, object]]
    name: str = ""

    def embeddings(self) -> Mapping[str, object]:
        """Return the embedding function of each vector column that has one.

        Raises:
            InputError: If one is not registered in this process.
        """
        try:
            return self.read_embeddings()
        except KeyError as error:
            msg = (
                f"the table's embedding function {error} is not registered "
                "here. Import the module that registers it, or give the vectors: "
                "vectors={column: vector}, or vectors=False for none."
            )
            raise InputError(msg, who="search") from error

    @property
    def vectors(self) -> list[str]:
        """The vector columns, those in structs by their path."""
        return list(_vector_paths("", self.schema))


def described(table: LanceTable) -> Table:
    """Read what a sync table says of itself."""
    return Table(
        table.schema,
        _full_text(table.list_indices()),
        lambda: table.embedding_functions,
        str(getattr(table, "name", "")),
    )


async def adescribed(table: LanceTable) -> Table:
    """`described`, of an async table."""
    schema, indices = await asyncio.gather(table.schema(), table.list_indices())
    registry = EmbeddingFunctionRegistry.get_instance()  # type: ignore[no-untyped-call]
    return Table(
        schema,
        _full_text(indices),
        lambda: registry.parse_functions(schema.metadata),
        str(getattr(table, "name", "")),
    )


def is_async(table: LanceTable) -> bool:
    """Return whether a table answers with awaitables."""
    return inspect.iscoroutinefunction(getattr(type(table), "schema", None))


def require_table(table: object, *, takes_async: bool) -> None:
    """Refuse what is not a table, in words that say what to do.

    Raises:
        InputError: If it is not a table, or is async where that is not taken.
    """
    if isinstance(table, AsyncTable) and not takes_async:
        msg = (
            "the table is async. Search it with "
            "'await resift.lancedb.asearch(table, query)'."
        )
        raise InputError(msg, who="search")
    if isinstance(table, SyncTable | AsyncTable) or hasattr(table, "list_indices"):
        return
    got = f"search: table must be a LanceDB table, got {type(table).__name__}."
    if inspect.isawaitable(table):
        msg = f"{got} Await it first: table = await db.open_table(name)."
    elif is_query(table):
        msg = f"{got} Pass the table itself: search builds the queries of its legs."
    else:
        msg = f"{got} Open one: lancedb.connect(path).open_table(name)."
    raise InputError(msg)


def _full_text(indices: Sequence[Any]) -> dict[str, str]:
    """Return the columns with a full-text index, each once."""
    found: dict[str, str] = {}
    for index in indices:
        if index.index_type == "FTS":
            for column in index.columns:
                found.setdefault(unquoted(column), column)
    return found


def is_vector(kind: pa.DataType) -> bool:
    """Return whether a column holds vectors: one a row, or several (multivector)."""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        kind = kind.value_type
    if not pa.types.is_fixed_size_list(kind):
        return False
    return bool(
        pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)
    )


def _vector_paths(prefix: str, fields: pa.Schema | pa.StructType) -> Iterator[str]:
    for field in fields:
        if is_vector(field.type):
            yield f"{prefix}{field.name}"
        elif pa.types.is_struct(field.type):
            yield from _vector_paths(f"{prefix}{field.name}.", field.type)


# Names --------------------------------------------------------------------------------


def unquoted(name: str) -> str:
    """Return the plain name of a column or path that LanceDB may have quoted.

    >>> unquoted("`Body Text`"), unquoted("meta.`Sub T`"), unquoted("text")
    ('Body Text', 'meta.Sub T', 'text')
    """
    return _QUOTED.sub(lambda match: match[1].replace("``", "`"), name)


def quoted(name: str) -> str:
    """Return a column or path as LanceDB's SQL reads it, whatever is in its name.

    >>> quoted("meta.Sub T")
    '`meta`.`Sub T`'
    """
    return ".".join(f"`{part.replace('`', '``')}`" for part in name.split("."))


def type_at(schema: pa.Schema, path: str) -> pa.DataType | None:
    """Return the type of a column, or of a field of a struct; None where unknown."""
    if path in schema.names:
        return schema.field(path).type
    outer, *inner = path.split(".")
    if outer not in schema.names:
        return None
    kind = schema.field(outer).type
    for part in inner:
        known = [f.name for f in kind] if pa.types.is_struct(kind) else []
        if part not in known:
            return None
        kind = kind.field(part).type
    return kind


# Queries ------------------------------------------------------------------------------


def is_query(value: object) -> bool:
    """Return whether *value* is one of LanceDB's query builders, sync or async."""
    builders = (
        lancedb.query.LanceQueryBuilder,
        lancedb.query.AsyncQueryBase,
        lancedb.query.BaseQueryBuilder,
    )
    return isinstance(value, builders)


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
    """Return the columns that a full-text query object names, by their plain names."""
    return [unquoted(column) for _, columns in _wanted(query) for column in columns]


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


# Builders -----------------------------------------------------------------------------


def taken_by(option: str, *, is_text: bool) -> bool:
    """Return whether LanceDB's builder of a leg takes an option."""
    return option == "postfilter" or hasattr(_BUILDERS[is_text], option)


def configured(
    builder: LanceTable,
    *,
    where: object,
    select: Sequence[str] | Mapping[str, object],
    limit: int,
    options: Mapping[str, object],
) -> LanceTable:
    """Return a builder, sync or async, that was told what to fetch, and how.

    Raises:
        InputError: If this builder does not take an option.
    """
    runs_async = isinstance(builder, lancedb.query.AsyncQueryBase)
    postfilter = bool(options.get("postfilter"))
    if where is not None and runs_async:
        builder = builder.where(where)
        builder = builder.postfilter() if postfilter else builder
    elif where is not None:
        builder = builder.where(where, prefilter=not postfilter)
    for name, value in options.items():
        method = getattr(builder, name, None)
        if name == "postfilter" or (name in FLAGS and not value):
            continue
        if method is None:
            msg = f"{type(builder).__name__} of LanceDB does not take {name}."
            raise InputError(msg, who="search")
        if name in FLAGS:
            builder = method()
        elif name == "distance_range":
            builder = method(*value)  # type: ignore[misc]  # checked to be a pair
        else:
            builder = method(value)
    columns = dict(select) if isinstance(select, Mapping) else [*select]
    builder = builder.select(columns).limit(limit)
    if runs_async:
        return builder.with_row_id()
    return builder.with_row_id(with_row_id=True)


def said(error: BaseException) -> str:
    """Return the first line of what LanceDB says, without the place in its source."""
    return _RUST_PLACE.sub("", str(error).partition("\n")[0])
