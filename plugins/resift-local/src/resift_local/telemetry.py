"""Converting a model without OpenVINO's report of it."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["unreported"]

_lock = threading.RLock()  # a nested use finds what the outer one has set


@contextmanager
def unreported() -> Iterator[None]:
    """Keep OpenVINO from reporting to Google Analytics what it imports and converts.

    It does so, through `openvino_telemetry`, for everybody who has not opted out: it
    writes a client id into ``~/intel``, and sends each event from a forked process.
    Importing `openvino` is an event, too. Where `openvino` is first imported inside,
    it reports nothing later either.

    The environment is that of the whole process, so that one thread at a time is
    inside, and a process started meanwhile by another thread believes to be in CI.
    """
    # The only switch that is not a file in the user's home. Where to check it:
    # init_ovc_telemetry in openvino.tools.ovc.telemetry_utils passes disable_in_ci, and
    # OptInChecker in openvino_telemetry.utils.opt_in_checker then declines if CI is
    # "true".
    with _lock:
        before = os.environ.get("CI")
        os.environ["CI"] = "true"
        try:
            with _withdrawn_consent():
                yield
        finally:
            if before is None:
                os.environ.pop("CI", None)
            else:
                os.environ["CI"] = before


@contextmanager
def _withdrawn_consent() -> Iterator[None]:
    """Decline for a process that has converted before: the switch is not read again.

    See `Telemetry.__init__` of `openvino_telemetry.main`, whose one instance keeps
    what it was once answered.
    """
    converter: Any = sys.modules.get("openvino.tools.ovc")
    sender = getattr(converter, "telemetry", None)
    if sender is None or not getattr(sender, "consent", False):
        yield
        return
    sender.consent = False
    try:
        yield
    finally:
        sender.consent = True
