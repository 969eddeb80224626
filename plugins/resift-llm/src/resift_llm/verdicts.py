"""Read a grade out of what a model said: by its form, never by any digit or word."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import accumulate

from resift_llm.completion import Completion
from resift_llm.scales import Grade, Scale
from resift_remote import WrongAnswerError

__all__ = ["read_grade"]

_CALLED = r"(?:grade|score|rating|relevan(?:ce|t)|answer|judge?ment|label|verdict)"


def read_grade(completion: Completion, scale: Scale) -> Grade:
    """Return the grade of a passage, the mean of the likely ones where they are told.

    A label counts as the field of a JSON object (the last one), after a word such as
    "Grade:", at the head of a line before a full stop, comma or the like, or alone. A
    number or a "no" in a sentence does not.

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
    found = _label(completion.answer, scale)
    likely = _likely_at(completion, found.start(1))
    mean = _mean(likely, scale)
    if mean is not None:
        return Grade(mean, weighed=True)
    if scale.must_weigh:
        msg = "it came without 'logprobs', which scale 'yes-no' needs; take 'grades'"
        raise WrongAnswerError(msg)
    return Grade(scale.values[found[1].casefold()], weighed=False)


def _label(text: str, scale: Scale) -> re.Match[str]:
    """Return where the label stands.

    Raises:
        WrongAnswerError: If it holds no label of the scale, or several.
    """
    label = rf"({'|'.join(scale.values)})(?!\w|[./]\d)"
    fields = list(re.finditer(rf'"{scale.field}"\s*:\s*"?{label}', text, re.IGNORECASE))
    if fields:
        return fields[-1]
    forms = (
        rf"\b{_CALLED}\W*(?:(?:is|of|as)\W+)?(?<![-.\d]){label}",
        rf"^[^\w\n-]*{label}[^\S\n]*(?=[^\w\s/]|$)",
    )
    for form in forms:
        found = list(re.finditer(form, text, re.IGNORECASE | re.MULTILINE))
        if len({match[1].casefold() for match in found}) > 1:
            msg = "it holds several grades"
            raise WrongAnswerError(msg)
        if found:
            return found[-1]
    first = next(iter(scale.values))
    example = f'{{"{scale.field}": {first if first.isdigit() else repr(first)}}}'
    msg = f"it holds no grade, such as {example}".replace("'", '"')
    raise WrongAnswerError(msg)


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
