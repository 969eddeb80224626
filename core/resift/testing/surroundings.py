"""`Surroundings`: what a process shares among all its code, and who changed it."""

from __future__ import annotations

import gc
import locale
import logging
import os
import random
import signal
import socket
import ssl
import sys
import threading
import warnings
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "changes",
    "child_processes",
    "open_files",
    "random_states",
    "seed",
    "surroundings",
    "undisturbed",
    "unusual",
]

_SIGNALS = ("SIGINT", "SIGTERM", "SIGALRM", "SIGCHLD", "SIGHUP", "SIGUSR1")

_HTTPS = "_create_default_https_context"  # the one switch there is


def surroundings() -> dict[str, object]:
    """Return what belongs to the whole process, each under a name to show."""
    root = logging.getLogger()
    found: dict[str, object] = {
        "numpy's error handling (numpy.seterr)": np.geterr(),
        "logging (logging.disable)": root.manager.disable,
        "the root logger's level": root.level,
        "the root logger's handlers": list(map(id, root.handlers)),
        "the filters of warnings": [f[:3] for f in warnings.filters],
        "os.environ": dict(os.environ),
        "the working directory (os.chdir)": Path.cwd(),
        "the locale": locale.setlocale(locale.LC_ALL),
        "the default timeout of sockets": socket.getdefaulttimeout(),
        "the checks of certificates": vars(ssl)[_HTTPS],  # what is switched off
        "sys.stdout": id(sys.stdout),
        "sys.stderr": id(sys.stderr),
        "sys.excepthook": sys.excepthook,
        "threading.excepthook": threading.excepthook,
        "the recursion limit": sys.getrecursionlimit(),
        "the garbage collector": gc.isenabled(),
    }
    for name in _SIGNALS:
        if number := getattr(signal, name, None):
            found[f"the handler of {name}"] = signal.getsignal(number)
    torch: Any = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "get_rng_state"):
        found["torch's gradients"] = torch.is_grad_enabled()
        found["torch's default dtype"] = torch.get_default_dtype()
    return found


def seed(number: int) -> None:
    """Seed the generators of the whole process."""
    random.seed(number)
    np.random.seed(number)  # noqa: NPY002  # as others seed it
    torch: Any = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "manual_seed"):
        torch.manual_seed(number)


def random_states() -> dict[str, object]:
    """Return the states of the generators of the whole process."""
    found: dict[str, object] = {
        "the random state (random.seed)": random.getstate(),
        "numpy's random state (numpy.random.seed)": _numpy_state(),
    }
    torch: Any = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "get_rng_state"):
        state = torch.get_rng_state().numpy().tobytes()
        found["torch's random state (torch.manual_seed)"] = state
    return found


def changes(before: dict[str, object], after: dict[str, object]) -> list[str]:
    """Return the names of what differs."""
    return [k for k, value in before.items() if k in after and after[k] != value]


@contextmanager
def undisturbed() -> Iterator[None]:
    """Put back afterwards what is most often changed."""
    state, numbers = random.getstate(), np.random.get_state()  # noqa: NPY002  # others use it
    disabled, directory = logging.root.manager.disable, Path.cwd()
    environ, errors = dict(os.environ), np.geterr()
    timeout, limit = socket.getdefaulttimeout(), sys.getrecursionlimit()
    level, handlers = logging.root.level, list(logging.root.handlers)
    out, err = sys.stdout, sys.stderr
    https = vars(ssl)[_HTTPS]
    collects = gc.isenabled()
    try:
        with warnings.catch_warnings():
            yield
    finally:
        random.setstate(state)
        np.random.set_state(numbers)  # noqa: NPY002
        logging.disable(disabled)
        logging.root.setLevel(level)
        logging.root.handlers[:] = handlers
        os.chdir(directory)
        if dict(os.environ) != environ:
            os.environ.clear()
            os.environ.update(environ)
        np.seterr(**errors)
        socket.setdefaulttimeout(timeout)
        sys.setrecursionlimit(limit)
        sys.stdout, sys.stderr = out, err
        setattr(ssl, _HTTPS, https)
        (gc.enable if collects else gc.disable)()


def unusual() -> None:
    """Make it what nobody sets, so that setting the usual, once more, is a change."""
    logging.disable(logging.NOTSET)
    logging.root.setLevel(logging.root.level + 1)
    socket.setdefaulttimeout(1_000 + (socket.getdefaulttimeout() or 0.0))
    sys.setrecursionlimit(sys.getrecursionlimit() + 1)
    np.seterr(all="warn")
    warnings.filterwarnings("ignore", message="resift.testing: never said")
    gc.enable()
    if threading.current_thread() is threading.main_thread():
        for name in _SIGNALS:
            if number := getattr(signal, name, None):
                signal.signal(number, _ignore)


def _ignore(number: int, frame: object) -> None:
    """Handle a signal by doing nothing."""
    del number, frame


def open_files() -> int | None:
    """Return how many files, sockets and pipes are open; None where unknown."""
    for folder in ("/proc/self/fd", "/dev/fd"):
        try:
            return sum(1 for _ in Path(folder).iterdir())
        except OSError:
            continue
    return None


def child_processes() -> int:
    """Return how many processes this one started and did not wait for, if known."""
    found = 0
    for path in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):
            found += len(path.read_text().split())
    return found


def _numpy_state() -> object:
    state: Any = np.random.get_state()  # noqa: NPY002
    kind, keys, *rest = state
    return kind, keys.tobytes(), *rest
