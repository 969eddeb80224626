"""Leaving a pair to the model's own preprocessing: chat templates and the like."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from resift_cross_encoder.padding import needs_positions, pads_left, settle_padding
from resift_cross_encoder.pairs import IntArray, Layout, Pairs

if TYPE_CHECKING:
    import sentence_transformers

__all__ = ["PromptedTokenizer"]

_UNLIMITED = 1_000_000  # tokens
_SCALARS = (str, int, float, bool)


class PromptedTokenizer:
    """Asks the model's own preprocessing, one pair at a time.

    For what plain joining cannot do: chat templates of language models, prompts that
    become a system message, tokenizers without a fast implementation.

    Args:
        model: The loaded model.
        max_length: The most tokens of one pair.
        prompt: The instruction.
    """

    def __init__(
        self,
        model: sentence_transformers.CrossEncoder,
        max_length: int,
        prompt: str | None,
    ) -> None:
        self.max_length = max_length
        self._model = model
        self._prompt = prompt
        self._lock = threading.Lock()  # the tokenizer's truncation is shared state
        pad_id = settle_padding(model)
        sample = self._features("a", "b", _UNLIMITED, prompt)
        self.layout = Layout(
            pad_id=pad_id,
            pad_left=pads_left(model),
            types="token_type_ids" in sample,
            positions=needs_positions(model),
            extra={k: v for k, v in sample.items() if isinstance(v, _SCALARS)},
        )

    def encode(
        self,
        queries: Sequence[str],
        documents: Sequence[Sequence[str]],
        prompt: str | None = None,
    ) -> Pairs:
        """Return every query with each of its documents, in that order."""
        prompt = self._prompt if prompt is None else prompt
        ids: list[IntArray] = []
        types: list[IntArray] = []
        cut: list[int] = []
        for query, texts in zip(queries, documents, strict=True):
            for text in texts:
                row = self._features(query, text, _UNLIMITED, prompt)
                n_tokens = len(_first(row["input_ids"]))
                if n_tokens > self.max_length:
                    row = self._features(query, text, self.max_length, prompt)
                ids.append(_first(row["input_ids"]))
                if self.layout.types:
                    types.append(_first(row["token_type_ids"]))
                cut.append(n_tokens - len(ids[-1]))
        return Pairs(
            ids,
            types if self.layout.types else None,
            cut=np.array(cut, dtype=np.int64),
            query_cut=np.zeros(len(ids), dtype=np.int64),
            layout=self.layout,
        )

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where each token of *text* begins and ends, in characters.

        A tokenizer without a fast implementation does not say; four letters a token
        is about what English has.
        """
        tokenizer = self._model.tokenizer
        if not getattr(tokenizer, "is_fast", False):
            return [match.span() for match in re.finditer(r"\S{1,4}", text)]
        with self._lock:
            encoded = tokenizer(
                text,
                add_special_tokens=False,
                truncation=False,
                return_offsets_mapping=True,
                verbose=False,
            )
        return [(start, end) for start, end in encoded["offset_mapping"]]

    def _features(
        self, query: str, document: str, most: int, prompt: str | None
    ) -> dict[str, object]:
        with self._lock:
            features: dict[str, object] = self._model.preprocess(
                [(query, document)],
                prompt=prompt,
                processing_kwargs={"text": {"max_length": most}},
            )
        return features


def _first(batch: object) -> IntArray:
    """Return the only row of a tensor, shape ``(n_tokens,)``."""
    row: IntArray = np.asarray(batch)[0].astype(np.int64)
    return row
