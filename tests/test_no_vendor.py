from __future__ import annotations

import re
from pathlib import Path

CORE = Path(__file__).parents[1] / "core" / "resift"
VENDOR = re.compile(
    r"\b(jina|voyage|watsonx|mixedbread|pinecone|nvidia)\b", re.IGNORECASE
)


def test_the_core_knows_no_vendor():
    """Vendors are the plugins' business: no module of the core names one."""
    named = [
        str(path.relative_to(CORE))
        for path in sorted(CORE.rglob("*.py"))
        if VENDOR.search(path.read_text("utf-8"))
    ]

    assert named == []
