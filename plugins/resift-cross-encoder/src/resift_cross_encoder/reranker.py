"""`CrossEncoder`: the reranker and its hooks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from resift import hookimpl
from resift_cross_encoder.deadline import Deadline
from resift_cross_encoder.options import Options
from resift_local import Resident

if TYPE_CHECKING:
    from resift import Scores
    from resift_cross_encoder.engine import Engine

__all__ = ["CrossEncoder"]


class CrossEncoder(Options):
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
            name of a prompt stored in the model works too. The `instruction` of a call
            stands in its place.
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

    def __post_init__(self) -> None:
        super().__post_init__()
        self._engine: Resident[Engine] = Resident()

    @property
    def score_kind(self) -> str:
        """What a score means; the model's own activation is known once it is loaded."""
        if (engine := self._engine.loaded) is not None:
            return engine.head.kind
        if self.activation == "auto":
            return "ordinal" if self.label is None else "probability"
        return "logit" if self.activation == "none" else "probability"

    @property
    def takes_instruction(self) -> bool:
        """Whether the model reads one, which it tells once it is loaded."""
        return self._loaded(Deadline()).reads_instruction

    @hookimpl
    def score(
        self,
        query: str,
        documents: Sequence[str],
        timeout: float | None = None,
        instruction: str | None = None,
    ) -> Scores:
        """Score each document.

        Returns:
            Scores; where documents were cut, with the column ``tokens_cut`` and a note.

        Raises:
            ModelError: If the model cannot be loaded, fails, or gives NaN.
            BackendTimeoutError: If *timeout* is over before the last batch.
        """
        return self.score_many([query], [documents], timeout, instruction)[0]

    @hookimpl
    def score_many(
        self,
        queries: Sequence[str],
        documents: Sequence[Sequence[str]],
        timeout: float | None = None,
        instruction: str | None = None,
    ) -> list[Scores]:
        """Score the documents of all queries together, sorted by length."""
        deadline = Deadline(timeout)
        engine = self._loaded(deadline)
        return engine.score(queries, documents, self, deadline, instruction)

    @hookimpl
    def warmup(self) -> None:
        """Load the model, and compute one pair."""
        deadline = Deadline()
        self._loaded(deadline).score(["a"], [["b"]], self, deadline)

    @hookimpl
    def close(self) -> None:
        """Let go of the model."""
        self._engine.release()

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Return where each token of *text* lies, for `chunk` around it."""
        return self._loaded(Deadline()).tokenizer.spans(text)

    def _loaded(self, deadline: Deadline) -> Engine:
        from resift_cross_encoder.engine import Engine

        return self._engine.get(lambda: Engine.load(self), deadline)
