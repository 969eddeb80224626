"""The README says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

README = Path(__file__).parents[1].joinpath("README.md").read_text("utf-8")


def test_the_examples_run():
    """One after another, as they stand on the page."""
    namespace: dict[str, object] = {}

    for source in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
        exec(source, namespace)  # noqa: S102  # our own page
