"""Joining two texts as a model wants them: each tokenised once, then put together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from resift.errors import ModelError
from resift_cross_encoder.padding import pads_left, settle_padding
from resift_cross_encoder.pairs import IntArray, Layout, Pairs

if TYPE_CHECKING:
    import sentence_transformers
    from tokenizers import Tokenizer

__all__ = ["Template", "TemplateTokenizer"]


@dataclass(frozen=True, slots=True)
class Template:
    """What the model wants around and between the two texts of a pair.

    Args:
        ids: The special tokens before, between and after, each shape ``(n,)``.
        types: Their token types, and after those the types of query and document.
    """

    ids: tuple[list[int], list[int], list[int]]
    types: tuple[list[int], list[int], list[int], int, int]

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> Template | None:
        """Read it off one pair; None where it is not three fixed pieces."""
        tokenizer.no_truncation()
        tokenizer.no_padding()
        query = tokenizer.encode("a", add_special_tokens=False)
        document = tokenizer.encode("b c", add_special_tokens=False)
        pair = tokenizer.encode("a", "b c")
        owners = pair.sequence_ids
        n, m = len(query.ids), len(document.ids)
        if not (n and m and 0 in owners and 1 in owners):
            return None
        q, d = owners.index(0), owners.index(1)
        if pair.ids[q : q + n] != query.ids or pair.ids[d : d + m] != document.ids:
            return None
        if d < q + n or owners.count(0) != n or owners.count(1) != m:
            return None
        pieces = slice(0, q), slice(q + n, d), slice(d + m, None)
        before, between, after = (pair.ids[piece] for piece in pieces)
        types = [pair.type_ids[piece] for piece in pieces]
        of_texts = pair.type_ids[q], pair.type_ids[d]
        return cls((before, between, after), (types[0], types[1], types[2], *of_texts))

    @property
    def n_special(self) -> int:
        return sum(map(len, self.ids))

    def join(self, query: IntArray, document: IntArray) -> IntArray:
        before, between, after = self.ids
        parts = (before, query, between, document, after)
        return np.concatenate(parts, dtype=np.int64, casting="unsafe")

    def types_of(self, n_query: int, n_document: int) -> IntArray:
        before, between, after, query, document = self.types
        parts = (before, [query] * n_query, between, [document] * n_document, after)
        return np.concatenate(parts, dtype=np.int64, casting="unsafe")


class TemplateTokenizer:
    """Tokenises each text once, then joins query and document by the template.

    Its tokens are those that the tokenizer gives for the pair, truncated from the
    longer of both (``longest_first``).

    Args:
        model: The loaded model; its tokenizer's truncation and padding are turned off.
        template: What goes around and between.
        max_length: The most tokens of one pair.
        prompt: Text that goes before the query.

    Raises:
        ModelError: If *max_length* leaves no room for the texts.
    """

    def __init__(
        self,
        model: sentence_transformers.CrossEncoder,
        template: Template,
        max_length: int,
        prompt: str,
    ) -> None:
        tokenizer = model.tokenizer
        self.layout = Layout(
            pad_id=settle_padding(model, next(iter(template.ids[2][-1:]), None)),
            pad_left=pads_left(model),
            types="token_type_ids" in tokenizer.model_input_names,
        )
        least = template.n_special + 2  # a token of either text
        if max_length < least:
            msg = (
                f"option 'max_length' must be at least {least} for this "
                f"model, got {max_length}."
            )
            raise ModelError(msg, who="cross-encoder")
        self.max_length = max_length
        self._backend: Tokenizer = tokenizer.backend_tokenizer
        self._keep_end = tokenizer.truncation_side == "left"
        self._template = template
        self._prompt = prompt

    def encode(
        self,
        queries: Sequence[str],
        documents: Sequence[Sequence[str]],
        prompt: str | None = None,
    ) -> Pairs:
        """Return every query with each of its documents, in that order."""
        before = self._prompt if prompt is None else prompt
        asked = [before + query for query in queries]
        known = self._tokens([*asked, *(text for texts in documents for text in texts)])
        room = self.max_length - self._template.n_special
        ids: list[IntArray] = []
        types: list[IntArray] = []
        cut: list[tuple[int, int]] = []
        for query, texts in zip(asked, documents, strict=True):
            for text in texts:
                whole = known[query], known[text]
                sizes = _longest_first(len(whole[0]), len(whole[1]), room)
                kept = (
                    self._shorten(whole[0], sizes[0]),
                    self._shorten(whole[1], sizes[1]),
                )
                ids.append(self._template.join(*kept))
                if self.layout.types:
                    types.append(self._template.types_of(*sizes))
                cut.append((len(whole[0]) - sizes[0], len(whole[1]) - sizes[1]))
        cuts = np.array(cut, dtype=np.int64).reshape(-1, 2)
        return Pairs(
            ids,
            types if self.layout.types else None,
            cut=cuts[:, 1],
            query_cut=cuts[:, 0],
            layout=self.layout,
        )

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where each token of *text* begins and ends, in characters."""
        offsets: list[tuple[int, int]] = self._backend.encode(
            text, add_special_tokens=False
        ).offsets
        return offsets

    def _tokens(self, texts: Iterable[str]) -> dict[str, IntArray]:
        """Return the token ids of each distinct text."""
        distinct = list(dict.fromkeys(texts))
        found = self._backend.encode_batch_fast(distinct, add_special_tokens=False)
        return {
            text: np.array(encoding.ids, dtype=np.int64)
            for text, encoding in zip(distinct, found, strict=True)
        }

    def _shorten(self, tokens: IntArray, n: int) -> IntArray:
        return tokens[len(tokens) - n :] if self._keep_end else tokens[:n]


def _longest_first(n_query: int, n_document: int, room: int) -> tuple[int, int]:
    """Return how many tokens of both fit into *room*, taken from the longer one."""
    if n_query + n_document <= room:
        return n_query, n_document
    short = min(n_query, n_document, room // 2)
    if n_query <= n_document:
        return short, room - short
    return room - short, short
