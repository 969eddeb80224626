"""`CrossEncoder`: the reranker, its options and its life."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from resift import hookimpl
from resift_cross_encoder.checkpoint import Dtype
from resift_cross_encoder.deadline import Deadline
from resift_cross_encoder.head import Activation
from resift_cross_encoder.runtime import Backend
from resift_local import CheckedOptions

if TYPE_CHECKING:
    from resift.scores import Scores
    from resift_cross_encoder.engine import Engine

__all__ = ["CrossEncoder"]


@dataclass(kw_only=True, eq=False)
class CrossEncoder(CheckedOptions):
    """Score by a model that reads the query and a document together.

    Loads any `sentence_transformers.CrossEncoder`: BERT-like classifiers, and language
    models that answer yes or no. Its scores are those of `CrossEncoder.predict`.

    Args:
        model: A name on the Hub, or the folder of a saved model.
        revision: The branch, tag or commit on the Hub; pin it in production.
        backend: ``"openvino"`` and ``"onnx"`` run on the CPU; ``"torch"`` runs any
            model on any device; ``"auto"`` takes openvino on a CPU where it is
            installed and can run the model, else torch.
        device: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``; by default the fastest.
        dtype: ``"auto"`` computes in bfloat16 on a CPU that has it, in 16 bits on an
            NVIDIA GPU, and in float32 elsewhere; the last layer always in float32.
        max_length: The most tokens of a query and a document together; by default
            what the model was made for. What is cut is reported.
        token_budget: The most tokens of one batch, padding included; by default 1024
            on a CPU, 32768 on a GPU, where it shrinks if the memory runs out.
        batch_size: The most pairs of one batch; with it, `token_budget` has no default.
        activation: ``"none"`` gives the logit; ``"sigmoid"`` or ``"softmax"`` a
            probability; ``"auto"`` is the model's own, and softmax with `label`.
        label: For a model with several labels, the one that means relevant: its name
            or its index.
        prompt: What goes before the query, or the instruction of a language model; the
            name of a prompt stored in the model works too.
        threads: CPU threads; by default those of torch.
        trust_remote_code: Whether to run code that comes with the model.
        local_files_only: Whether to read the local cache only.
        show_progress: Whether to show a progress bar; by default on a terminal, for a
            call that takes more than two seconds.

    Raises:
        ValueError: If a number is not positive.
    """

    resift_api: ClassVar[int] = 1
    pointwise: ClassVar[bool] = True
    positive = ("max_length", "token_budget", "batch_size", "threads")

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
    _engine: Engine | None = field(init=False, repr=False, default=None)
    _lock: threading.Lock = field(
        init=False, repr=False, default_factory=threading.Lock
    )

    @property
    def score_kind(self) -> str:
        """What a score means; the model's own activation is known once it is loaded."""
        if self._engine is not None:
            return self._engine.head.kind
        if self.activation == "auto":
            return "ordinal" if self.label is None else "probability"
        return "logit" if self.activation == "none" else "probability"

    @hookimpl
    def score(
        self, query: str, documents: Sequence[str], timeout: float | None = None
    ) -> Scores:
        """Score each document.

        Returns:
            Scores; where documents were cut, with the column ``tokens_cut`` and a note.

        Raises:
            ModelError: If the model cannot be loaded or does not fit into memory.
            BackendTimeoutError: If *timeout* is over before the last batch.
        """
        deadline = Deadline(timeout)
        return self._loaded().score([query], [documents], self, deadline)[0]

    @hookimpl
    def score_many(
        self, queries: Sequence[str], documents: Sequence[Sequence[str]]
    ) -> list[Scores]:
        """Score the documents of all queries together, sorted by length."""
        return self._loaded().score(queries, documents, self, Deadline())

    @hookimpl
    def warmup(self) -> None:
        """Load the model, and compute one pair."""
        self._loaded().score(["a"], [["b"]], self, Deadline())

    @hookimpl
    def close(self) -> None:
        """Let go of the model."""
        with self._lock:
            self._engine = None

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Return where each token of *text* lies, for `chunk` around it."""
        return self._loaded().tokenizer.spans(text)

    def _loaded(self) -> Engine:
        with self._lock:
            if self._engine is None:
                from resift_cross_encoder.engine import Engine

                self._engine = Engine.load(self)
            return self._engine
