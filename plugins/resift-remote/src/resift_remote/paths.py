"""Dotted names: how an option reaches into nested JSON."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["put_at", "value_at"]


def value_at(value: object, path: str) -> object:
    """Return what stands at a dotted *path*, or None; a number reaches into a list.

    >>> value_at({"output": {"results": [7, 8]}}, "output.results.1")
    8
    """
    for name in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(name)
        elif isinstance(value, list) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def put_at(body: dict[str, object], path: str, value: object) -> None:
    """Set the field at a dotted *path*; neither ``""`` nor None is sent.

    >>> body = {"query": "capital"}
    >>> put_at(body, "parameters.return_options.top_n", 3)
    >>> body
    {'query': 'capital', 'parameters': {'return_options': {'top_n': 3}}}

    Raises:
        ValueError: If it reaches into what is not an object.
    """
    if not path or value is None:
        return
    *parents, name = path.split(".")
    for parent in parents:
        inner = body.setdefault(parent, {})
        if not isinstance(inner, dict):
            msg = f"{path!r} reaches into {parent!r}, which is not an object."
            raise ValueError(msg)  # noqa: TRY004  # the dialect is wrong, not a type
        body = inner
    body[name] = value
