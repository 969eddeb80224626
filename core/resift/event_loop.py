"""Off the event loop: hooks are synchronous, so async methods use a worker thread."""

from __future__ import annotations

import asyncio
import contextvars
import functools
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

__all__ = ["off_loop"]

_P = ParamSpec("_P")
_T = TypeVar("_T")


async def off_loop(
    executor: Executor | None,
    function: Callable[_P, _T],
    *args: _P.args,
    **kwargs: _P.kwargs,
) -> _T:
    """Call *function* in a thread of *executor*, in the caller's context.

    Cancelling stops the waiting, not the thread.
    """
    context = contextvars.copy_context()
    call = functools.partial(context.run, function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(executor, call)
