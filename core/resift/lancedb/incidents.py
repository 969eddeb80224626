"""Incidents: what is degraded now. Each is logged when it begins and when it ends."""

from __future__ import annotations

import logging
import threading

__all__ = ["began", "ended"]

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
