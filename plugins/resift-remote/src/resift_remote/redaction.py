"""Keep keys and texts out of what a server says."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

__all__ = ["blanked", "redacted"]

_LONGEST = 300  # characters of a server's message that are worth showing
_RUN = 16  # characters in a row that can be no accident


def blanked(text: str, secrets: Collection[str]) -> str:
    """Return *text* without the *secrets*."""
    for secret in filter(None, secrets):
        text = text.replace(secret, "[key]")
    return text


def redacted(message: str, secrets: Collection[str], texts: Sequence[str]) -> str:
    """Return a server's *message* without keys, queries or documents.

    Servers echo what they were sent, whole or in part: a key that is "incorrect", a
    document that is "too long". A key is blanked wherever it stands; of a text, every
    run of 16 characters, and the whole text where it stands as a word of its own.

    Args:
        message: What the server says.
        secrets: Keys and tokens.
        texts: The query and the documents that were sent.

    Returns:
        One line of at most about 300 characters.
    """
    message = " ".join(blanked(message, secrets).split())[:_LONGEST]
    lines = [" ".join(text.split()) for text in texts]
    for text in {line for line in lines if 0 < len(line) < _RUN}:
        message = re.sub(rf"(?<!\w){re.escape(text)}(?!\w)", "[text]", message)
    sent = "\0".join(lines)
    hidden = [False] * len(message)
    for start in range(len(message) - _RUN + 1):
        if message[start : start + _RUN] in sent:
            hidden[start : start + _RUN] = [True] * _RUN
    pairs = zip(message, hidden, strict=True)
    return re.sub("\0+", "[text]", "".join("\0" if hide else c for c, hide in pairs))
