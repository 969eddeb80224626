"""Find what a model only thought, wherever a server leaves it in the answer."""

from __future__ import annotations

import re

__all__ = ["without_reasoning"]

_WORDS = r"(?:think(?:ing)?|thoughts?|reason(?:ing)?|reflection|analysis|scratchpad)"
_OPEN = re.compile(
    rf"<(?:\w+:)?{_WORDS}>|\[{_WORDS}\]|◁{_WORDS}▷|<\|(?:begin|start)_of_thought\|>"
    r"|<\|channel\|>\s*(?:analysis|commentary)",
    re.IGNORECASE,
)
_CLOSE = re.compile(
    rf"</(?:\w+:)?{_WORDS}>|\[/{_WORDS}\]|◁/{_WORDS}▷|<\|end_of_thought\|>"
    r"|<\|channel\|>\s*final\b[^<]*<\|message\|>|\bassistantfinal(?=\W)",
    re.IGNORECASE,
)


def without_reasoning(text: str) -> str:
    """Return *text* with spaces instead of reasoning, so that every place stays.

    Reasoning stands in ``<think>``, ``<thinking>``, ``<reasoning>``, ``[THINK]`` and
    the like, or in a channel of gpt-oss before ``final``. What comes before a closing
    mark is reasoning even where the opening one was part of the prompt; what is never
    closed is reasoning to its end.

    >>> without_reasoning("<think>[1]?</think>[2]").strip()
    '[2]'
    >>> without_reasoning("[2] <think>[1] is").strip()
    '[2]'
    """
    closed = [match.end() for match in _CLOSE.finditer(text)]
    if closed and text[closed[-1] :].strip():
        text = " " * closed[-1] + text[closed[-1] :]
    elif closed:  # the answer came first
        opened = _OPEN.search(text)
        start = opened.start() if opened else 0
        text = text[:start] + " " * (closed[-1] - start) + text[closed[-1] :]
    if opened := _OPEN.search(text):
        text = text[: opened.start()].ljust(len(text))
    return text
