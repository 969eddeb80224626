"""Read a ranking or a grade out of what a model said, however it says it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from itertools import accumulate

from resift_llm.completion import Completion
from resift_llm.scales import Grade, Scale
from resift_remote import WrongAnswerError

__all__ = ["read_grade", "read_ranking"]

_DIGITS = re.compile(r"(?<!\d)\d{1,9}(?!\d)")
_NUMBER = re.compile(r"\D*(\d{1,9})\D*")
_BRACKETED = re.compile(r"\[([\d,\s]+)\]")


def read_ranking(completion: Completion, n_passages: int) -> list[int]:
    """Return the positions of the passages, best first, from 0.

    The numbers are those of ``{"ranking": [2, 1, 3]}``, else those in brackets, such as
    ``[2] > [1] > [3]``, else any. A repeated number counts where it stands first, and
    one that is no passage's does not count.

    Args:
        completion: What the model said.
        n_passages: How many passages there are, numbered from 1.

    Raises:
        WrongAnswerError: If it holds no passage's number.
    """
    text = completion.text[completion.reasoning :]
    said = _listed(text)
    if said is None:
        said = _DIGITS.findall(" ".join(_BRACKETED.findall(text)) or text)
    numbers = dict.fromkeys(number for item in said if (number := _number(item)))
    ranked = [number - 1 for number in numbers if number <= n_passages]
    if not ranked:
        msg = f"it holds no number of the {n_passages} passages"
        raise WrongAnswerError(msg)
    return ranked


def read_grade(completion: Completion, scale: Scale) -> Grade:
    """Return the grade of a passage, the mean of the likely ones where they are told.

    The mean weighs each label of the scale by its probability where the grade stands:
    what Zhuang et al. call expected relevance.

    Args:
        completion: What the model said.
        scale: Labels, and what each is worth.

    Raises:
        WrongAnswerError: If it holds no label of the scale, or several, or tells no
            probability where there must be one.

    References:
        Zhuang et al., "Beyond Yes and No: Improving Zero-Shot LLM Rankers via Scoring
        Fine-Grained Relevance Labels", NAACL 2024, equations 1 and 2.
        https://arxiv.org/abs/2310.14122
    """
    text = completion.text[completion.reasoning :]
    label = rf"(?<![\w.-])({'|'.join(scale.values)})(?!\w|\.\d)"
    found = list(re.finditer(rf'"{scale.field}"\s*:\s*"?{label}', text, re.IGNORECASE))
    found = found or list(re.finditer(label, text, re.IGNORECASE))
    if len({match[1].casefold() for match in found}) != 1:
        msg = f"it holds {'several grades' if found else 'no grade'}"
        raise WrongAnswerError(msg)
    likely = _likely_at(completion, completion.reasoning + found[-1].start(1))
    mean = _mean(likely, scale)
    if mean is not None:
        return Grade(mean, weighed=True)
    if scale.must_weigh:
        msg = "it came without 'logprobs', which scale 'yes-no' needs; take 'grades'"
        raise WrongAnswerError(msg)
    return Grade(scale.values[found[-1][1].casefold()], weighed=False)


def _listed(text: str) -> Sequence[object] | None:
    """Return the list ``ranking`` of the first JSON object that has one."""
    decoder = json.JSONDecoder()
    for brace in re.finditer(r"\{", text):
        try:
            value, _ = decoder.raw_decode(text, brace.start())
        except (ValueError, RecursionError):
            continue
        ranking = value.get("ranking") if isinstance(value, Mapping) else None
        if isinstance(ranking, list):
            return ranking
    return None


def _number(item: object) -> int:
    """Return a passage's number, or 0: ``3``, ``"3"`` and ``"[3]"`` are 3."""
    if isinstance(item, int) and not isinstance(item, bool):
        return max(item, 0)
    found = _NUMBER.fullmatch(item) if isinstance(item, str) else None
    return int(found[1]) if found else 0


def _likely_at(completion: Completion, place: int) -> tuple[tuple[str, float], ...]:
    """Return the likely tokens at a character of the text; none where unknown."""
    spoken = "".join(token.text for token in completion.tokens)
    head = spoken.rfind(completion.text)  # reasoning may be listed, and not said
    if head < 0:
        return ()
    ends = accumulate(len(token.text) for token in completion.tokens)
    pairs = zip(completion.tokens, ends, strict=True)
    return next(token.likely for token, end in pairs if head + place < end)


def _mean(likely: Sequence[tuple[str, float]], scale: Scale) -> float | None:
    """Return the mean of a scale's values, or None where no label is likely."""
    total = weighted = 0.0
    for token, logarithm in likely:
        value = scale.values.get(token.strip(' \t\r\n"{}:,').casefold())
        if value is not None:
            probability = math.exp(logarithm)
            total += probability
            weighted += probability * value
    return weighted / total if total else None
