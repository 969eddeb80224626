"""One traced run for each answer: counts, order, scores and notes, and no text."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from langchain_core.callbacks import (
    AsyncCallbackManager,
    CallbackManager,
    Callbacks,
)
from langchain_core.documents import Document
from langchain_core.runnables.config import ensure_config

from resift_adapter import Answer

__all__ = ["atraced", "traced"]


def traced(
    callbacks: Callbacks,
    name: str,
    asked: Mapping[str, object],
    call: Callable[[], Answer[Document]],
) -> Answer[Document]:
    """Call inside a run that says what was asked, and what came of it."""
    manager = CallbackManager.configure(_inherited(callbacks))
    if not manager.handlers:
        return call()
    run = manager.on_chain_start(None, dict(asked), name=f"resift.{name}")
    try:
        answer = call()
    except BaseException as error:
        run.on_chain_error(error)
        raise
    run.on_chain_end(_told(answer))
    return answer


async def atraced(
    callbacks: Callbacks,
    name: str,
    asked: Mapping[str, object],
    call: Callable[[], Awaitable[Answer[Document]]],
) -> Answer[Document]:
    """`traced` on the event loop."""
    manager = AsyncCallbackManager.configure(_inherited(callbacks))
    if not manager.handlers:
        return await call()
    run = await manager.on_chain_start(None, dict(asked), name=f"resift.{name}")
    try:
        answer = await call()
    except BaseException as error:
        await run.on_chain_error(error)
        raise
    await run.on_chain_end(_told(answer))
    return answer


def _inherited(callbacks: Callbacks) -> Callbacks:
    """Return the callbacks given, or those of the chain that this runs in."""
    return ensure_config().get("callbacks") if callbacks is None else callbacks


def _told(answer: Answer[Document]) -> dict[str, Any]:
    return {
        "documents": len(answer),
        "order": list(answer.order),
        "scores": list(answer.scores),
        "notes": list(map(str, answer.notes)),
    }
