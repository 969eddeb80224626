"""`Options`: what a user can set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from resift_local import CheckedOptions, Dtype

__all__ = ["Backend", "Measure", "Options"]

Backend: TypeAlias = Literal["torch", "openvino", "onnx"]
Measure: TypeAlias = Literal["auto", "cosine", "dot", "euclidean", "manhattan"]


@dataclass(kw_only=True, eq=False)
class Options(CheckedOptions):
    """The options of `resift_bi_encoder.BiEncoder`, which explains them."""

    positive = ("dimensions", "max_length", "batch_size", "threads", "remember")

    model: str | Path = "sentence-transformers/all-MiniLM-L6-v2"
    embeddings: str | None = None
    similarity: Measure = "auto"
    query_prompt: str | None = None
    document_prompt: str | None = None
    dimensions: int | None = None
    revision: str | None = None
    backend: Backend = "torch"
    device: str | None = None
    dtype: Dtype = "auto"
    max_length: int | None = None
    batch_size: int = 16
    threads: int | None = None
    trust_remote_code: bool = False
    local_files_only: bool = False
    show_progress: bool | None = None
    remember: int | None = None
