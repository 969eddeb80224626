"""Traits: what a plugin is like, as it declares or as follows from its children."""

from __future__ import annotations

import inspect
import math
from typing import Any, Protocol, TypeAlias, TypeVar

from resift.errors import InputError, InvalidRerankerError, OptionsError
from resift.plugin import SCORE_KINDS, SCORING, implementation
from resift.redaction import quoted
from resift.settings import column_names

__all__ = ["Child", "Traits"]

_Plugin: TypeAlias = object
_T = TypeVar("_T")


class Child(Protocol):
    """What a host must know of a reranker inside its own; a `Reranker` is one."""

    name: str

    @property
    def can_score(self) -> bool: ...
    @property
    def traits(self) -> Traits: ...
    def warmup(self) -> object: ...
    def check(self) -> object: ...


class Traits:
    """What a plugin is like: what it declares, or else what follows from its children.

    Read each time, as some models tell only once they are loaded. The names and their
    meaning are those of `resift.hookspecs`.

    Args:
        plugin: The plugin instance.
        who: The reranker, as messages name it.

    Raises:
        InvalidRerankerError: If *columns* or *children* are declared wrongly.
        OptionsError: If a child of a reranker that scores only merges.
    """

    def __init__(self, plugin: _Plugin, who: str) -> None:
        self._plugin = plugin
        self._who = who
        found = implementation(type(plugin))
        self.can_score = found.can_score
        self.reads_candidates = found.names("score", "candidates")
        self._reads_instruction = any(found.names(h, "instruction") for h in SCORING)
        self.children: tuple[Child, ...] = tuple(getattr(plugin, "children", ()))
        for child in self.children:
            if not hasattr(child, "traits"):
                msg = f"children must be rerankers, got {type(child).__name__}."
                raise InvalidRerankerError(msg, who=who)
            if self.can_score and not child.can_score:
                msg = f"its rerankers must score, but {child.name!r} only merges."
                raise OptionsError(msg, who=who)
        try:
            column_names("columns", getattr(plugin, "columns", None) or ())
        except InputError as error:
            raise error.recast(InvalidRerankerError, who=who) from None

    def _declared(self, name: str, otherwise: _T) -> Any | _T:  # noqa: ANN401  # any trait
        return getattr(self._plugin, name, otherwise)

    def _all(self, name: str) -> bool:
        return bool(self.children) and all(
            getattr(child.traits, name) for child in self.children
        )

    def _any(self, name: str) -> bool:
        return any(getattr(child.traits, name) for child in self.children)

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The candidate columns it reads, or None where it declares nothing."""
        declared = self._declared("columns", None)
        if declared is not None or not self.children:
            return None if declared is None else tuple(declared)
        names: dict[str, None] = {}
        for child in self.children:
            if child.traits.columns is None and child.traits.reads_candidates:
                return None
            names.update(dict.fromkeys(child.traits.columns or ()))
        return tuple(names)

    @property
    def wants_candidates(self) -> bool:
        """Whether it is to be given candidates: all columns, or those it declares."""
        columns = self.columns  # () declares that it reads none
        return bool(columns) or (columns is None and self.reads_candidates)

    @property
    def takes_instruction(self) -> bool:
        """Whether an instruction reaches something that reads it."""
        if not self._reads_instruction:
            return False
        inside = not self.children or self._any("takes_instruction")
        return bool(self._declared("takes_instruction", inside))

    @property
    def needs_text(self) -> bool:
        """Whether it reads the documents' text."""
        otherwise = self._any("needs_text") if self.children else True
        return self.can_score and bool(self._declared("needs_text", otherwise))

    @property
    def tells_rows_apart(self) -> bool:
        """Whether rows of equal or blank text may differ: it reads declared columns."""
        inside = self._any("tells_rows_apart")
        own = bool(self._declared("columns", None))
        return own or bool(self._declared("tells_rows_apart", inside))

    @property
    def reads_order(self) -> bool:
        """Whether a score depends on the order in which the documents came."""
        return bool(self._declared("reads_order", self._any("reads_order")))

    @property
    def pointwise(self) -> bool:
        """Whether a document's score never depends on the other documents."""
        return bool(self._declared("pointwise", self._all("pointwise")))

    @property
    def deterministic(self) -> bool:
        """Whether the same call gives the same scores."""
        inside = not self.children or self._all("deterministic")
        return bool(self._declared("deterministic", inside))

    @property
    def score_kind(self) -> str:
        """What its scores mean, one of `SCORE_KINDS`; mergers are ordinal.

        Raises:
            InvalidRerankerError: If it declares something else.
        """
        if not self.can_score:
            return "ordinal"
        kinds = {child.traits.score_kind for child in self.children}
        inside = kinds.pop() if len(kinds) == 1 else "ordinal"
        return self._kind(self._declared("score_kind", inside))

    @property
    def score_range(self) -> tuple[float, float] | None:
        """The lowest and the highest similarity; None for other kinds, or if unknown.

        Raises:
            InvalidRerankerError: If it declares something else.
        """
        if self.score_kind != "similarity":
            return None
        ranges = {child.traits.score_range for child in self.children}
        inside = ranges.pop() if len(ranges) == 1 else None
        declared = self._declared("score_range", inside)
        if declared is None:
            return None
        try:
            low, high = map(float, declared)
        except (TypeError, ValueError):
            low = high = math.nan
        if not -math.inf < low < high < math.inf:
            msg = (
                "score_range must be two finite numbers, the lower first, got "
                f"{quoted(declared)}."
            )
            raise InvalidRerankerError(msg, who=self._who)
        return low, high

    @property
    def known_kind(self) -> str | None:
        """`score_kind` where it is known before a model is loaded, else None."""
        if not self.can_score:
            return "ordinal"
        declared = inspect.getattr_static(self._plugin, "score_kind", None)
        if declared is None and not self.children:
            return "ordinal"
        return self._kind(declared) if isinstance(declared, str) else None

    def _kind(self, kind: object) -> str:
        if kind is not None and kind not in SCORE_KINDS:
            msg = (
                f"score_kind must be one of {', '.join(map(repr, SCORE_KINDS))}, got "
                f"{quoted(kind)}."
            )
            raise InvalidRerankerError(msg, who=self._who)
        return str(kind or "ordinal")
