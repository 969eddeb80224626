"""Incidents: what is degraded now. Each is logged when it begins and when it ends."""

from __future__ import annotations

import logging
import threading

import numpy as np
import pyarrow as pa

from resift.arrow import OURS
from resift.errors import InputError
from resift.notes import DEGRADED

__all__ = ["began", "ended", "with_mark"]

_log = logging.getLogger("resift")
_lock = threading.Lock()
_ongoing: set[str] = set()


def began(what: str, why: str) -> None:
    """Warn that *what* is degraded, once until it has `ended`.

    Args:
        what: What is degraded; it tells incidents apart.
        why: What happened, without a text or a key.
    """
    with _lock:
        if what in _ongoing:
            return
        _ongoing.add(what)
    _log.warning("%s is degraded: %s", what, why)


def ended(what: str) -> None:
    """Tell that *what* is whole again, where it was not."""
    if what not in _ongoing:
        return
    with _lock:
        if what not in _ongoing:
            return
        _ongoing.discard(what)
    _log.info("%s is whole again", what)


def with_mark(rows: pa.Table, *, degraded: bool) -> pa.Table:
    """Add the column that says of each row whether its answer is degraded.

    Raises:
        InputError: If there is a column of that name.
    """
    mark = pa.array(np.full(len(rows), degraded))
    if DEGRADED not in (names := rows.column_names):
        return rows.append_column(pa.field(DEGRADED, mark.type, metadata=OURS), mark)
    field = rows.schema.field(DEGRADED)
    if (field.metadata or {}).items() < OURS.items():
        msg = (
            f"degraded=True adds a column {DEGRADED!r}, which the results already have."
        )
        raise InputError(msg)
    return rows.set_column(names.index(DEGRADED), field, mark)
