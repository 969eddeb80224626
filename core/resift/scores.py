"""`Scores`: what scoring returns, and the checks every plugin's answer passes."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, SupportsFloat, TypeAlias, TypeGuard

import numpy as np

from resift.errors import MergeError, ScoreError

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["MergedLike", "Scores", "ScoresLike"]


class _Array(Protocol):
    """Anything that numpy can read: an array, a tensor, a polars series."""

    def __array__(self) -> NDArray[Any]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Scores with more to say than one float per document.

    Args:
        values: One score per document, float64, shape ``(n_docs,)``, higher is better.
            NaN means *not scored*: such a document ranks after every scored one, in
            the order it came. Infinity is an error.
        columns: Extra output, one value per document: an Arrow array or a sequence. It
            is added to the result under its name; a name that starts with ``_`` is
            shown by `explain=True` only.
        notes: Sentences that the user must know, strings or `resift.Note`.
        order: A permutation of ``0 .. n_docs - 1``, best first, for values of different
            stages that cannot be compared. The scored documents must come first, and
            their values must not rise along it. None sorts by value.
        usage: What the call cost, as numbers by name: ``input_tokens``,
            ``output_tokens``, ``search_units``, ``calls``.
        unscored: Why documents that were given are not scored. Needed where a value is
            NaN and no note says why: NaN is never an accident.
        kind: What these scores mean, where one answer's differ from the `score_kind`
            that is declared: a composite's of mixed kinds, say.
        score_range: The lowest and the highest value that such a similarity can have,
            where *kind* is given; see `resift.hookspecs`.
    """

    values: NDArray[np.float64]
    columns: Mapping[str, Iterable[object]] = field(default_factory=dict)
    notes: Sequence[str] = ()
    order: NDArray[np.int64] | None = None
    usage: Mapping[str, float] = field(default_factory=dict)
    unscored: str = ""
    kind: str | None = None
    score_range: tuple[float, float] | None = None

    def __array__(
        self,
        dtype: np.dtype[Any] | None = None,
        copy: bool | None = None,  # noqa: FBT001  # numpy's protocol
    ) -> NDArray[Any]:
        if copy is None:  # what numpy 1 cannot pass on: only if it is needed
            return np.asarray(self.values, dtype=dtype)
        return np.array(self.values, dtype=dtype, copy=copy)

    def __len__(self) -> int:
        return len(self.values)

    def ranking(self) -> NDArray[np.int64]:
        """Return the documents' indices, best first, shape ``(n_docs,)``.

        Values are compared as they are, in float64; ties keep their order.
        """
        if self.order is not None:
            return np.asarray(self.order, dtype=np.int64)
        return np.argsort(-np.asarray(self.values, dtype=np.float64), kind="stable")

    def with_values(self, values: NDArray[np.float64]) -> Scores:
        """Return the same answer with other values: what a composite makes of them.

        Documents sort by the new values; those that are NaN follow in the order that
        they have here. Columns, notes, usage and the reason for NaN stay.

        Args:
            values: One for each document, float64, shape ``(n_docs,)``.
        """
        order = None
        if self.order is not None:
            before = self.ranking()
            order = before[np.argsort(-values[before], kind="stable")]
        return replace(self, values=values, order=order, kind=None, score_range=None)


ScoresLike: TypeAlias = (
    Sequence[SupportsFloat] | Mapping[int, SupportsFloat] | Scores | _Array
)
MergedLike: TypeAlias = Sequence[SupportsFloat] | _Array

_LARGEST = float(np.finfo(np.float32).max)


def checked(raw: object, n: int, who: str) -> Scores:
    """Return what a plugin answered for *n* documents as `Scores`, or refuse it.

    Args:
        raw: What `score` returned.
        n: How many documents it was given.
        who: The reranker, as messages name it.

    Raises:
        ScoreError: If *raw* is not one usable score per document. Nothing is repaired.
    """
    if isinstance(raw, Scores):
        scores = _checked_scores(raw, n, who)
    elif isinstance(raw, Mapping):
        values = _from_mapping(raw, n, who)
        left_out = "the backend left it out" if len(raw) < n else ""
        scores = Scores(values, unscored=left_out)
    else:
        values = _numbers(raw, n, who)
        _require_finite(values, who)
        scores = Scores(values)
    narrowed(scores.values, who)
    return scores


def checked_items(raw: object, n: int, who: str) -> list[object]:
    """Return what `score_many` answered: one item for each of *n* queries.

    Raises:
        ScoreError: If it is not a sequence of that length.
    """
    if inspect.iscoroutine(raw):
        raw.close()
    got = type(raw).__name__ if raw is not None else "None"
    if isinstance(raw, Sequence | np.ndarray) and not isinstance(raw, str | bytes):
        if len(raw) == n:
            return list(raw)
        got = str(len(raw))
    msg = f"{who} must return a list of scores for each query ({n}), got {got}."
    raise ScoreError(msg, who=who)


def narrowed(values: NDArray[np.float64], who: str) -> NDArray[np.float32]:
    """Return scores as they are shown: float32, NaN where not scored.

    Raises:
        ScoreError: If one does not fit.
    """
    if np.fmax.reduce(np.abs(values), initial=0.0) > _LARGEST:
        wrong = values[np.abs(values) > _LARGEST][0]
        msg = f"the score {wrong} does not fit a float32."
        raise ScoreError(msg, who=who)
    return values.astype(np.float32)


def checked_merge(raw: object, n: int, who: str) -> NDArray[np.float64]:
    """Return what a merger answered for *n* documents, float64, shape ``(n,)``.

    Raises:
        MergeError: If it is not one finite float per document of the union.
    """
    try:
        values = _numbers(raw, n, who)
        _require_finite(values, who)
    except ScoreError as error:
        raise MergeError(error.message, who=error.who) from error.__cause__
    return values


def expand(scores: Scores, index: NDArray[np.int64]) -> Scores:
    """Spread the scores of distinct documents over all documents.

    Args:
        scores: Scores of the documents that were sent.
        index: For each document which of those it is, or -1 for *not sent*,
            int64, shape ``(n_docs,)``.

    Returns:
        Scores of shape ``(n_docs,)``: NaN and null where a document was not sent.
    """
    sent = index >= 0
    values = np.full(len(index), np.nan)
    values[sent] = scores.values[index[sent]]
    order = None
    if scores.order is not None:
        place = np.empty(len(scores) + 1, dtype=np.int64)
        place[scores.order] = np.arange(len(scores))
        place[-1] = len(scores)  # where index is -1: after all that were sent
        order = np.argsort(place[index], kind="stable")
    columns = take_columns(scores.columns, index)
    return replace(scores, values=values, columns=columns, order=order)


def take_columns(
    columns: Mapping[str, Iterable[object]], index: NDArray[np.int64]
) -> dict[str, pa.Array]:
    """Take rows of every column; -1 gives null."""
    if not columns:
        return {}
    import pyarrow as pa

    rows = pa.array(index, mask=index < 0)
    return {name: as_array(column).take(rows) for name, column in columns.items()}


def as_array(column: object) -> pa.Array:
    """Return one extra column as an Arrow array without chunks, that can be taken."""
    import pyarrow as pa

    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    from resift.arrow import plain

    array = column if isinstance(column, pa.Array) else pa.array(column)
    kind = plain(array.type)
    return array if kind == array.type else array.cast(kind)


def _checked_scores(scores: Scores, n: int, who: str) -> Scores:
    values = _numbers(scores.values, n, who)
    if np.isinf(values).any():
        _require_finite(
            np.nan_to_num(values, nan=0.0, posinf=np.inf, neginf=-np.inf), who
        )
    order = None if scores.order is None else _checked_order(scores.order, values, who)
    notes = scores.notes
    if isinstance(notes, str) or not hasattr(notes, "__iter__"):
        got = "one string" if isinstance(notes, str) else type(notes).__name__
        msg = f"notes must be a sequence of sentences, got {got}."
        raise ScoreError(msg, who=who)
    return replace(
        scores,
        values=values,
        columns=_checked_columns(scores.columns, n, who),
        notes=tuple(notes),
        order=order,
        usage=_checked_usage(scores.usage, who),
    )


def _checked_usage(usage: object, who: str) -> dict[str, float]:
    if not isinstance(usage, Mapping):
        msg = f"usage must map names to numbers, got {type(usage).__name__}."
        raise ScoreError(msg, who=who)
    for name, value in usage.items():
        if not (isinstance(name, str) and _is_number(value) and value >= 0):  # type: ignore[operator]
            got = _described(value)
            msg = f"usage must map names to numbers of at least 0, got {got}."
            raise ScoreError(msg, who=who)
    return dict(usage)


def _checked_columns(columns: object, n: int, who: str) -> dict[str, pa.Array]:
    if not isinstance(columns, Mapping):
        msg = (
            f"columns of its scores must be a mapping of names to values, got "
            f"{type(columns).__name__}."
        )
        raise ScoreError(msg, who=who)
    arrays = {}
    for name, column in columns.items():
        if not isinstance(name, str):
            got = _described(name)
            msg = f"a column of its scores must have a name, got {got}."
            raise ScoreError(msg, who=who)
        try:
            arrays[name] = as_array(column)
        except (TypeError, ValueError, OverflowError) as error:
            msg = (
                f"column {name!r} of its scores cannot be an Arrow array "
                f"({type(error).__name__}). Give values of one type."
            )
            raise ScoreError(msg, who=who) from None  # the cause may quote a document
        if len(arrays[name]) != n:
            msg = (
                f"column {name!r} of its scores must have one value for each "
                f"of the {n} documents, got {len(arrays[name])}."
            )
            raise ScoreError(msg, who=who)
    return arrays


def _checked_order(
    order: object, values: NDArray[np.float64], who: str
) -> NDArray[np.int64]:
    indices = np.asarray(order)
    n = len(values)
    if indices.dtype.kind not in "iu" or not np.array_equal(
        np.sort(indices), np.arange(n)
    ):
        msg = f"order must be a permutation of 0 to {n - 1}, each index once."
        raise ScoreError(msg, who=who)
    ordered = values[indices]
    scored = ~np.isnan(ordered)
    falling = ordered[scored]
    if (falling[1:] > falling[:-1]).any() or (scored[1:] > scored[:-1]).any():
        msg = (
            "along order the scored documents must come first and their "
            "scores must not rise. Give NaN to a document of an earlier stage."
        )
        raise ScoreError(msg, who=who)
    return indices.astype(np.int64)


def _numbers(raw: object, n: int, who: str) -> NDArray[np.float64]:
    """Return float64, shape ``(n,)``: numbers, but not yet known to be finite."""
    array = raw if type(raw) is np.ndarray else _read(raw, n, who)
    if array.shape != (n,):
        got = len(array) if array.ndim == 1 else f"an array of shape {array.shape}"
        msg = f"{who} must return one score per document ({n}), got {got}."
        raise ScoreError(msg, who=who)
    if array.dtype.kind not in "fiub" and n:
        for i, value in enumerate(array):
            if not _is_number(value):
                msg = (
                    f"{who} must return numbers, but the score of document {i} is "
                    f"{_described(value)}."
                )
                raise ScoreError(msg, who=who)
        return np.array([_float(value) for value in array])
    return array.astype(np.float64)


def _read(raw: object, n: int, who: str) -> NDArray[Any]:
    """Return what a plugin answered as an array of whatever shape and type."""
    if inspect.iscoroutine(raw):
        raw.close()
        msg = f"{who} returned a coroutine: hooks are synchronous. Make it a plain def."
        raise ScoreError(msg, who=who)
    if raw is None or isinstance(raw, str | bytes | AbstractSet | Mapping):
        msg = f"{who} must return one score per document ({n}), got {_described(raw)}."
        raise ScoreError(msg, who=who)
    if isinstance(raw, np.ma.MaskedArray) and np.ma.is_masked(raw):
        msg = (
            f"{who} returned a masked array. Return a mapping of the scores there are, "
            "or resift.Scores with NaN for the others."
        )
        raise ScoreError(msg, who=who)
    try:
        return np.asarray(raw if hasattr(raw, "__array__") else list(raw))  # type: ignore[call-overload]
    except Exception as error:  # a tensor on a GPU or in bfloat16, a ragged list
        msg = (
            f"{who} returned a {type(raw).__name__} that cannot be read as an array "
            f"({type(error).__name__}: {error}). Return floats."
        )
        raise ScoreError(msg, who=who) from error


def _from_mapping(
    raw: Mapping[object, object], n: int, who: str
) -> NDArray[np.float64]:
    values = np.full(n, np.nan)
    for index, score in raw.items():
        if isinstance(index, bool) or not isinstance(index, int | np.integer):
            msg = f"{who} returned {_described(index)} as the index of a document."
            raise ScoreError(msg, who=who)
        if not 0 <= index < n:
            msg = f"{who} scored document {index}, but was given 0 to {n - 1}."
            raise ScoreError(msg, who=who)
        if not _is_number(score):
            msg = (
                f"{who} must return numbers, but the score of document {index} is "
                f"{_described(score)}."
            )
            raise ScoreError(msg, who=who)
        values[index] = _float(score)
        if not math.isfinite(values[index]):
            _require_finite(values, who, at=int(index))
    return values


def _require_finite(
    values: NDArray[np.float64], who: str, at: int | None = None
) -> None:
    finite = np.isfinite(values)
    if at is None and np.count_nonzero(finite) == len(values):
        return
    wrong = int(np.argmin(finite)) if at is None else at
    count = 1 if at is not None else int((~finite).sum())
    msg = (
        f"{who} must return finite scores, but the score of document {wrong} is "
        f"{values[wrong]} ({count} of {len(values)} are not finite)."
    )
    raise ScoreError(msg, who=who)


def _is_number(value: object) -> TypeGuard[SupportsFloat]:
    numbers = int | float | np.integer | np.floating
    return isinstance(value, numbers) and not isinstance(value, np.timedelta64)


def _float(value: SupportsFloat) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer beyond float64
        return math.inf


def _described(value: object) -> str:
    """Return a number as it is and all else by its type: it may hold a text."""
    if value is None or _is_number(value):
        return str(value)
    kind = type(value.item() if isinstance(value, np.generic) else value).__name__
    return f"{'an' if kind[0] in 'aeio' else 'a'} {kind}"
