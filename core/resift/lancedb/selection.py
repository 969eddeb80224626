"""The columns of a search: what it shows, what its legs fetch, what is taken late."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from lancedb.expr import Expr, col

from resift.arrow import RELEVANCE, text_columns
from resift.errors import InputError
from resift.lancedb.engine import (
    ROW_ADDRESS,
    ROW_ID,
    is_vector,
    quoted,
    type_at,
    unquoted,
)

if TYPE_CHECKING:
    import resift

__all__ = ["OWN_SCORE", "Selection", "selection", "unknown"]

OWN_SCORE = {True: "_score", False: "_distance"}
"""The column in which a leg's scores come: of full text, and of vectors."""
_LEG = {True: "a full-text leg", False: "a vector leg"}


@dataclass(frozen=True, slots=True)
class Selection:
    """The columns of a search.

    Args:
        shown: The payload columns of the result, in order.
        fetched: The columns of the table that every leg fetches.
        computed: The SQL expression of each computed column; None where there is none.
        late: Columns taken at the end, for the rows of the page only.
    """

    shown: list[str]
    fetched: list[str]
    computed: Mapping[str, object] | None
    late: list[pa.Field]

    def of_leg(self, *, is_text: bool) -> list[str] | dict[str, object]:
        """Return what a leg selects: the payload, and its own kind of score."""
        own = OWN_SCORE[is_text]
        if self.computed is None:
            return [*self.fetched, own]
        other = OWN_SCORE[not is_text]
        mine = {n: e for n, e in self.computed.items() if not _reads(e, other)}
        as_they_are = [*self.fetched, own]
        if any(isinstance(e, Expr) for e in mine.values()):  # LanceDB mixes no kinds
            return {**mine, **{name: col(name) for name in as_they_are}}
        return {**mine, **{name: quoted(name) for name in as_they_are}}


def selection(
    schema: pa.Schema,
    reranker: resift.Reranker,
    select: Sequence[str] | Mapping[str, object] | None,
    text: str | Sequence[str],
    kinds: set[bool],
) -> Selection:
    """Decide which columns to show, fetch and take late.

    Args:
        schema: That of the table.
        reranker: What reads the columns.
        select: Names, or names and their SQL expressions; None for all but vectors.
        text: The columns that hold the text.
        kinds: The kinds of the legs: whether each is full text.

    Raises:
        InputError: If a column does not exist, or a name is taken.
    """
    stored = [n for n in schema.names if n not in (*OWN_SCORE.values(), RELEVANCE)]
    plain = [n for n in stored if not is_vector(schema.field(n).type)]
    computed: Mapping[str, str | Expr] | None = None
    if select is None:
        scores = [n for n in schema.names if n in OWN_SCORE.values()]
        shown = [n for n in schema.names if n in plain or n in scores]
    else:
        scores = []
        if isinstance(select, Mapping):
            computed = _computed(select, kinds)
            shown = [*computed]
        else:
            shown = _named(schema, select, kinds)
    needed = [*(reranker.columns or ())]
    if reranker.needs_text:
        needed += text_columns(text, [*stored, *shown])
    if reranker.columns is None and reranker.reads_candidates:
        needed += plain
    if computed is not None:
        fetched = [n for n in dict.fromkeys(needed) if n in stored and n not in shown]
        own = (ROW_ID, *OWN_SCORE.values())
        computed = {n: e for n, e in computed.items() if n not in own}
        return Selection(shown, fetched, computed, [])
    late = [n for n in shown if n not in needed and _is_vector_at(schema, n)] + scores
    wanted = [n for n in dict.fromkeys([*shown, *needed]) if n not in late]
    known = {*shown, *stored} - {ROW_ID, *OWN_SCORE.values()}
    fields = [pa.field(name, type_at(schema, name)) for name in late]
    return Selection(shown, [n for n in wanted if n in known], None, fields)


def unknown(option: str, name: str, known: Sequence[str]) -> InputError:
    """Return the error of a name that is not one of those known."""
    columns = ", ".join(map(repr, known)) or "none"
    message = f"names {name!r}, which is unknown"
    remedy = f"Known: {columns}."
    return InputError(message, who="search", parameter=option, remedy=remedy)


def _named(schema: pa.Schema, select: object, kinds: set[bool]) -> list[str]:
    """Return the plain names that a list selects."""
    if (
        isinstance(select, str)
        or not isinstance(select, Sequence)
        or not all(isinstance(name, str) for name in select)
    ):
        msg = (
            "select must be a list of columns, or a mapping of names to SQL "
            f"expressions, got {select!r}."
        )
        raise InputError(msg, who="search")
    names = [unquoted(name) for name in select]
    for name in names:
        if names.count(name) > 1:
            msg = f"names {name!r} twice"
            raise InputError(msg, who="search", parameter="select")
        if name in OWN_SCORE.values():
            _require_leg(name, name, kinds)
        elif name not in (ROW_ID, ROW_ADDRESS) and type_at(schema, name) is None:
            raise unknown("select", name, schema.names)  # noqa: EM101  # no message
    return names


def _computed(
    select: Mapping[Any, object], kinds: set[bool]
) -> Mapping[str, str | Expr]:
    """Return the expressions of a mapping, checked."""
    found: dict[str, str | Expr] = {}
    for name, expression in select.items():
        if not isinstance(name, str) or not isinstance(expression, str | Expr):
            msg = (
                "select must map names to SQL expressions, got "
                f"{type(expression).__name__} for {name!r}."
            )
            raise InputError(msg, who="search")
        reserved = (RELEVANCE, ROW_ID, *OWN_SCORE.values())
        if name == RELEVANCE or (name in reserved and expression != name):
            msg = (
                f"select must not compute {name!r}, which the search itself "
                "gives. Choose another name."
            )
            raise InputError(msg, who="search")
        for own in OWN_SCORE.values():
            if _reads(expression, own):
                _require_leg(name, own, kinds)
        found[name] = expression
    if len({isinstance(each, Expr) for each in found.values()}) > 1:
        msg = (
            "select must map names to SQL strings or to expressions, not to "
            "both: LanceDB would take the strings for values. Use col(name)."
        )
        raise InputError(msg, who="search")
    return found


def _require_leg(name: str, own: str, kinds: set[bool]) -> None:
    """Refuse a score of legs that are not searched."""
    is_text = own == OWN_SCORE[True]
    if is_text not in kinds:
        what = f"names {name!r}" if name == own else f"computes {name!r} from {own!r}"
        msg = f"{what}, which only {_LEG[is_text]} has, and none is searched"
        raise InputError(msg, who="search", parameter="select")


def _reads(expression: object, column: str) -> bool:
    """Return whether an SQL expression names a column."""
    return re.search(rf"(?<![\w.`]){column}(?!\w)", str(expression)) is not None


def _is_vector_at(schema: pa.Schema, path: str) -> bool:
    kind = type_at(schema, path)
    return kind is not None and is_vector(kind)
