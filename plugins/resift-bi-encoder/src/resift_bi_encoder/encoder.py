"""`Encoder`: a loaded model, from texts to embeddings, batch by batch."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from resift_bi_encoder.checkpoint import load_checkpoint
from resift_bi_encoder.similarity import FloatArray
from resift_local import (
    Remembered,
    fast_bfloat16,
    forward,
    metered,
    reading,
    require_finite,
)

if TYPE_CHECKING:
    from resift_bi_encoder.deadline import Deadline
    from resift_bi_encoder.options import Options

__all__ = ["Encoder"]

IntArray = NDArray[np.int64]


class Encoder:
    """A loaded model, which many threads may use: it works on one batch at a time.

    Args:
        options: The reranker's options.

    Raises:
        ModelError: If the model cannot be loaded.
    """

    def __init__(self, options: Options) -> None:
        self.model = load_checkpoint(options)
        self.measure = (
            self.model.similarity_fn_name
            if options.similarity == "auto"
            else options.similarity
        )
        self._options = options
        self._lock = threading.Lock()  # the tokenizer's settings are shared state
        self._remembered: Remembered[tuple[FloatArray, int]]
        self._remembered = Remembered(options.remember)
        self._bfloat16 = _computes_in_bfloat16(options, self.model.device.type)
        kept = str(getattr(self.model, "dtype", "float32")).removeprefix("torch.")
        self._dtype = "bfloat16" if self._bfloat16 else kept
        if options.threads is not None and self.model.device.type == "cpu":
            import torch

            torch.set_num_threads(options.threads)

    def encode(
        self,
        texts: Sequence[str],
        task: Literal["query", "document"],
        deadline: Deadline,
    ) -> FloatArray:
        """Return the embeddings of *texts*, float32, shape ``(n_texts, dim)``.

        Raises:
            ModelError: If the model fails, or gives NaN.
            BackendTimeoutError: If the time is up before the last batch.
        """
        encode = (
            self.model.encode_query if task == "query" else self.model.encode_document
        )
        prompt = self._prompt(task)
        found: FloatArray | None = None
        with self._precision():  # around all batches: weights are cast once
            for rows in self._batches(texts, deadline):
                batch = [texts[row] for row in rows.tolist()]
                with (
                    forward(
                        "bi-encoder",
                        self._options.model,
                        smaller="batch_size or max_length",
                    ),
                    deadline.holding(self._lock, "another call was using the model"),
                ):
                    vectors = encode(
                        batch,
                        prompt=prompt,
                        batch_size=len(batch),
                        show_progress_bar=False,
                    )
                require_finite(
                    "bi-encoder",
                    self._options.model,
                    vectors,
                    what="embeddings",
                    dtype=self._dtype,
                )
                if found is None:
                    found = np.empty((len(texts), vectors.shape[1]), np.float32)
                found[rows] = vectors
        return np.empty((0, 0), np.float32) if found is None else found

    def documents(
        self, texts: Sequence[str], deadline: Deadline
    ) -> tuple[FloatArray, IntArray, IntArray]:
        """Return the embeddings of documents, those remembered not made again.

        Returns:
            The embeddings; how many tokens of each text the model read for that, 0
            where it is remembered; and how many it does not read.

        Raises:
            ModelError, BackendTimeoutError: As `encode`.
        """
        known = self._remembered.of(texts)
        new = [i for i, one in enumerate(known) if one is None]
        wanted = [texts[i] for i in new]
        vectors = self.encode(wanted, "document", deadline)
        lengths = self.lengths(wanted, "document")
        read, cut = (np.zeros(len(texts), dtype=np.int64) for _ in lengths)
        read[new], cut[new] = lengths
        if not self._options.remember:
            return vectors, read, cut
        for text, vector, n in zip(wanted, vectors, cut[new].tolist(), strict=True):
            self._remembered.keep(text, (vector.copy(), n), vector.nbytes)
        rows = iter(vectors)
        found = []
        for i, one in enumerate(known):
            vector, cut[i] = (next(rows), cut[i]) if one is None else one
            found.append(vector)
        return (np.stack(found) if found else vectors), read, cut

    def reads(self, task: Literal["query", "document"]) -> int | None:
        """Return how many tokens of a text the model reads; None without a bound."""
        length: int | None = getattr(self.model[0], f"{task}_length", None)
        return length or self.model.max_seq_length

    def lengths(
        self, texts: Sequence[str], task: Literal["query", "document"]
    ) -> tuple[IntArray, IntArray]:
        """Return how many tokens of each text the model reads, and how many not.

        Both are 0 for a tokenizer that does not tell.
        """
        from transformers import PreTrainedTokenizerBase

        tokenizer = self.model.tokenizer
        most = self.reads(task)
        if not isinstance(tokenizer, PreTrainedTokenizerBase):
            unknown = np.zeros(len(texts), dtype=np.int64)
            return unknown, unknown
        prompt = self._prompt(task) or self.model.prompts.get(task) or ""
        with self._lock, reading("bi-encoder", self._options.model):
            rows = tokenizer(
                [prompt + text for text in texts],
                truncation=False,
                return_attention_mask=False,
                verbose=False,
            ).input_ids
        lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
        read = lengths if most is None else np.minimum(lengths, most)
        return read, lengths - read

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where each token of *text* begins and ends, in characters.

        A tokenizer without a fast implementation does not say; four letters a token
        is about what English has.
        """
        tokenizer = self.model.tokenizer
        backend = getattr(tokenizer, "backend_tokenizer", tokenizer)
        if not hasattr(backend, "encode_batch_fast"):
            return [match.span() for match in re.finditer(r"\S{1,4}", text)]
        with self._lock:
            backend.no_truncation()  # the model's own calls set it again
            encoded = backend.encode(text, add_special_tokens=False)
        return [(start, end) for start, end in encoded.offsets]

    def _prompt(self, task: Literal["query", "document"]) -> str | None:
        """Return the prompt that was given, as text; None leaves it to the model."""
        options = self._options
        given = options.query_prompt if task == "query" else options.document_prompt
        return None if given is None else self.model.prompts.get(given, given)

    def _batches(self, texts: Sequence[str], deadline: Deadline) -> Iterator[IntArray]:
        """Hand out texts of similar length, the longest first, while time is left."""
        order = np.argsort([-len(text) for text in texts], kind="stable")
        size = self._options.batch_size
        return metered(
            "bi-encoder",
            [order[start : start + size] for start in range(0, len(order), size)],
            deadline,
            unit="text",
            done="texts were encoded",
            show=self._options.show_progress,
        )

    def _precision(self) -> contextlib.AbstractContextManager[object]:
        import torch

        if not self._bfloat16:
            return contextlib.nullcontext()
        return torch.autocast("cpu", torch.bfloat16)


def _computes_in_bfloat16(options: Options, device: str) -> bool:
    """Tell whether to compute in bfloat16 on this CPU.

    By default where the CPU has it and both sides are encoded here: a single query is
    quick, and stored vectors were made in float32.
    """
    if device != "cpu" or options.backend != "torch":
        return False
    if options.dtype != "auto":
        return options.dtype == "bfloat16"
    return options.embeddings is None and fast_bfloat16()
