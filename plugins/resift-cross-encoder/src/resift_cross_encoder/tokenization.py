"""From texts to `Pairs`: the fast way for plain text, the model's own for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from resift_cross_encoder.pairs import Layout, Pairs
from resift_cross_encoder.prompted import PromptedTokenizer
from resift_cross_encoder.template import Template, TemplateTokenizer

if TYPE_CHECKING:
    import sentence_transformers

__all__ = ["PairTokenizer", "chats", "tokenizer_of"]


class PairTokenizer(Protocol):
    """Turns queries and their documents into token ids."""

    layout: Layout
    max_length: int

    def encode(
        self,
        queries: Sequence[str],
        documents: Sequence[Sequence[str]],
        prompt: str | None = None,
    ) -> Pairs:
        """Return every query with each of its documents, in that order.

        Args:
            queries: The queries.
            documents: Those of each query.
            prompt: What stands in the place of the tokenizer's own prompt.
        """
        ...

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where each token of *text* begins and ends, in characters."""
        ...


def chats(model: sentence_transformers.CrossEncoder) -> bool:
    """Return whether a chat template joins the texts, as language models have them."""
    return "message" in getattr(model[0], "modality_config", ())


def tokenizer_of(
    model: sentence_transformers.CrossEncoder, max_length: int, prompt: str | None
) -> PairTokenizer:
    """Return the fastest tokenizer that gives the model the tokens it expects.

    Args:
        model: The loaded model.
        max_length: The most tokens of one pair.
        prompt: Text that goes before the query.
    """
    from sentence_transformers.base.modules import Transformer

    module, tokenizer = model[0], model.tokenizer
    plain = (
        isinstance(module, Transformer)
        and "text" in module.modality_config
        and not chats(model)
        and not module.processing_kwargs
    )
    if plain and getattr(tokenizer, "is_fast", False):
        template = Template.of(tokenizer.backend_tokenizer)
        if template is not None:
            return TemplateTokenizer(model, template, max_length, prompt or "")
    return PromptedTokenizer(model, max_length, prompt)
