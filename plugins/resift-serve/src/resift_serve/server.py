"""`Server`: uvicorn with the signals and the clocks that a service needs.

uvicorn raises SIGTERM again once it has stopped, so that nothing after it would run;
and it waits for ever for the second half of a header, of any length.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from resift_serve.service import Service

__all__ = ["Server"]

_LOG = logging.getLogger("resift_serve")
_HEADER_SECONDS = 20.0
_HEADER_BYTES = 2**16
_RETRY_SECONDS = 15.0  # between attempts to load what has failed


class Server(uvicorn.Server):
    """Serve an application until SIGTERM or SIGINT; read the config anew on SIGHUP.

    On SIGTERM it is unready at once, goes on for *drain_delay* seconds, so that whoever
    sends it requests can notice, then takes no more, answers what it has, and returns.

    Args:
        app: The application.
        service: What it serves, which is loaded while the server runs.
        host: The address to listen on.
        port: The port; 0 for a free one.
        drain_delay: Seconds between SIGTERM and the closing of the port.
    """

    def __init__(
        self,
        app: ASGIApp,
        service: Service,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        drain_delay: float = 0.0,
        header_seconds: float = _HEADER_SECONDS,
    ) -> None:
        protocol = type("_Clocked", (_Clocked,), {"header_seconds": header_seconds})
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            http=protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=round(service.limits.timeout) + 5,
        )
        super().__init__(config)
        logging.getLogger("uvicorn.access").propagate = False  # the door writes it down
        self._service = service
        self._drain_delay = drain_delay
        self._work: set[asyncio.Task[None]] = set()
        self._loading = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def port(self) -> int:
        """The port on which it listens, once it does."""
        number: int = self.servers[0].sockets[0].getsockname()[1]
        return number

    async def startup(self, sockets: list[Any] | None = None) -> None:
        """Open the port, then begin to load."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self._do(self._keep_loaded())

    async def _keep_loaded(self) -> None:
        while True:
            await self._load()
            await asyncio.sleep(_RETRY_SECONDS)

    async def _load(self) -> None:
        async with self._loading:
            await asyncio.to_thread(self._service.load)

    async def _reload(self) -> None:
        if await asyncio.to_thread(self._service.reload):
            await self._load()

    async def _drain(self) -> None:
        self._service.is_draining = True
        await asyncio.sleep(self._drain_delay)
        self.should_exit = True

    def _do(self, work: Any) -> None:  # noqa: ANN401  # a coroutine
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def shutdown(self, sockets: list[Any] | None = None) -> None:
        """Take no more requests, and answer those that are here."""
        for task in self._work:
            task.cancel()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Handle signals while the server runs, and leave none to be raised again."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        handlers: dict[int, Any] = {
            signal.SIGINT: self.handle_exit,
            signal.SIGTERM: self.handle_exit,
        }
        if hasattr(signal, "SIGHUP"):
            handlers[signal.SIGHUP] = self._handle_reload
        before = {number: signal.signal(number, h) for number, h in handlers.items()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Drain at the first signal, stop at once at the second."""
        del sig, frame
        if self._service.is_draining or self._loop is None:
            self.should_exit = self.force_exit = True
            return
        self._service.is_draining = True
        _LOG.info("draining")
        self._loop.call_soon_threadsafe(self._do, self._drain())

    def _handle_reload(self, sig: int, frame: FrameType | None) -> None:
        del sig, frame
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._do, self._reload())


class _Clocked(HttpToolsProtocol):
    """A connection that is closed when a header comes too slowly, or has no end."""

    header_seconds = _HEADER_SECONDS
    _clock: asyncio.TimerHandle | None = None
    _header_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wind()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_busy():
            self._stop()
            self._header_bytes = 0
            return
        self._header_bytes += len(data)
        if self._header_bytes > _HEADER_BYTES:
            self.transport.close()
        elif self._clock is None:
            self._wind()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _is_busy(self) -> bool:
        cycle: Any = self.cycle  # None before the first request
        return cycle is not None and not cycle.response_complete

    def _wind(self) -> None:
        self._clock = self.loop.call_later(self.header_seconds, self._ring)

    def _stop(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _ring(self) -> None:
        self._clock = None
        if not (self._is_busy() or self.transport.is_closing()):
            self.transport.close()
