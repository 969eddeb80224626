"""`Importer`: imports modules afresh, each in a process of its own.

A fresh interpreter takes a second to come up and to import what every reranker has
anyway. Where the system forks, one is started, and each module is imported in a fork
of it.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Imported", "Importer", "importer"]

_PARENT = """
import json, os, signal, sys, time
import resift.loading, resift.pipeline, pydantic, pyarrow.compute

def load(module):
    before = set(sys.modules)
    start = time.process_time()
    try:
        __import__(module)
    except BaseException as error:
        return {"error": f"{type(error).__name__}: {error}"}
    seconds = time.process_time() - start
    return {"seconds": seconds, "modules": sorted(set(sys.modules) - before)}

answers = os.fdopen(os.dup(1), "w")
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
for line in sys.stdin:
    asked = json.loads(line)
    child = os.fork() if hasattr(os, "fork") else 0
    if child == 0:
        hasattr(signal, "alarm") and signal.alarm(asked["patience"])
        sys.path[:] = asked["path"]
        os.environ.clear()
        os.environ.update(asked["environ"])
        answers.write(json.dumps(load(asked["module"])) + "\\n")
        answers.flush()
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status:
        answers.write(json.dumps({"error": f"it ended with {status}"}) + "\\n")
        answers.flush()
"""
_PATIENCE = 120
"""Seconds that an import may take."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of importing a module.

    Args:
        seconds: Seconds of CPU that it took.
        modules: All that it imported and that was not there yet.
        error: What was raised instead, as a sentence.
    """

    seconds: float = 0.0
    modules: tuple[str, ...] = ()
    error: str = ""


class Importer:
    """A process that has imported `resift`, and imports more in forks of itself."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def load(self, module: str) -> Imported:
        """Import *module* where only `resift` has been imported."""
        asked = {
            "module": module,
            "path": list(filter(None, sys.path)),
            "environ": dict(os.environ),
            "patience": _PATIENCE,
        }
        with self._lock:
            answer = self._ask(asked)
        if answer is None:
            return Imported(error="it ended the process")
        if error := answer.get("error"):
            return Imported(error=" ".join(str(error).split()))
        return Imported(answer["seconds"], tuple(answer["modules"]))

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None or process.stdin is None or process.stdout is None:
            return
        process.stdin.close()
        process.stdout.close()
        process.wait()

    def _ask(self, asked: Mapping[str, object]) -> Mapping[str, Any] | None:
        process = self._running()
        if process.stdin is None or process.stdout is None:  # pragma: no cover
            return None
        try:
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except OSError:
            line = ""
        if not line or not hasattr(os, "fork"):
            self.close()
        return json.loads(line) if line else None

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            path = os.pathsep.join(filter(None, sys.path))
            self._process = subprocess.Popen(  # noqa: S603  # our own interpreter
                [sys.executable, "-c", _PARENT],
                env={**os.environ, "PYTHONPATH": path},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        return self._process


@cache
def importer() -> Importer:
    """Return the one of this process."""
    made = Importer()
    atexit.register(made.close)
    return made
