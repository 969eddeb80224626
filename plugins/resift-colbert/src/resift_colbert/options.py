"""`Options`: what a user can set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from resift_local import CheckedOptions, Dtype

__all__ = ["Missing", "Options"]

Missing: TypeAlias = Literal["error", "skip"]


@dataclass(kw_only=True, eq=False)
class Options(CheckedOptions):
    """The options of `resift_colbert.ColBERT`, which explains them."""

    positive = ("batch_size", "query_length", "document_length", "threads", "remember")

    model: str | Path = "colbert-ir/colbertv2.0"
    revision: str | None = None
    device: str | None = None
    dtype: Dtype | None = None
    batch_size: int = 32
    query_length: int | None = None
    document_length: int | None = None
    embeddings: str | None = None
    missing: Missing = "error"
    matches: bool = False
    trust_remote_code: bool = False
    local_files_only: bool = False
    threads: int | None = None
    show_progress: bool | None = None
    remember: int | None = None
