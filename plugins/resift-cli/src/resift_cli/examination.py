"""One plugin, examined in a process of its own: ``python -m resift_cli.examination``.

Importing a plugin may print, hang, leave or crash; `resift doctor` survives all of it.
The findings are one JSON object on standard output, where nothing else appears.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from importlib import import_module
from typing import Any

from resift.errors import (
    AmbiguousRerankerError,
    BrokenRerankerError,
    IncompatibleRerankerError,
    ResiftError,
)

__all__ = ["examine", "examine_apart"]

_STATES = {
    AmbiguousRerankerError: "clash",
    BrokenRerankerError: "broken",
    IncompatibleRerankerError: "incompatible",
}


def examine_apart(kind: str, name: str, timeout: float = 120.0) -> dict[str, Any]:
    """Run `examine` in a process of its own.

    Args:
        kind: As `examine` takes it.
        name: As `examine` takes it.
        timeout: Seconds before it is given up; a cold torch on a slow disk takes 30.
    """
    try:
        done = subprocess.run(  # noqa: S603  # ourselves, with a name from metadata
            [sys.executable, "-P", "-m", __name__, kind, name],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        message = f"{name}: importing it took longer than {timeout:g} seconds."
        return {"state": "broken", "message": message}
    try:
        findings: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        code = done.returncode
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        message = f"{name}: importing it ended the process ({how}). {last}".rstrip()
        return {"state": "broken", "message": message}
    return findings


def examine(kind: str, name: str) -> dict[str, object]:
    """Examine a ``reranker``, ``command`` or ``wrapper``, or a ``configured`` name.

    Returns:
        ``state``, ``message``, ``seconds`` it took to import, and what a reranker
        ``implements``.
    """
    started = time.perf_counter()
    try:
        implements = _KINDS[kind](name)
    except ResiftError as error:
        state, message = _STATES.get(type(error), "invalid"), str(error)
    except (Exception, SystemExit) as error:  # noqa: BLE001  # a plugin may raise any
        state, message = "broken", f"{type(error).__name__}: {error}"
    else:
        seconds = round(time.perf_counter() - started, 3)
        return {"state": "ok", "implements": implements, "seconds": seconds}
    return {"state": state, "message": message}


def _reranker(name: str) -> list[str]:
    """Import an installed reranker and return the hooks it implements."""
    from resift.authors import Schema, catalog, implementation

    provider = catalog().find(name)
    cls = provider.load()
    found = implementation(cls)
    found.check(str(provider))
    Schema(cls, str(provider))
    return sorted(found.hooks)


def _configured(name: str) -> list[str]:
    """Build what the config calls *name*."""
    import resift

    resift.load(name).close()
    return []


def _command(name: str) -> list[str]:
    """Import the command that a package adds."""
    from resift_cli.group import load_command

    load_command(name)
    return []


def _wrapper(name: str) -> list[str]:
    """Import a wrapper and return the hooks it stands around."""
    from resift.authors import WRAPPERS, Schema, catalog, implementation

    provider = catalog(WRAPPERS).find(name)
    cls = provider.load()
    found = implementation(cls)
    if not hasattr(cls, "for_reranker"):  # else it makes one for each reranker
        found.check_wrapper(str(provider))
    Schema(cls, str(provider))
    return sorted(found.wraps)


_KINDS = {
    "reranker": _reranker,
    "command": _command,
    "wrapper": _wrapper,
    "configured": _configured,
}


def main() -> None:
    """Examine what the arguments name, and print the findings."""
    import_module("resift.catalog")  # what is ours is not counted as the plugin's
    findings_to = os.dup(1)
    os.dup2(2, 1)  # what a plugin prints is no finding
    findings = examine(*sys.argv[1:3])
    sys.stdout.flush()
    os.write(findings_to, json.dumps(findings).encode())


if __name__ == "__main__":
    main()
