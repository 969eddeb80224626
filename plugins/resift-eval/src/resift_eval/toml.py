"""TOML: what an evaluation found, as lines to paste into a config."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from typing import Any

__all__ = ["key", "written"]


def key(name: str) -> str:
    """Return a key, in quotes where it needs them."""
    return name if re.fullmatch(r"[\w-]+", name, re.ASCII) else json.dumps(name)


def written(value: Any) -> str:  # noqa: ANN401  # plain data
    """Return plain data on one line.

    >>> written({"use": "bm25", "options": {"k1": 1.5, "tags": ["a", True]}})
    '{ use = "bm25", options = { k1 = 1.5, tags = ["a", true] } }'
    """
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{key(str(k))} = {written(v)}" for k, v in value.items())
        return f"{{ {pairs} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(written, value))}]"
    if isinstance(value, date):  # a datetime is one
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False)
