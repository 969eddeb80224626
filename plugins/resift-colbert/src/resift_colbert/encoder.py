"""Texts to token embeddings, with a loaded model."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from resift_colbert.tokens import TokenEmbeddings
from resift_local import metered

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import torch
    from sentence_transformers import MultiVectorEncoder

    from resift_colbert.checkpoint import Checkpoint
    from resift_colbert.deadline import Deadline
    from resift_colbert.maxsim import FloatArray, IntArray

__all__ = ["Batch", "Encoder", "Query"]

_DOCUMENT_PROMPTS = ("document", "passage", "corpus")  # the first that the model has


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """An encoded query.

    Args:
        values: Its token embeddings, float32, shape ``(n_query_tokens, dim)``.
        ids: Its tokens in the vocabulary, int64, shape ``(n_query_tokens,)``.
        tokens_cut: How many of its tokens the model did not read.
    """

    values: FloatArray
    ids: IntArray
    tokens_cut: int


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Documents that were encoded together.

    Args:
        rows: Which of the given documents, int64, shape ``(n_batch,)``.
        tokens: Their token embeddings, float32.
        tokens_cut: How many tokens of each the model did not read, int32, shape
            ``(n_batch,)``.
    """

    rows: IntArray
    tokens: TokenEmbeddings
    tokens_cut: IntArray


class Encoder:
    """A late-interaction model, ready to encode; one thread at a time uses it.

    Args:
        checkpoint: What to load; loaded at once.
        batch_size: How many documents go through the model together.
        show_progress: Whether to show a progress bar; None decides by itself.

    Raises:
        ModelError: If the model cannot be loaded.
    """

    def __init__(
        self, checkpoint: Checkpoint, batch_size: int, *, show_progress: bool | None
    ) -> None:
        self.checkpoint = checkpoint
        self.batch_size = batch_size
        self.show_progress = show_progress
        self._model: MultiVectorEncoder = checkpoint.load()
        self._lock = threading.Lock()  # tokenizers are not safe to share

    @property
    def averages(self) -> bool:
        """Whether a score is the mean over the query's tokens, not the sum."""
        return self._model.similarity_fn_name == "meanmaxsim"

    @property
    def dtype(self) -> str:
        """The precision of the weights."""
        return str(self._model.dtype).removeprefix("torch.")

    @property
    def document_length(self) -> float:
        """How many tokens of a document the model reads."""
        length = getattr(self._model[0], "document_length", None)
        return min(length or float("inf"), self._model.max_seq_length or float("inf"))

    @property
    def query_length(self) -> float:
        """How many tokens of a query the model reads."""
        transformer = self._model[0]
        expansion = getattr(transformer, "query_expansion", None)
        if expansion is not None and expansion["strategy"] == "fixed":
            return float(expansion["length"])
        length = getattr(transformer, "query_length", None)
        return min(length or float("inf"), self._model.max_seq_length or float("inf"))

    def queries(self, texts: Sequence[str], deadline: Deadline) -> list[Query]:
        """Encode queries.

        Raises:
            BackendTimeoutError: If the model is not free in time.
        """
        queries = []
        for start in range(0, len(texts), self.batch_size):
            some = texts[start : start + self.batch_size]
            deadline.check(f"{start} of {len(texts)} queries are encoded")
            with deadline.holding(self._lock):
                rows: list[dict[str, torch.Tensor]] = self._model.encode_query(  # type: ignore[assignment]  # as output_value=None makes it
                    list(some),
                    batch_size=len(some),
                    output_value=None,
                    show_progress_bar=False,
                )
                counts = self._count(some, self._model.prompts.get("query"))
            cuts = np.maximum(counts - self.query_length, 0)
            for row, cut in zip(rows, cuts, strict=True):
                values, _, ids = _laid_out([row])
                queries.append(Query(values, ids, int(cut)))
        return queries

    def documents(self, texts: Sequence[str], deadline: Deadline) -> Iterator[Batch]:
        """Encode documents, longest first, so that batches hold little padding.

        Yields:
            Batches; each document is in one of them.

        Raises:
            BackendTimeoutError: If the time is up before all are encoded.
        """
        if not texts:
            return
        with deadline.holding(self._lock):
            counts = self._count(texts, self._document_prompt)
        cuts = np.maximum(counts - self.document_length, 0).astype(np.int32)
        order = np.argsort(-counts, kind="stable")
        size = self.batch_size
        for rows in metered(
            "colbert: encoding",
            [order[start : start + size] for start in range(0, len(order), size)],
            deadline,
            unit="text",
            done="documents are encoded",
            show=self.show_progress,
        ):
            with deadline.holding(self._lock):
                encoded = self._model.encode_document(
                    [texts[row] for row in rows],
                    batch_size=len(rows),
                    output_value=None,
                    show_progress_bar=False,
                )
            tokens = TokenEmbeddings(*_laid_out(encoded))
            yield Batch(rows, tokens, cuts[rows])

    def ids(
        self, texts: Sequence[str], deadline: Deadline
    ) -> tuple[IntArray, IntArray]:
        """Return the tokens that `documents` would encode, without encoding them.

        Returns:
            Their vocabulary ids, text after text, shape ``(n_tokens,)``, and how many
            each text has, shape ``(n_texts,)``.
        """
        from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask

        with deadline.holding(self._lock):
            features = self._model.preprocess(
                list(texts), prompt=self._document_prompt, task="document"
            )
        for module in self._model:
            if isinstance(module, MultiVectorMask):
                features = module(features, task="document")
        mask = features["attention_mask"].bool()
        return features["input_ids"][mask].numpy(), mask.sum(dim=1).numpy()

    def spell(self, ids: IntArray) -> list[str]:
        """Return tokens as the tokenizer writes them."""
        tokens: list[str] = self._model.tokenizer.convert_ids_to_tokens(ids.tolist())
        return tokens

    @property
    def _document_prompt(self) -> str | None:
        prompts = self._model.prompts
        return next((prompts[p] for p in _DOCUMENT_PROMPTS if p in prompts), None)

    def _count(self, texts: Sequence[str], prompt: str | None) -> IntArray:
        """Return how many tokens each text has before anything is cut off."""
        encoded = self._model.tokenizer(
            [f"{prompt or ''}{text}" for text in texts],
            truncation=False,
            padding=False,
            return_attention_mask=False,
            verbose=False,
        )
        return np.array([len(ids) for ids in encoded["input_ids"]], dtype=np.int64)


def _laid_out(
    rows: Sequence[Mapping[str, torch.Tensor]],
) -> tuple[FloatArray, IntArray, IntArray]:
    """Return embeddings of the scored tokens, end to end, lengths, vocabulary ids."""
    import torch

    masks = [row["attention_mask"].bool() for row in rows]
    pairs = list(zip(rows, masks, strict=True))
    values = torch.cat([row["token_embeddings"][mask] for row, mask in pairs])
    ids = torch.cat([row["input_ids"][mask] for row, mask in pairs])
    lengths = torch.stack([mask.sum() for mask in masks])
    return values.float().cpu().numpy(), lengths.cpu().numpy(), ids.cpu().numpy()
