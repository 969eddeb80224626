"""Redaction: no pickle and no message holds a secret."""

from __future__ import annotations

import copyreg
import pickle
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Guarded", "quoted", "redacted", "require_no_secret", "secrets_in"]

_PARTS = {"defaults": ": its merger", "wrappers": ": one of its wrappers"}


class Guarded:
    """Base of a class that refuses by itself to be pickled with a secret in it."""


def secrets_in(value: object) -> Iterator[tuple[str, object]]:
    """Yield every secret that pickling *value* would write, and the way to it.

    A secret is what has a `get_secret_value`, as pydantic's do. What an object holds is
    what it gives to pickle: attributes, slots, items, and what those hold. Classes have
    nothing of their own to write, and what is `Guarded` looks after itself.
    """
    seen = set()
    todo = [("", value)]  # grows, and keeps all alive, so that no id is used twice
    for way, item in todo:
        if isinstance(item, str | bytes | int | float | type | Guarded | None):
            continue
        if id(item) in seen:
            continue
        seen.add(id(item))
        if hasattr(type(item), "get_secret_value"):
            yield way, item
        else:
            todo.extend(_inside(way, item))


def require_no_secret(state: Mapping[str, object], who: str) -> None:
    """Refuse to pickle a reranker with a secret in it.

    Args:
        state: Its attributes, as they are to be pickled.
        who: What messages call it.

    Raises:
        pickle.PicklingError: If that would write a secret.
    """
    for attribute, value in state.items():
        for way, _ in secrets_in(value):
            where = f" in {way!r}" if way else ""
            msg = (
                f"{who}{_PARTS.get(attribute, '')} holds a secret{where}, which is "
                "never pickled. Leave it out in a __getstate__ of the class."
            )
            raise pickle.PicklingError(msg)


def redacted(text: str, value: object) -> str:
    """Blank every secret in *value* out of *text*."""
    forms = {form for _, secret in secrets_in(value) for form in _forms(secret)}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, "***")
    return text


def quoted(value: object) -> str:
    """Return *value* as a message may show it: at most 80 characters.

    Of a table, and of a list with one in it, only the type: it may hold a key.
    """
    seen = set()
    todo = [value]  # grows; a list may hold itself
    for item in todo:
        if isinstance(item, Mapping):
            return type(value).__name__
        if isinstance(item, list | tuple | set | frozenset) and id(item) not in seen:
            seen.add(id(item))
            todo.extend(item)
    try:
        text = repr(value)
    except ValueError:  # an integer of thousands of digits
        return type(value).__name__
    return text if len(text) <= 80 else text[:77] + "..."


def _inside(way: str, item: object) -> Iterable[tuple[str, object]]:
    """Return the parts of *item* that pickle would write."""
    if type(item) is dict:
        return [(way, part) for pair in item.items() for part in pair]
    if type(item) in (list, tuple, set, frozenset):
        return [(way, part) for part in item]  # type: ignore[attr-defined]  # so it can
    reduce = copyreg.dispatch_table.get(type(item))
    try:
        reduced = reduce(item) if reduce else item.__reduce_ex__(4)
    except Exception:  # noqa: BLE001  # pickle cannot write it, and says so itself
        return []
    if isinstance(reduced, str):
        return []
    make, arguments, state, items, pairs, *rest = (*reduced, None, (), ())[:6]
    plain = [make, arguments, *(items or ()), *(pairs or ()), *rest]
    attributes: list[dict[object, object]] = []
    for some in state if _is_pair(state) else (state,):  # of the object, and its slots
        (attributes if isinstance(some, dict) else plain).append(some)
    return [
        *((way, part) for part in plain),
        *((f"{way}.{name}".lstrip("."), d[name]) for d in attributes for name in d),
    ]


def _is_pair(state: object) -> bool:
    """Tell whether *state* is what objects with slots have: two tables, or one."""
    return isinstance(state, tuple) and len(state) == 2


def _forms(secret: object) -> set[str]:
    """Return how the value of a secret may stand in a message."""
    value = secret.get_secret_value()  # type: ignore[attr-defined]  # that makes it one
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    quoted = repr(value).removeprefix("b")[1:-1] if text else ""
    return {text, quoted} - {""}
