"""`Completion`: what a model said, read from the JSON of a chat server."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeGuard

from resift_llm.reasoning import without_reasoning
from resift_remote import WrongAnswerError, message_in, value_at

__all__ = ["Completion", "Token", "completion_in", "has_message", "is_withheld"]

_WITHHELD = re.compile("filter|safety|prohibited|blocked|moderation", re.IGNORECASE)
_FILTERED = re.compile(
    r"content.?(filter|policy|management)|responsible.?ai|moderation|flagged"
    r"|data.?inspection|inappropriate|prohibited.?content|safety",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A token of the answer, and what could have stood in its place.

    Args:
        text: The token.
        likely: The likeliest tokens at its place, and the logarithms of their
            probabilities.
    """

    text: str
    likely: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model said.

    Args:
        text: All it said, its reasoning included where the server leaves it in.
        tokens: The same in tokens; empty where the server does not tell.
    """

    text: str
    tokens: tuple[Token, ...] = ()

    @property
    def answer(self) -> str:
        """`text` with spaces instead of what was only thought."""
        return without_reasoning(self.text)


def completion_in(answer: object) -> Completion:
    """Return what the model said.

    Args:
        answer: The JSON of the answer.

    Raises:
        WrongAnswerError: If it said nothing, or not all it had to say.
    """
    if not isinstance(answer, Mapping):
        msg = "it is no JSON object"
        raise WrongAnswerError(msg)
    choice = value_at(answer, "choices.0")
    message = value_at(choice, "message")
    if not isinstance(choice, Mapping) or not isinstance(message, Mapping):
        msg = "it holds no choice with a message"
        raise WrongAnswerError(msg)
    _refuse_unfinished(choice.get("finish_reason"), message)
    text = _text(message.get("content"))
    if not text.strip():
        msg = "it holds no text"
        raise WrongAnswerError(msg)
    return Completion(text, _tokens(choice.get("logprobs")))


def has_message(answer: object) -> bool:
    """Return whether *answer* holds what a model said, and not an error instead."""
    choice = value_at(answer, "choices.0")
    failed = value_at(choice, "error") or value_at(choice, "finish_reason") == "error"
    return isinstance(value_at(choice, "message"), Mapping) and not failed


def is_withheld(error: object) -> bool:
    """Return whether the JSON of an error says that a content filter refuses a text."""
    said = [message_in(error)]
    said += [
        str(value_at(error, path)) for path in ("error.code", "error.type", "code")
    ]
    return any(map(_FILTERED.search, said))


def _refuse_unfinished(reason: object, message: Mapping[object, object]) -> None:
    if reason == "length":
        msg = (
            "it was cut short; raise 'max_tokens', or lower 'size' or 'max_characters'"
        )
        raise WrongAnswerError(msg)
    if isinstance(reason, str) and _WITHHELD.search(reason):
        msg = "a content filter withheld it"
        raise WrongAnswerError(msg)
    if message.get("refusal"):
        msg = "the model refuses to answer"
        raise WrongAnswerError(msg)


def _text(content: object) -> str:
    """Return the text of a message: a string, or a list of parts of several kinds."""
    if isinstance(content, list):
        parts = [part for part in content if isinstance(part, Mapping)]
        return "".join(
            part["text"] for part in parts if isinstance(part.get("text"), str)
        )
    return content if isinstance(content, str) else ""


def _tokens(logprobs: object) -> tuple[Token, ...]:
    listed = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    if not isinstance(listed, list):
        return ()
    entries = [entry for entry in listed if isinstance(entry, Mapping)]
    return tuple(
        Token(str(entry.get("token", "")), tuple(_likely(entry))) for entry in entries
    )


def _likely(entry: Mapping[object, object]) -> list[tuple[str, float]]:
    listed = entry.get("top_logprobs")
    others = listed if isinstance(listed, list) and listed else [entry]
    pairs = [(o.get("token"), o.get("logprob")) for o in others if _is_object(o)]
    return [
        (str(token), float(logarithm))
        for token, logarithm in pairs
        if _is_logarithm(logarithm)
    ]


def _is_object(value: object) -> TypeGuard[Mapping[str, object]]:
    return isinstance(value, Mapping)


def _is_logarithm(value: object) -> TypeGuard[float]:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and -1e9 <= value <= 0.01  # 0.01: a probability of 1, roughly; no NaN
    )
