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

_FAILING, _UNCONFIGURED = "failing", "unconfigured"
_STATES: dict[type[ResiftError], str] = {
    AmbiguousRerankerError: "clash",
    BrokenRerankerError: "broken",
    IncompatibleRerankerError: "incompatible",
}


def examine_apart(
    kind: str,
    name: str,
    timeout: float = 120.0,
    *,
    config: str = "",
    deep: bool = False,
) -> dict[str, Any]:
    """Run `examine` in a process of its own.

    Args:
        kind: As `examine` takes it.
        name: As `examine` takes it.
        timeout: Seconds before it is given up; a cold torch on a slow disk takes 30.
        config: As `examine` takes it.
        deep: As `examine` takes it.
    """
    did = "loading and asking it" if deep else "importing it"
    arguments = [kind, name, config, "deep" if deep else ""]
    try:
        done = subprocess.run(  # noqa: S603  # ourselves, with a name from metadata
            [sys.executable, "-P", "-m", __name__, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        message = f"{name}: {did} took longer than {timeout:g} seconds."
        return {"state": _FAILING if deep else "broken", "message": message}
    try:
        findings: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        code = done.returncode
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        message = f"{name}: {did} ended the process ({how}). {last}".rstrip()
        return {"state": "broken", "message": message}
    return findings


def examine(
    kind: str, name: str, config: str = "", *, deep: bool = False
) -> dict[str, object]:
    """Examine a ``reranker``, ``command`` or ``wrapper``, or a ``configured`` name.

    Args:
        kind: What it is.
        name: What it is called.
        config: The config file; by default the one that applies.
        deep: Whether a reranker is also built, its model loaded, its server asked.

    Returns:
        ``state``, ``message``, ``seconds`` it took, and what a reranker
        ``implements``.
    """
    started = time.perf_counter()
    try:
        implements = _KINDS[kind](name, config)
        if deep:
            _ask(name, config, kind)
    except _Finding as finding:
        state, message = finding.args
    except ResiftError as error:
        state, message = _STATES.get(type(error), "invalid"), str(error)
    except (Exception, SystemExit) as error:  # noqa: BLE001  # a plugin may raise any
        state, message = "broken", f"{type(error).__name__}: {error}"
    else:
        seconds = round(time.perf_counter() - started, 3)
        return {"state": "ok", "implements": implements, "seconds": seconds}
    return {"state": state, "message": message}


class _Finding(Exception):  # noqa: N818  # a state and a message, no error of ours
    """What asking a reranker has found, where it does not work."""


def _ask(name: str, config: str, kind: str) -> None:
    """Build a reranker, load what it needs, and ask whether it works now.

    One that has no hook ``check`` is asked to score one short text, where it scores
    and reads no columns.

    Raises:
        _Finding: If it cannot work now, or needs options to be built at all.
    """
    import resift

    try:
        reranker = resift.load(name, config=config or ...)
    except resift.OptionsError as error:
        if kind == "configured":
            raise
        advice = "Give it a name in the config file, and examine that."
        raise _Finding(_UNCONFIGURED, f"{error} {advice}") from error
    with reranker:
        try:
            reranker.warmup()
            reranker.check()
            asked = callable(getattr(type(reranker.plugin), "check", None))
            if reranker.can_score and not (asked or reranker.columns):
                reranker.rank("resift doctor", ["resift doctor"])
        except Exception as error:
            what = str(error) or type(error).__name__
            raise _Finding(_FAILING, f"{name}: {what}") from error


def _reranker(name: str, _config: str) -> list[str]:
    """Import an installed reranker and return the hooks it implements."""
    from resift.authors import Schema, catalog, implementation

    provider = catalog().find(name)
    cls = provider.load()
    found = implementation(cls)
    found.check(str(provider))
    Schema(cls, str(provider))
    return sorted(found.hooks)


def _configured(name: str, config: str) -> list[str]:
    """Build what the config calls *name*."""
    import resift

    resift.load(name, config=config or ...).close()
    return []


def _command(name: str, _config: str) -> list[str]:
    """Import the command that a package adds."""
    from resift_cli.group import load_command

    load_command(name)
    return []


def _wrapper(name: str, _config: str) -> list[str]:
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
    kind, name, config, deep = sys.argv[1:]
    findings = examine(kind, name, config, deep=bool(deep))
    sys.stdout.flush()
    os.write(findings_to, json.dumps(findings).encode())


if __name__ == "__main__":
    main()
