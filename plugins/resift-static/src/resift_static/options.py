"""`Options`: what a user can set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from resift_local import CheckedOptions

__all__ = ["Options"]


@dataclass(kw_only=True, eq=False)
class Options(CheckedOptions):
    """The options of `resift_static.StaticEmbeddings`, which explains them."""

    positive = ("dimensions", "max_length")

    model: str | Path = "wordllama"
    dimensions: int | None = None
    revision: str | None = None
    max_length: int | None = None
    local_files_only: bool = False
