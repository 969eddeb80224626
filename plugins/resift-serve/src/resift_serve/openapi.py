"""What the server says of its paths, as OpenAPI."""

from __future__ import annotations

import re
from collections.abc import Iterable

import resift

__all__ = ["openapi"]

_NULLABLE_STRING = {"type": ["string", "null"]}
_REQUEST = {
    "type": "object",
    "required": ["query", "documents"],
    "properties": {
        "query": {"type": "string"},
        "documents": {
            "type": "array",
            "items": {"type": ["string", "object", "null"]},
            "description": "Also as texts, input, passages or inputs.",
        },
        "model": {**_NULLABLE_STRING, "description": "A name of the config."},
        "top_n": {"type": ["integer", "null"], "description": "Also as top_k; 0: all."},
        "return_documents": {"type": ["boolean", "null"]},
        "rank_fields": {"type": ["array", "null"], "items": {"type": "string"}},
        "raw_scores": {
            "type": ["boolean", "null"],
            "description": "Scores as the reranker gives them, not between 0 and 1.",
        },
        "explain": {"type": ["boolean", "null"]},
        "timeout": {"type": ["number", "null"], "description": "Seconds."},
        "instruction": _NULLABLE_STRING,
    },
}


def openapi(rankings: Iterable[str], pages: Iterable[str]) -> dict[str, object]:
    """Return the description.

    Args:
        rankings: The paths that rank.
        pages: The paths that are only read.
    """
    paths: dict[str, object] = {}
    content = {"application/json": {"schema": _REQUEST}}
    for path in rankings:
        paths[_templated(path)] = {
            "post": {
                "summary": "Rank documents by a query.",
                "requestBody": {"required": True, "content": content},
                "responses": {"200": {"description": "The ranking."}},
            }
        }
    for path in pages:
        paths[path] = {"get": {"responses": {"200": {"description": "As its name."}}}}
    info = {"title": "resift", "version": resift.__version__}
    return {"openapi": "3.1.0", "info": info, "paths": paths}


def _templated(path: str) -> str:
    return re.sub(r":path}", "}", path)
