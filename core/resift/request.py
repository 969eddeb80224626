"""The request: one rerank call, its arguments checked, its settings filled in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from resift.errors import InputError
from resift.settings import Settings, column_name, column_names, seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resift.list_scores import Columns

__all__ = ["Request"]


@dataclass(frozen=True, kw_only=True)
class Request:
    """The arguments of one `Reranker.rerank` call, described there."""

    settings: Settings = field(default_factory=Settings)
    id: str | Sequence[str] | None = "_rowid"
    names: Sequence[str] | None = None
    score: Columns = None
    distance: Columns = None
    explain: bool = False
    timeout: float | None = None
    drop: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.id is not None and self.id != "_rowid":
            if not isinstance(self.id, list | tuple):
                column_name("id", self.id)
            elif column_names("id", self.id) and not self.id:
                message = "must name at least one column, or be None"
                raise InputError(message, parameter="id", value=self.id)
        if self.timeout is not None:
            object.__setattr__(self, "timeout", seconds("timeout", self.timeout))
        if self.drop:
            column_names("drop", self.drop)

    @property
    def id_columns(self) -> tuple[str, ...]:
        """The columns that tell documents apart together; none where rows do."""
        if self.id is None:
            return ()
        return (self.id,) if isinstance(self.id, str) else tuple(self.id)

    @property
    def read_columns(self) -> tuple[str, ...]:
        """The columns that are read of the results, which nothing may replace."""
        return (*self.id_columns, *self.text_columns)

    @property
    def text_columns(self) -> tuple[str, ...]:
        """The columns that hold the text, as they were named."""
        text = self.settings.text_column
        return (text,) if isinstance(text, str) else tuple(text)
