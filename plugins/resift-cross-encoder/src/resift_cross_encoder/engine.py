"""`Engine`: a loaded model, from texts to scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from resift import Scores
from resift_cross_encoder.batches import batches
from resift_cross_encoder.checkpoint import load_checkpoint
from resift_cross_encoder.deadline import Deadline
from resift_cross_encoder.head import FloatArray, Head, head_of
from resift_cross_encoder.pairs import IntArray, Pairs
from resift_cross_encoder.runtime import Runtime, placed, runtime_of
from resift_cross_encoder.tokenization import PairTokenizer, chats, tokenizer_of
from resift_local import (
    forward,
    metered,
    readable,
    reading,
    require_finite,
    tokens_cut,
    truncation,
)

if TYPE_CHECKING:
    import sentence_transformers

    from resift_cross_encoder.options import Options

__all__ = ["Engine"]


@dataclass(frozen=True, slots=True)
class Engine:
    """A loaded model: immutable, so that many threads can use it at once.

    Args:
        tokenizer: From texts to pairs.
        runtime: From pairs to logits.
        head: From logits to scores.
        prompts: The prompts that came with the model, by name.
        chats: Whether the prompt is a message of its own, not text before the query.
    """

    tokenizer: PairTokenizer
    runtime: Runtime
    head: Head
    prompts: Mapping[str, str]
    chats: bool

    @classmethod
    def load(cls, options: Options) -> Engine:
        """Load what *options* name.

        Raises:
            ModelError: If the model cannot be loaded or used so.
        """
        backend, device = placed(options)
        model = load_checkpoint(options, device)
        head = head_of(model, options.activation, options.label)
        max_length = readable("cross-encoder", model, options.max_length)
        tokenizer = tokenizer_of(model, max_length, _prompt(model, options.prompt))
        runtime = runtime_of(model, tokenizer.layout, backend, options)
        prompts = {name: text for name, text in model.prompts.items() if text}
        return cls(tokenizer, runtime, head, prompts, chats(model))

    @property
    def reads_instruction(self) -> bool:
        """Whether the model was made to be told what counts as relevant."""
        return self.chats or bool(self.prompts)

    def score(
        self,
        queries: Sequence[str],
        documents: Sequence[Sequence[str]],
        options: Options,
        deadline: Deadline,
        instruction: str | None = None,
    ) -> list[Scores]:
        """Score the documents of each query, the pairs of all queries together."""
        pairs = self._encoded(queries, documents, options, instruction)
        batches = metered(
            "cross-encoder",
            self.plan(pairs, options),
            deadline,
            unit="pair",
            done="documents were scored",
            show=options.show_progress,
        )
        empty = pairs.lengths == 0
        with self._computing(options):
            logits = self.runtime.logits(pairs, batches)
        logits[empty] = 0.0  # never computed
        self._require_finite(logits, options)
        with self._computing(options):
            values = self.head(logits)
        self._require_finite(values, options)  # an activation of the model's own
        values[empty] = np.nan
        ends = np.cumsum([len(texts) for texts in documents])
        parts = np.split(np.arange(len(pairs)), ends[:-1])
        return [self._answer(pairs, part, values[part], logits[part]) for part in parts]

    def plan(self, pairs: Pairs, options: Options) -> list[IntArray]:
        """Return the batches in which *pairs* are computed."""
        budget = options.token_budget
        if budget is None and options.batch_size is None:
            budget = self.runtime.token_budget
        return batches(
            pairs.lengths,
            token_budget=budget,
            batch_size=options.batch_size,
            n_parallel=self.runtime.n_parallel,
            width=self.runtime.width,
        )

    def _encoded(
        self,
        queries: Sequence[str],
        documents: Sequence[Sequence[str]],
        options: Options,
        instruction: str | None,
    ) -> Pairs:
        prompt = None
        if instruction is not None:
            prompt = self.prompts.get(instruction, instruction)
        with reading("cross-encoder", options.model):
            return self.tokenizer.encode(queries, documents, prompt)

    @staticmethod
    def _computing(options: Options) -> AbstractContextManager[None]:
        smaller = "token_budget, batch_size or max_length"
        return forward("cross-encoder", options.model, smaller=smaller)

    def _require_finite(self, values: FloatArray, options: Options) -> None:
        require_finite(
            "cross-encoder",
            options.model,
            values,
            what="scores",
            dtype=self.runtime.dtype,
        )

    def _answer(
        self, pairs: Pairs, rows: IntArray, values: FloatArray, logits: FloatArray
    ) -> Scores:
        """Return the scores of one query, with what the model did not read."""
        reads = self.tokenizer.max_length
        columns, notes = truncation(
            "cross-encoder",
            pairs.cut[rows],
            int(pairs.query_cut[rows].max(initial=0)),
            reads=(reads, reads),
        )
        if empty := np.count_nonzero(np.isnan(values)):
            note = (
                f"cross-encoder: {empty} of {len(rows)} documents have no tokens, nor "
                "has the query: they were not scored."
            )
            notes = (*notes, note)
        usage = {"input_tokens": int(pairs.lengths[rows].sum()), **tokens_cut(columns)}
        return Scores(values, columns, notes, self.head.order(values, logits), usage)


def _prompt(
    model: sentence_transformers.CrossEncoder, prompt: str | None
) -> str | None:
    """Return the text of the prompt: given, by its name in the model, or its own."""
    if prompt is None:
        name = model.default_prompt_name
        return model.prompts.get(name) if name else None
    return model.prompts.get(prompt, prompt)
