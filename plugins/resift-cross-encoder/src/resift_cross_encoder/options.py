"""`Options`: what a user can set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from resift_local import CheckedOptions, Dtype

__all__ = ["Activation", "Backend", "Options"]

Activation: TypeAlias = Literal["auto", "none", "sigmoid", "softmax"]
Backend: TypeAlias = Literal["auto", "torch", "openvino", "onnx"]


@dataclass(kw_only=True, eq=False)
class Options(CheckedOptions):
    """The options of `resift_cross_encoder.CrossEncoder`, which explains them."""

    positive = ("max_length", "token_budget", "batch_size", "threads")
    neutral_options = (*CheckedOptions.neutral_options, "token_budget")

    model: str | Path = "cross-encoder/ms-marco-MiniLM-L6-v2"
    revision: str | None = None
    backend: Backend = "auto"
    device: str | None = None
    dtype: Dtype = "auto"
    max_length: int | None = None
    token_budget: int | None = None
    batch_size: int | None = None
    activation: Activation = "auto"
    label: str | int | None = None
    prompt: str | None = None
    threads: int | None = None
    trust_remote_code: bool = False
    local_files_only: bool = False
    show_progress: bool | None = None
