"""Sphinx configuration: furo, MyST, warnings are errors (``sphinx-build -nW``)."""

from __future__ import annotations

import resift

project = "resift"
author = "the resift authors"
copyright = "the resift authors"  # noqa: A001  # Sphinx's name for it
version = release = resift.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["deflist", "dollarmath", "colon_fence"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = "resift"

autodoc_typehints = "none"  # the signature has them
autodoc_member_order = "bysource"
napoleon_use_rtype = False
nitpick_ignore_regex = [
    ("py:.*", r"(np|numpy|pa|pyarrow|pluggy|pydantic|lancedb|NDArray)\b.*"),
    ("py:.*", r"(Sequence|Mapping|Iterable|Executor|Self|ScoresLike|MergedLike)"),
    ("py:.*", r"(ArrayLike|TracebackType|Unpack|Options|Vectors|Recipe)"),
]
