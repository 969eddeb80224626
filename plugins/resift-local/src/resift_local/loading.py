"""Loading a model: quietly, and saying clearly why one cannot be loaded."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from resift.errors import ModelError, ResiftError

__all__ = ["first_line", "loading"]


@contextmanager
def loading(
    who: str, name: str, *, local: bool, failed: str, advice: str = ""
) -> Iterator[None]:
    """Show the loader's progress bar on a terminal only, and explain its failure.

    The bar is that of transformers: import it, or what imports it, before.

    Args:
        who: The reranker.
        name: The folder or Hub name, as `located` found it.
        local: Whether only local files are read.
        failed: The beginning of the message for a failure that has no words here; what
            the loader says follows in brackets.
        advice: The end of that message.

    Raises:
        ModelError: For any failure inside that is not an error of resift's already.
    """
    try:
        with _quiet():
            yield
    except ResiftError:
        raise
    except Exception as error:
        msg = _known(f"{who}: option 'model': {name!r}", name, error, local=local) or (
            f"{failed} ({type(error).__name__}: {first_line(error)}).{advice}"
        )
        raise ModelError(msg) from error


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says, to be quoted in a message."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else "no message"


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide the progress bar of transformers where that is imported and no one looks."""
    if "transformers" not in sys.modules or sys.stderr.isatty():
        yield
        return
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def _known(model: str, name: str, error: Exception, *, local: bool) -> str:
    """Return the message for a failure that is known; nothing for any other."""
    if "trust_remote_code" in str(error):
        return (
            f"{model} comes with code of its own. Read it, and if you trust it, set "
            "trust_remote_code=True."
        )
    if local and not Path(name).is_dir():
        return (
            f"{model} is not in the local cache, and the Hub was not asked or cannot "
            "be reached. Load it once with a network, or give the folder of a saved "
            "model."
        )
    return ""
