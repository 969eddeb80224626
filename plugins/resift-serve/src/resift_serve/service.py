"""`Service`: the rerankers of a config, each in its lane. Knows nothing of HTTP."""

from __future__ import annotations

import asyncio
import functools
import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from resift import RankedDocuments, Registry, Reranker
from resift.authors import Config, as_array, normalized
from resift.errors import ConfigError, ResiftError
from resift_serve.lane import Lane
from resift_serve.limits import Limits
from resift_serve.metrics import Metrics
from resift_serve.problem import Problem
from resift_serve.question import Question

__all__ = ["Ranking", "Service", "State"]

_LOG = logging.getLogger("resift_serve")
_LOCAL, _REMOTE = 4, 16  # calls at once
_MARGIN = 0.25  # seconds that are kept back for the way of the answer, at most


@dataclass(frozen=True, slots=True)
class State:
    """How a reranker is: ``"loading"``, ``"ready"`` or ``"failed"``, and why.

    A stale one was as it says before the config was read again.
    """

    status: str = "loading"
    reason: str = ""
    is_stale: bool = False


@dataclass(frozen=True, slots=True)
class Ranking:
    """A ranking, by whom, and how long it took."""

    ranked: RankedDocuments
    waited: float
    took: float


class Service:
    """The rerankers of a config, and what may be asked of them.

    Args:
        registry: The rerankers; only their names are served.
        limits: How much is taken on.
    """

    def __init__(self, registry: Registry, limits: Limits | None = None) -> None:
        self.registry = registry
        self.limits = limits or Limits()
        self.metrics = Metrics()
        self.is_draining = False
        self._lock = threading.Lock()
        self._states: dict[str, State] = {}
        self._lanes: dict[str, Lane] = {}
        self._take_stock()

    # Names ----------------------------------------------------------------------

    @property
    def names(self) -> list[str]:
        """The names that are served, the default first."""
        return list(self._states)

    def name(self, asked: str | None) -> str:
        """Return a name as the config has it; None is the default.

        Raises:
            Problem: If the config has no such reranker.
        """
        name = self.default if asked is None else normalized(asked)
        if name is not None and name in self._states:
            return name
        served = ", ".join(map(repr, self.names)) or "none"
        msg = f"No reranker of that name is served. Served: {served}."
        if asked is None:
            msg = f"The config has no default: name a reranker. Served: {served}."
        raise Problem(404, "unknown_model", msg, parameter="model")

    @property
    def default(self) -> str | None:
        """The reranker that answers where none is named; the only one always does."""
        default = normalized(self.registry.config.default or "")
        if default in self._states:
            return default
        return self.names[0] if len(self._states) == 1 else None

    def state(self, name: str) -> State:
        """Return how a reranker is."""
        return self._states.get(name, State())

    @property
    def is_ready(self) -> bool:
        """Whether the default is ready, none is loading, and the end is not near."""
        states = list(self._states.values())
        loading = any(state.status == "loading" for state in states)
        ready = bool(states) and states[0].status == "ready"
        return ready and not loading and not self.is_draining

    # Ranking --------------------------------------------------------------------

    async def rank(self, name: str, question: Question, *, every: bool) -> Ranking:
        """Rank the documents of a question.

        Args:
            name: The reranker, as the config names it.
            question: What is asked.
            every: Whether every document must be in the ranking, whatever the config
                cuts off.

        Raises:
            Problem: If it cannot be asked, or does not answer in time.
            Exception: What the reranker raises.
        """
        state = self.state(name)
        if state.status == "loading":
            msg = f"The reranker {name!r} is being loaded. Ask again in a moment."
            raise Problem(503, "loading", msg, retry_after=2)
        seconds = self.limits.timeout
        if question.timeout is not None:
            seconds = min(seconds, question.timeout)
        arrived = time.monotonic()
        started: list[float] = []

        def work() -> RankedDocuments:
            started.append(time.monotonic())
            left = seconds - (started[0] - arrived)
            left -= min(_MARGIN, seconds / 5)
            if left <= 0:
                raise TimeoutError
            with self.registry.lease(name) as reranker:
                return _ranked(reranker, question, left, every=every)

        lane, n_documents = self._lane(name), len(question.documents)
        try:
            async with asyncio.timeout(seconds):
                ranked = await lane.run(work, n_documents)
        except TimeoutError as error:
            if isinstance(error, ResiftError):
                raise
            doing = "answer" if started else "have its turn"
            msg = f"The reranker {name!r} did not {doing} within {seconds:g} s."
            raise Problem(504, "timeout", msg) from None
        end = time.monotonic()
        self.metrics.documents.labels(name).inc(n_documents)
        if any(getattr(note, "code", "") == "degraded" for note in ranked.notes):
            self.metrics.degraded.labels(name).inc()
        return Ranking(ranked, started[0] - arrived, end - started[0])

    def _lane(self, name: str) -> Lane:
        if name not in self._lanes:
            limits = self.limits
            places = limits.concurrency
            if places is None:
                with self.registry.lease(name) as reranker:
                    places = _REMOTE if _asks_servers(reranker) else _LOCAL
            self._lanes[name] = Lane(
                name, places, limits.queue, limits.queued_documents
            )
        return self._lanes[name]

    # Life -----------------------------------------------------------------------

    def load(self) -> None:
        """Load every reranker that is not ready, in this thread; say how it went."""
        as_array([True])  # Arrow imports pandas now, and not with a client waiting
        for name in self.names:
            before = self.state(name)
            if before.status == "ready" and not before.is_stale:
                continue
            try:
                with self.registry.lease(name) as reranker:
                    reranker.warmup()
                    reranker.check()
            except Exception as error:  # noqa: BLE001  # costs only this reranker
                reason = str(error) if isinstance(error, ResiftError) else ""
                state = State("failed", reason or type(error).__name__)
                _LOG.warning("%s cannot be used: %s", name, state.reason)
            else:
                state = State("ready")
                _LOG.info("%s is ready", name)
            with self._lock:
                if self._states.get(name) is before:  # no other config since
                    self._states[name] = state
            self.metrics.ready.labels(name).set(state.status == "ready")

    def reload(self) -> bool:
        """Read the config again; return whether it is right. A wrong one changes none.

        Call `load` afterwards.
        """
        try:
            changes = self.registry.reload(self._read_anew())
        except Exception as error:  # noqa: BLE001  # whatever is wrong with the new
            reason = str(error) if isinstance(error, ResiftError) else ""
            _LOG.error(  # no traceback
                "the config is kept as it was: %s", reason or type(error).__name__
            )
            return False
        with self._lock:
            for name in changes.changed:  # served meanwhile, and loaded on the way
                self._states[name] = replace(self._states[name], is_stale=True)
                self._lanes.pop(name, None)
        self._take_stock()
        _LOG.info(
            "config read: %d added, %d removed, %d changed, %d kept",
            *map(len, (changes.added, changes.removed, changes.changed, changes.kept)),
        )
        return True

    def _read_anew(self) -> Config:
        """Return the config as it is now; a file being written may well be empty."""
        path = self.registry.config.path
        config = self.registry.config if path is None else Config.read(path)
        if not config.rerankers:
            msg = f"{config.where()} names no reranker."
            remedy = "Add a table [rerankers.NAME]."
            raise ConfigError(msg, remedy=remedy)
        return config

    def close(self) -> None:
        """Close every reranker."""
        for lane in self._lanes.values():
            lane.close()
        self.registry.close()

    def measure(self) -> bytes:
        """Return the metrics, with how long the queues are now."""
        for name, lane in list(self._lanes.items()):
            self.metrics.queued.labels(name).set(lane.requests)
            self.metrics.queued_documents.labels(name).set(lane.documents)
        return self.metrics.text()

    def _take_stock(self) -> None:
        """Know the names of the registry, and those alone."""
        names = self.registry.names()
        with self._lock:
            gone = set(self._states) - set(names)
            self._states = {name: self.state(name) for name in names}
        for name in gone:
            self._lanes.pop(name, None)
            self.metrics.forget(name)


def _ranked(
    reranker: Reranker, question: Question, timeout: float, *, every: bool
) -> RankedDocuments:
    documents = question.texts(reranker.text)
    if not _reads_rows(reranker):
        field = reranker.text if isinstance(reranker.text, str) else reranker.text[0]
        documents = [
            document
            if document is None or isinstance(document, str)
            # only the text: other fields may hold what no table can
            else document[field]  # type: ignore[misc]  # put there by `texts`
            for document in documents
        ]
    rank = functools.partial(
        reranker.rank,
        question.query,
        documents,
        timeout=timeout,
        instruction=question.instruction,
    )
    if every:
        least = None if reranker.defaults.min_score is None else 0.0
        return rank(top_k=max(len(documents), 1), min_score=least)
    return rank(top_k=question.top_n)


def _reads_rows(reranker: Reranker) -> bool:
    """Return whether more than the text of a document is read."""
    if reranker.columns is None:
        return reranker.reads_candidates
    return bool(reranker.columns)


def _asks_servers(reranker: Reranker) -> bool:
    plugin = reranker.plugin
    children: Sequence[Reranker] = getattr(plugin, "children", ())
    own = bool(getattr(plugin, "needs_network", False))
    return own or any(map(_asks_servers, children))
