"""Find the message in the JSON of an error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["message_in"]


def message_in(payload: object, paths: Sequence[str]) -> str:
    """Return the message in the JSON of an error, or ``""``.

    Args:
        payload: The JSON.
        paths: Where it may stand: dotted, a number reaching into a list. The first
            text found wins; of a list of problems, the ``msg`` of each, but never the
            input that it repeats.
    """
    for path in paths:
        value = payload
        for name in path.split("."):
            if isinstance(value, Mapping):
                value = value.get(name)
            elif isinstance(value, list) and name.isdigit() and int(name) < len(value):
                value = value[int(name)]
            else:
                value = None
        if isinstance(value, list):
            value = "; ".join(filter(None, map(_problem, value)))
        if isinstance(value, str) and value.strip():
            return value
    return ""


def _problem(entry: object) -> str:
    """Return one problem of FastAPI's list as ``field: message``."""
    if not isinstance(entry, Mapping) or not isinstance(entry.get("msg"), str):
        return entry if isinstance(entry, str) else ""
    location = entry.get("loc")
    where = ".".join(map(str, location)) if isinstance(location, list) else ""
    return f"{where}: {entry['msg']}" if where else str(entry["msg"])
