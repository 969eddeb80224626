"""`Engine`: a loaded model, from texts to scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from resift.scores import Scores
from resift_cross_encoder.batches import batches
from resift_cross_encoder.checkpoint import load_checkpoint, longest_pair
from resift_cross_encoder.deadline import Deadline
from resift_cross_encoder.head import Head, head_of
from resift_cross_encoder.pairs import IntArray, Pairs
from resift_cross_encoder.runtime import Runtime, placed, runtime_of
from resift_cross_encoder.tokenization import PairTokenizer, tokenizer_of
from resift_local import metered

if TYPE_CHECKING:
    import sentence_transformers

    from resift_cross_encoder.reranker import CrossEncoder

__all__ = ["Engine"]


@dataclass(frozen=True, slots=True)
class Engine:
    """A loaded model: immutable, so that many threads can use it at once.

    Args:
        tokenizer: From texts to pairs.
        runtime: From pairs to logits.
        head: From logits to scores.
    """

    tokenizer: PairTokenizer
    runtime: Runtime
    head: Head

    @classmethod
    def load(cls, options: CrossEncoder) -> Engine:
        """Load what *options* name.

        Raises:
            ModelError: If the model cannot be loaded or used so.
        """
        backend, device = placed(options)
        model = load_checkpoint(options, device)
        head = head_of(model, options.activation, options.label)
        max_length = longest_pair(model, options.max_length)
        tokenizer = tokenizer_of(model, max_length, _prompt(model, options.prompt))
        runtime = runtime_of(model, tokenizer.layout, backend, options)
        return cls(tokenizer, runtime, head)

    def score(
        self,
        queries: Sequence[str],
        documents: Sequence[Sequence[str]],
        options: CrossEncoder,
        deadline: Deadline,
    ) -> list[Scores]:
        """Score the documents of each query, the pairs of all queries together."""
        pairs = self.tokenizer.encode(queries, documents)
        batches = metered(
            "cross-encoder",
            self.plan(pairs, options),
            deadline,
            unit="pair",
            done="documents were scored",
            show=options.show_progress,
        )
        values = self.head(self.runtime.logits(pairs, batches))
        ends = np.cumsum([len(texts) for texts in documents])
        parts = np.split(np.arange(len(pairs)), ends[:-1])
        return [
            Scores(values[part], *_truncation(pairs, part, self.tokenizer.max_length))
            for part in parts
        ]

    def plan(self, pairs: Pairs, options: CrossEncoder) -> list[IntArray]:
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


def _prompt(
    model: sentence_transformers.CrossEncoder, prompt: str | None
) -> str | None:
    """Return the text of the prompt: given, by its name in the model, or its own."""
    if prompt is None:
        name = model.default_prompt_name
        return model.prompts.get(name) if name else None
    return model.prompts.get(prompt, prompt)


def _truncation(
    pairs: Pairs, rows: IntArray, max_length: int
) -> tuple[dict[str, IntArray], tuple[str, ...]]:
    """Return the column and the notes that say what the model did not read."""
    cut, query_cut = pairs.cut[rows], pairs.query_cut[rows]
    columns, notes = {}, []
    if cut.any():
        columns["tokens_cut"] = cut
        notes.append(
            f"cross-encoder: {np.count_nonzero(cut)} of {len(rows)} documents do not "
            f"fit into the {max_length} tokens that the model reads: {cut.sum()} "
            "tokens were cut."
        )
    if query_cut.any():
        notes.append(
            f"cross-encoder: the query was cut by up to {query_cut.max()} tokens to "
            f"fit, with a document, into the {max_length} that the model reads."
        )
    return columns, tuple(notes)
