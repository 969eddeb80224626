"""Texts to token embeddings, with a loaded model."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from resift_colbert.checkpoint import load_checkpoint
from resift_colbert.tokens import TokenEmbeddings
from resift_local import Remembered, forward, metered, reading, require_finite

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import torch
    from sentence_transformers import MultiVectorEncoder

    from resift_colbert.deadline import Deadline
    from resift_colbert.maxsim import FloatArray, IntArray
    from resift_colbert.options import Options

__all__ = ["Batch", "Encoder", "Query"]

_BUSY = "another call was using the model"
_DOCUMENT_PROMPTS = ("document", "passage", "corpus")  # the first that the model has


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """An encoded query.

    Args:
        values: Its token embeddings, float32, shape ``(n_query_tokens, dim)``.
        ids: Its tokens in the vocabulary, int64, shape ``(n_query_tokens,)``.
        tokens_read: How many of its tokens the model read.
        tokens_cut: How many of its tokens the model did not read.
    """

    values: FloatArray
    ids: IntArray
    tokens_read: int
    tokens_cut: int


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Documents that were encoded together.

    Args:
        rows: Which of the given documents, int64, shape ``(n_batch,)``.
        tokens: Their token embeddings, float32.
        tokens_read: How many tokens of each the model read, int64, shape
            ``(n_batch,)``.
        tokens_cut: How many tokens of each the model did not read, int32, shape
            ``(n_batch,)``.
    """

    rows: IntArray
    tokens: TokenEmbeddings
    tokens_read: IntArray
    tokens_cut: IntArray


class Encoder:
    """A late-interaction model, ready to encode; one thread at a time uses it.

    Args:
        options: The reranker's options.

    Raises:
        ModelError: If the model cannot be loaded.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._model: MultiVectorEncoder = load_checkpoint(options)
        self._remembered: Remembered[tuple[TokenEmbeddings, int]]
        self._remembered = Remembered(options.remember)
        self._lock = threading.Lock()  # tokenizers are not safe to share

    @property
    def averages(self) -> bool:
        """Whether a score is the mean over the query's tokens, not the sum."""
        return self._model.similarity_fn_name == "meanmaxsim"

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
            ModelError: If the model fails, or gives NaN.
            BackendTimeoutError: If the model is not free in time.
        """
        queries = []
        size = self._options.batch_size
        for start in range(0, len(texts), size):
            some = texts[start : start + size]
            deadline.check(f"{start} of {len(texts)} queries were encoded")
            with self._computing(deadline):
                rows: list[dict[str, torch.Tensor]] = self._model.encode_query(  # type: ignore[assignment]  # as output_value=None makes it
                    list(some),
                    batch_size=len(some),
                    output_value=None,
                    show_progress_bar=False,
                )
            with deadline.holding(self._lock, _BUSY):
                counts = self._count(some, self._model.prompts.get("query"))
            cuts = np.maximum(counts - self.query_length, 0)
            for row, count, cut in zip(rows, counts, cuts, strict=True):
                values, _, ids = _laid_out([row])
                self._require_finite(values)
                queries.append(Query(values, ids, int(count - cut), int(cut)))
        return queries

    def documents(self, texts: Sequence[str], deadline: Deadline) -> Iterator[Batch]:
        """Encode documents, longest first, so that batches hold little padding.

        Yields:
            Batches; each document is in one of them.

        Raises:
            ModelError: If the model fails, or gives NaN.
            BackendTimeoutError: If the time is up before all are encoded.
        """
        if not texts:
            return
        with deadline.holding(self._lock, _BUSY):
            counts = self._count(texts, self._document_prompt)
        cuts = np.maximum(counts - self.document_length, 0).astype(np.int32)
        order = np.argsort(-counts, kind="stable")
        size = self._options.batch_size
        for rows in metered(
            "colbert",
            [order[start : start + size] for start in range(0, len(order), size)],
            deadline,
            unit="text",
            done="documents were encoded",
            show=self._options.show_progress,
        ):
            with self._computing(deadline):
                encoded = self._model.encode_document(
                    [texts[row] for row in rows],
                    batch_size=len(rows),
                    output_value=None,
                    show_progress_bar=False,
                )
            tokens = TokenEmbeddings(*_laid_out(encoded))
            self._require_finite(tokens.values)
            if self._options.matches:
                tokens = self.placed(tokens, [texts[row] for row in rows], deadline)
            yield Batch(rows, tokens, counts[rows] - cuts[rows], cuts[rows])

    def remembered(self, texts: Sequence[str], deadline: Deadline) -> Iterator[Batch]:
        """`documents`, of which those remembered are not encoded again.

        Those come first, and read no tokens.
        """
        if not self._options.remember:
            yield from self.documents(texts, deadline)
            return
        known = self._remembered.of(texts)
        old = [i for i, one in enumerate(known) if one is not None]
        size = self._options.batch_size
        for start in range(0, len(old), size):
            rows = np.array(old[start : start + size], dtype=np.int64)
            kept = [one for i in rows if (one := known[i]) is not None]
            tokens = TokenEmbeddings.joined([tokens for tokens, _ in kept])
            cuts = np.array([cut for _, cut in kept], dtype=np.int32)
            yield Batch(rows, tokens, np.zeros(len(rows), dtype=np.int64), cuts)
        new = np.array([i for i, one in enumerate(known) if one is None], np.int64)
        for batch in self.documents([texts[i] for i in new], deadline):
            rows = new[batch.rows]
            for place, row in enumerate(rows.tolist()):
                own = batch.tokens.take([place])
                cut = int(batch.tokens_cut[place])
                self._remembered.keep(texts[row], (own, cut), own.nbytes)
            yield replace(batch, rows=rows)

    def ids(
        self, texts: Sequence[str], deadline: Deadline
    ) -> tuple[IntArray, IntArray]:
        """Return the tokens that `documents` would encode, without encoding them.

        Returns:
            Their vocabulary ids, text after text, shape ``(n_tokens,)``, and how many
            each text has, shape ``(n_texts,)``.
        """
        from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask

        with deadline.holding(self._lock, _BUSY):
            features = self._model.preprocess(
                list(texts), prompt=self._document_prompt, task="document"
            )
        for module in self._model:
            if isinstance(module, MultiVectorMask):
                features = module(features, task="document")
        mask = features["attention_mask"].bool()
        return features["input_ids"][mask].numpy(), mask.sum(dim=1).numpy()

    def placed(
        self, tokens: TokenEmbeddings, texts: Sequence[str], deadline: Deadline
    ) -> TokenEmbeddings:
        """Return *tokens*, whose ids are known, with their places in the texts.

        A tokenizer that tells no places (a slow one) leaves them unknown.
        """
        if tokens.ids is None or not self._model.tokenizer.is_fast:
            return tokens
        prompt = self._document_prompt or ""
        with deadline.holding(self._lock, _BUSY):
            encoded = self._whole(texts, prompt, return_offsets_mapping=True)
        places = np.full((len(tokens.ids), 2), -1, dtype=np.int64)
        stops = np.cumsum(tokens.lengths).tolist()
        whole = zip(encoded["input_ids"], encoded["offset_mapping"], strict=True)
        for start, stop, (ids, offsets) in zip([0, *stops], stops, whole, strict=False):
            found = _aligned(tokens.ids[start:stop].tolist(), ids)
            for token, i in enumerate(found, start):
                if i is not None and (span := offsets[i])[0] < span[1]:
                    places[token] = np.array(span) - len(prompt)
        places[places[:, 0] < 0] = -1
        return TokenEmbeddings(tokens.values, tokens.lengths, tokens.ids, places)

    def spell(self, ids: IntArray) -> list[str]:
        """Return tokens as the tokenizer writes them."""
        tokens: list[str] = self._model.tokenizer.convert_ids_to_tokens(ids.tolist())
        return tokens

    @contextmanager
    def _computing(self, deadline: Deadline) -> Iterator[None]:
        """Have the model to oneself, and say in words what it raises."""
        smaller = "batch_size, query_length or document_length"
        with (
            forward("colbert", self._options.model, smaller=smaller),
            deadline.holding(self._lock, _BUSY),
        ):
            yield

    def _require_finite(self, values: FloatArray) -> None:
        require_finite(
            "colbert",
            self._options.model,
            values,
            what="token embeddings",
            dtype=str(self._model.dtype).removeprefix("torch."),
        )

    @property
    def _document_prompt(self) -> str | None:
        prompts = self._model.prompts
        return next((prompts[p] for p in _DOCUMENT_PROMPTS if p in prompts), None)

    def _count(self, texts: Sequence[str], prompt: str | None) -> IntArray:
        """Return how many tokens each text has before anything is cut off."""
        encoded = self._whole(texts, prompt or "", return_attention_mask=False)
        return np.array([len(ids) for ids in encoded["input_ids"]], dtype=np.int64)

    def _whole(
        self, texts: Sequence[str], prompt: str, **more: bool
    ) -> Mapping[str, Any]:
        """Tokenize texts with nothing cut off, and say in words what that raises."""
        with reading("colbert", self._options.model):
            encoded: Mapping[str, Any] = self._model.tokenizer(
                [f"{prompt}{text}" for text in texts],
                truncation=False,
                padding=False,
                verbose=False,
                **more,
            )
        return encoded


def _aligned(scored: Sequence[int], ids: Sequence[int]) -> list[int | None]:
    """Return where each scored token is among all tokens of its text.

    Those that are left out are so by what they are (punctuation), or stand at the end.
    A token that the model adds itself is among none.
    """
    found: list[int | None] = []
    at = 0
    for token in scored:
        try:
            at = ids.index(token, at)
        except ValueError:
            found.append(None)
        else:
            found.append(at)
            at += 1
    return found


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
