"""The body of a request: bounded in size, and in the time that it takes to come."""

from __future__ import annotations

import asyncio
import time

from starlette.requests import Request

from resift_serve.problem import Problem

__all__ = ["read_body"]

_DRAINED = 8  # times the limit: what is read of too long a body before it is refused
_PATIENCE = 5.0  # seconds for it


async def read_body(request: Request, most: int, seconds: float) -> bytes:
    """Read the body.

    Raises:
        Problem: If it is too long, or too long in coming.
    """
    chunks: list[bytes] = []
    size, is_long = 0, False
    until = time.monotonic() + seconds
    try:
        async with asyncio.timeout_at(_loop_time(until)) as clock:
            async for chunk in request.stream():
                size += len(chunk)
                if size <= most:
                    chunks.append(chunk)
                    continue
                if not is_long:  # whoever still sends would not read the answer
                    is_long = True
                    soon = min(until, time.monotonic() + _PATIENCE)
                    clock.reschedule(_loop_time(soon))
                    chunks.clear()
                if size > _DRAINED * most:
                    break
    except TimeoutError:
        if not is_long:
            msg = f"The body did not arrive within {seconds:g} s."
            headers = {"connection": "close"}
            raise Problem(408, "slow_body", msg, headers=headers) from None
    if is_long:
        msg = f"The body must have at most {most} bytes. Send fewer documents."
        raise Problem(413, "body_too_large", msg, headers={"connection": "close"})
    return b"".join(chunks)


def _loop_time(moment: float) -> float:
    """Return a moment of `time.monotonic` on the clock of the loop."""
    return moment - time.monotonic() + asyncio.get_running_loop().time()
