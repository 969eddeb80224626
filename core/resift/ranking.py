"""What goes into a merger, and what comes out of `rank`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Generic, TypeAlias, overload

import numpy as np

from resift.scores import Scores, as_array, checked, narrowed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, Self

    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray
    from pydantic_core import CoreSchema
    from typing_extensions import TypeVar  # a default: `RankedDocuments` alone is fine

    from resift.scores import ScoresLike

__all__ = ["D", "Document", "RankedDocument", "RankedDocuments", "Ranking"]

Document: TypeAlias = str | Mapping[str, object] | None
"""What `rank` takes: a text, or a mapping that holds one."""
if TYPE_CHECKING:
    D = TypeVar("D", bound=Document, default=Document)
    D_co = TypeVar("D_co", bound=Document, default=Document, covariant=True)
else:  # a default needs Python 3.13
    from typing import TypeVar

    D, D_co = TypeVar("D"), TypeVar("D_co", covariant=True)

_SHOWN = 60  # characters of a text
_ROWS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """One ranked list, as `merge` gets it: positions in the union, never payload.

    Args:
        documents: Positions in the union, best first, each once, int64, shape ``(n,)``.
        scores: Scores aligned with *documents*, higher is better, float64, finite,
            shape ``(n,)``; None where the list has an order only. Infinite scores stand
            one step beyond the others, missing ones one step below them.
        weight: What the list counts for, ``>= 0``.
        name: What the user calls the list.
        lowest: The least score that the list's scorer can give (0 for BM25), or None
            where it is unknown.
    """

    documents: NDArray[np.int64]
    scores: NDArray[np.float64] | None = None
    weight: float = 1.0
    name: str = ""
    lowest: float | None = None

    def __len__(self) -> int:
        return len(self.documents)


class _NoColumns(Mapping[str, object]):
    """No columns: one for all documents, instead of a mapping for each."""

    __slots__ = ()

    def __getitem__(self, name: str) -> object:
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return "{}"

    def __hash__(self) -> int:
        return 0

    def __reduce__(self) -> str:
        return "_NO_COLUMNS"


_NO_COLUMNS = _NoColumns()


@dataclass(frozen=True, slots=True, repr=False)
class RankedDocument(Generic[D_co]):
    """One document of a ranking.

    Args:
        index: Where it stood in the documents given, counted from 0.
        document: The document as it was given: a string or a mapping.
        score: Its score, higher is better; None where it was not scored.
        rank: Its place, counted from 1.
        columns: What the reranker says about it beyond the score.
    """

    index: int
    document: D_co
    score: float | None
    rank: int
    columns: Mapping[str, object] = _NO_COLUMNS

    def __repr__(self) -> str:
        more = f", columns={self.columns}" if self.columns else ""
        return (
            f"RankedDocument(rank={self.rank}, score={_rounded(self.score)}, "
            f"document={_brief(repr(self.document))}, index={self.index}{more})"
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Columns(Generic[D_co]):
    """A ranking as columns, of which its documents are made when they are asked for.

    Args:
        documents: As they were given, best first.
        indices: Where each stood, int64, shape ``(n,)``.
        scores: The score of each, NaN where not scored, float32, shape ``(n,)``.
        rows: What the reranker says of each; None where it says nothing.
    """

    documents: Sequence[D_co]
    indices: NDArray[np.int64]
    scores: NDArray[np.float32]
    rows: Sequence[Mapping[str, object]] | None = None

    def made(self) -> tuple[RankedDocument[D_co], ...]:
        """Return the documents."""
        scores: list[float | None] = [*self.scores.tolist()]
        for i in np.flatnonzero(np.isnan(self.scores)).tolist():
            scores[i] = None
        return tuple(
            map(
                RankedDocument,
                self.indices.tolist(),
                self.documents,
                scores,
                range(1, len(scores) + 1),
                *(() if self.rows is None else (self.rows,)),
            )
        )


class RankedDocuments(Sequence[RankedDocument[D_co]], Generic[D_co]):
    """The documents of one query, best first, and what must be known of them.

    An immutable sequence, generic in what was given: strings in, strings out. Jupyter
    shows it as a table; pydantic and FastAPI write it as JSON. ``notes`` is a tuple of
    sentences that a user must know, such as
    ``"fallback: cohere timed out after 0.5 s"``; ``usage`` is what the call cost, as
    numbers by name; ``kind`` is what the scores mean, and ``score_range`` between which
    numbers a similarity lies, see `resift.hookspecs`.

    ``indices`` and ``scores`` are the same as arrays, for where there are many
    documents: no object is made for each unless they are asked for.
    """

    __slots__ = (
        *("__weakref__", "_columns", "_made"),
        *("kind", "notes", "score_range", "usage"),
    )

    def __init__(
        self,
        documents: Iterable[RankedDocument[D_co]],
        notes: Iterable[str] = (),
        usage: Mapping[str, float] = _NO_COLUMNS,  # type: ignore[assignment]  # empty
        kind: str = "ordinal",
        score_range: tuple[float, float] | None = None,
    ) -> None:
        self._made: tuple[RankedDocument[D_co], ...] | None = tuple(documents)
        self._columns: _Columns[D_co] | None = None
        self.kind = kind
        self.score_range = score_range
        self.notes = tuple(notes)
        self.usage = dict(usage)

    @classmethod
    def of(
        cls,
        documents: Sequence[D_co],
        scores: ScoresLike,
        top_k: int | None = None,
        *,
        kind: str = "ordinal",
        score_range: tuple[float, float] | None = None,
        who: str = "RankedDocuments.of",
    ) -> Self:
        """Rank documents by their scores.

        Args:
            documents: The documents, in the order they came.
            scores: What `score` may return for them, or for the first of them; those
                without a score follow, in the order they came.
            top_k: How many to keep; all by default.
            kind: What the scores mean, unless they say it themselves.
            score_range: Between which numbers such a similarity lies.
            who: What messages call whoever scored.

        Raises:
            ScoreError: If the scores are not usable.
        """
        if not isinstance(scores, Scores):
            scores = checked(scores, len(documents), who)
        elif not isinstance(scores.values, np.ndarray):  # nobody has checked them
            scores = checked(scores, len(scores), who)
        order = scores.ranking()
        order = np.concatenate([order, np.arange(len(order), len(documents))])[:top_k]
        narrow = np.full(len(documents), np.nan, dtype=np.float32)
        narrow[: len(scores)] = narrowed(scores.values, who)
        if scores.kind is not None:
            kind, score_range = scores.kind, scores.score_range
        places = order.tolist()
        rows = _rows(scores, len(documents)) if scores.columns else None
        ranked = cls((), scores.notes, scores.usage, kind, score_range)
        ranked._made = None
        ranked._columns = _Columns(
            [documents[i] for i in places],
            order,
            narrow[order],
            rows and [rows[i] for i in places],
        )
        return ranked

    @property
    def documents(self) -> tuple[RankedDocument[D_co], ...]:
        """The documents, best first; made at first use."""
        if self._made is None and self._columns is not None:
            self._made = self._columns.made()
        return self._made or ()

    @property
    def __dict__(self) -> dict[str, object]:  # type: ignore[override]  # not stored
        """What `vars` says, which FastAPI writes where no return type is declared."""
        return {
            "documents": self.documents,
            "notes": self.notes,
            "usage": self.usage,
            "kind": self.kind,
        }

    @property
    def indices(self) -> NDArray[np.int64]:
        """Where each document stood, best first, shape ``(n,)``."""
        if self._columns is not None:
            return self._columns.indices
        return np.array([each.index for each in self.documents], dtype=np.int64)

    @property
    def scores(self) -> NDArray[np.float32]:
        """The score of each document, NaN where not scored, shape ``(n,)``."""
        if self._columns is not None:
            return self._columns.scores
        return np.array([each.score for each in self.documents], dtype=np.float32)

    def to_list(self) -> list[dict[str, object]]:
        """Return the documents as dictionaries, best first: ``json.dumps`` takes them.

        Each has ``rank``, ``score`` (None where not scored), ``document``, ``index``,
        and what the reranker says beyond that by its name.
        """
        return [
            {
                **{_free(name): value for name, value in each.columns.items()},
                "rank": each.rank,
                "score": each.score,
                "document": each.document,
                "index": each.index,
            }
            for each in self.documents
        ]

    def to_arrow(self) -> pa.Table:
        """Return the documents as an Arrow table, with the columns of `to_list`."""
        import pyarrow as pa

        kinds = {"rank": pa.int64(), "score": pa.float32(), "index": pa.int64()}
        rows = self.to_list()
        names = ["rank", "score", "document", "index"]
        names += [name for row in rows for name in row]
        return pa.table(
            {
                name: pa.array([row.get(name) for row in rows], kinds.get(name))
                for name in dict.fromkeys(names)
            }
        )

    def to_pandas(self) -> pd.DataFrame:
        """Return the documents as a data frame, with the columns of `to_list`."""
        import pandas as pd

        names = ["rank", "score", "document", "index"]
        rows = self.to_list()
        names += [name for row in rows for name in row]
        return pd.DataFrame(rows, columns=list(dict.fromkeys(names)))

    @overload
    def __getitem__(self, index: int) -> RankedDocument[D_co]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[RankedDocument[D_co]]: ...
    def __getitem__(
        self, index: int | slice
    ) -> RankedDocument[D_co] | Sequence[RankedDocument[D_co]]:
        return self.documents[index]

    def __len__(self) -> int:
        return len(self.documents if self._columns is None else self._columns.scores)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RankedDocuments):
            return NotImplemented
        return self.documents == other.documents and self.notes == other.notes

    __hash__ = None  # type: ignore[assignment]  # documents may be mappings

    def __reduce__(self) -> tuple[object, ...]:
        content = (self.documents, self.notes, self.usage, self.kind, self.score_range)
        return type(self), content

    def __repr__(self) -> str:
        lines = [f"<RankedDocuments: {len(self)}"]
        lines += [
            f"  {each.rank}. {_rounded(each.score)}  {_brief(_text(each.document))}"
            for each in self.documents[:_ROWS]
        ]
        if len(self) > _ROWS:
            lines.append("  ...")
        lines += [f"  note: {note}" for note in self.notes]
        return "\n".join(lines) + ">"

    def _repr_html_(self) -> str:
        rows = [
            f"<tr><td>{each.rank}</td><td>{_rounded(each.score)}</td>"
            f"<td>{escape(_text(each.document))}</td></tr>"
            for each in self.documents
        ]
        notes = [f"<p>note: {escape(note)}</p>" for note in self.notes]
        head = "<tr><th>rank</th><th>score</th><th>document</th></tr>"
        return "".join(["<table>", head, *rows, "</table>", *notes])

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: object
    ) -> CoreSchema:
        """Let pydantic and FastAPI write a ranking as JSON; they cannot read one."""
        del source, handler
        from pydantic_core import core_schema

        def plain(ranked: RankedDocuments[Any]) -> dict[str, object]:
            return {
                "documents": ranked.to_list(),
                "notes": [str(note) for note in ranked.notes],
                "usage": ranked.usage,
                "kind": ranked.kind,
            }

        return core_schema.is_instance_schema(
            cls,
            serialization=core_schema.plain_serializer_function_ser_schema(
                plain, return_schema=core_schema.dict_schema()
            ),
        )


def _free(name: str) -> str:
    """Return *name*, or one that is no name of ours."""
    return f"_{name}" if name in ("rank", "score", "document", "index") else name


def _rounded(score: float | None) -> str:
    return "-" if score is None else f"{score:.4g}"


def _text(document: object) -> str:
    return document if isinstance(document, str) else repr(document)


def _brief(text: str) -> str:
    """Return the beginning of a text, on one line."""
    line = " ".join(text[: 4 * _SHOWN].split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 3]}..."


def _rows(scores: Scores, n: int) -> list[Mapping[str, object]]:
    """Return the extra columns of *scores*, document by document."""
    rows: list[Mapping[str, object]] = [_NO_COLUMNS] * n
    columns = {k: as_array(v).to_pylist() for k, v in scores.columns.items()}
    for i, values in enumerate(zip(*columns.values(), strict=True)):
        rows[i] = dict(zip(columns, values, strict=True))
    return rows
