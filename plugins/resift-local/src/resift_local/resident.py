"""`Resident`: a model that is loaded at first use, once for all threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from resift_local.deadline import Deadline

__all__ = ["Resident"]

Model = TypeVar("Model")


class Resident(Generic[Model]):
    """Keeps a loaded model until it is released.

    The loader is given at each call rather than kept, so that a reranker and its model
    make no reference cycle: what drops the reranker frees the model at once.
    """

    def __init__(self) -> None:
        self._model: Model | None = None
        self._lock = threading.Lock()

    @property
    def loaded(self) -> Model | None:
        """The model; None before the first use and after `release`."""
        return self._model

    def get(self, load: Callable[[], Model], deadline: Deadline) -> Model:
        """Return the model, loading it if need be; one thread loads, others wait.

        A failed load leaves nothing behind: the next call tries again.

        Raises:
            BackendTimeoutError: If another thread is still loading at the deadline.
        """
        found = self._model
        if found is not None:
            return found
        with deadline.holding(self._lock, "another call was still loading the model"):
            if self._model is None:
                self._model = load()
            return self._model

    def release(self) -> None:
        """Let go of the model; the next call loads it again."""
        with self._lock:
            self._model = None
