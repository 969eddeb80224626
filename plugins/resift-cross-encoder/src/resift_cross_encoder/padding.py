"""One padding token for the tokenizer and for the model.

A causal classifier scores the last token that is no padding, which it finds by the
padding id in its config. Where the tokenizer fills rows up with another id, or the
config has none, the score of a short row in a batch would be that of its padding.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from resift_local import learnt_positions

if TYPE_CHECKING:
    import sentence_transformers

__all__ = ["needs_positions", "pads_left", "settle_padding"]

_SPARE = ("pad_token_id", "eos_token_id", "bos_token_id", "unk_token_id")


def settle_padding(
    model: sentence_transformers.CrossEncoder, last: int | None = None
) -> int:
    """Return the padding id, known to the model and its tokenizer from now on.

    The model's own where it has one: that is what it was trained with. Else a token
    that cannot end a row, so that no row loses its last token to it.

    Args:
        model: The loaded model.
        last: The token that ends every row, if one does.
    """
    tokenizer = model.tokenizer
    config = _text_config(model)
    configured = getattr(config, "pad_token_id", None)
    size = getattr(config, "vocab_size", None) or len(tokenizer)
    found = next(_usable([configured], size), None)
    if found is None:
        spare = (getattr(tokenizer, name, None) for name in _SPARE)
        fitting = (i for i in _usable([*spare, *range(2)], size) if i != last)
        found = next(fitting, 0)
    if config is not None:
        config.pad_token_id = found
    if tokenizer.pad_token_id != found:
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(found)
    return found


def pads_left(model: sentence_transformers.CrossEncoder) -> bool:
    """Return whether short rows are filled up in front.

    A language model is asked at its last position, so that they must be. A classifier
    that has learnt its positions would read every short row at other ones.
    """
    if model.tokenizer.padding_side != "left":
        return False
    task: str = getattr(model[0], "transformer_task", "")
    return task != "sequence-classification" or learnt_positions(model) is None


def needs_positions(model: sentence_transformers.CrossEncoder) -> bool:
    """Return whether the model must be told where each token stands.

    A language model that has learnt its positions counts them from the padding in
    front, so that a short row would score differently in a batch.
    """
    if not pads_left(model) or learnt_positions(model) is None:
        return False
    transformer: Any = model[0]
    return "position_ids" in inspect.signature(transformer.model.forward).parameters


def _text_config(model: sentence_transformers.CrossEncoder) -> Any:  # noqa: ANN401  # transformers has a class for each model
    config: Any = getattr(getattr(model[0], "model", None), "config", None)
    return config.get_text_config() if hasattr(config, "get_text_config") else config


def _usable(ids: Iterable[object], size: int) -> Iterator[int]:
    """Yield the ids that the model has a row for; -1 is how some say *none*."""
    return (i for i in ids if isinstance(i, int) and 0 <= i < size)
