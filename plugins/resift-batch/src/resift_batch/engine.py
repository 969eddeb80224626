"""Engines: how `run_part` is mapped over part numbers, here in processes of our own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from resift.errors import ResiftError
from resift_batch.folder import Folder
from resift_batch.part import Done, run_part

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

__all__ = ["Died", "Engine", "LocalEngine", "Outcome", "Stopped", "Task", "attempt"]

_STILLBORN = 3  # workers that end before they begin a part, one after the other


@dataclass(frozen=True)
class Task:
    """A part to be done, as `run_part` takes it."""

    number: int
    careful: bool = False
    skip: Sequence[int] = ()


@dataclass(frozen=True)
class Died:
    """The process that did a part ended."""

    task: Task


@dataclass(frozen=True)
class Stopped:
    """A part that cannot be done, and neither can the others."""

    number: int
    reason: str


Outcome: TypeAlias = Done | Died | Stopped


class Engine(Protocol):
    """Maps `run_part` over tasks, and yields what became of each, in any order."""

    def map(self, out: Path, tasks: Iterable[Task]) -> Iterator[Outcome]:
        """Yield the outcome of every task; closing it ends all processes."""
        ...


def attempt(out: Path, task: Task) -> Done | Stopped:
    """Do a part; an error becomes data, which every engine can hand on."""
    try:
        return run_part(out, task.number, careful=task.careful, skip=task.skip)
    except ResiftError as error:
        return Stopped(task.number, f"{type(error).__name__}: {error}")
    except OSError as error:
        return Stopped(task.number, f"cannot be written: {error.strerror or error}")
    except Exception as error:  # noqa: BLE001  # a plugin may raise anything
        notes = " ".join(getattr(error, "__notes__", ()))
        return Stopped(task.number, f"{type(error).__name__}. {notes}".rstrip())


class LocalEngine:
    """Processes on this machine.

    They are spawned, not forked: what models start (threads, devices) survives no fork.
    Each ends when this process does, however that ends.

    Args:
        workers: How many.
        threads: Threads of each, so that they do not fight for the cores.
        devices: One for each worker, as CUDA_VISIBLE_DEVICES has it.
    """

    def __init__(
        self, workers: int, threads: int = 1, devices: Sequence[str] = ()
    ) -> None:
        self._workers = workers
        self._environment = {
            name: str(threads)
            for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        }
        self._devices = list(devices)

    def map(self, out: Path, tasks: Iterable[Task]) -> Iterator[Outcome]:
        todo = deque(tasks)
        workers: list[_Worker] = []
        stillborn = 0
        try:
            while todo or any(worker.task for worker in workers):
                self._hand_out(out, todo, workers)
                for worker, outcome in _heard(workers):
                    begun = worker.begun or not isinstance(outcome, Died)
                    stillborn = 0 if begun else stillborn + 1
                    if isinstance(outcome, Died):
                        workers.remove(worker)
                        worker.end()
                    if begun:
                        yield outcome
                    elif stillborn < _STILLBORN:
                        todo.appendleft(worker.given)
                    else:
                        yield Stopped(worker.given.number, _stillborn(worker))
                        return
        finally:
            for worker in workers:
                worker.end()

    def _hand_out(self, out: Path, todo: deque[Task], workers: list[_Worker]) -> None:
        """Give every worker a task, and start those that are missing."""
        idle = [worker for worker in workers if worker.task is None]
        while len(workers) < self._workers and len(idle) < len(todo):
            workers.append(self._start(out, workers))
            idle.append(workers[-1])
        for worker in idle[: len(todo)]:
            worker.give(todo.popleft())

    def _start(self, out: Path, workers: Sequence[_Worker]) -> _Worker:
        environment = dict(self._environment)
        if self._devices:
            taken = {worker.device for worker in workers}
            device = next(d for d in self._devices if d not in taken)
            environment["CUDA_VISIBLE_DEVICES"] = device
            return _Worker(out, environment, device)
        return _Worker(out, environment)


class _Worker:
    """One process, and the part that it does.

    Args:
        out: The folder of the job.
        environment: Variables that it has besides ours.
        device: The device that is its own.
    """

    def __init__(
        self, out: Path, environment: Mapping[str, str], device: str = ""
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process: SpawnProcess = context.Process(
            target=_work, args=(out, theirs), daemon=True
        )
        with _environment(environment), _no_interrupts():
            self.process.start()
        theirs.close()
        self.device = device
        self.given = Task(-1)
        self.task: Task | None = None
        self.begun = False

    def give(self, task: Task) -> None:
        """Hand it a part to do."""
        self.given = self.task = task
        self.begun = False
        try:
            self.pipe.send(task)
        except OSError:  # it ended just now: `receive` says so
            return

    def receive(self) -> Outcome | None:
        """Return what it says; None where it has only begun."""
        try:
            said: Done | Stopped | None = self.pipe.recv()
        except (EOFError, OSError):
            return Died(self.given)
        if said is None:
            self.begun = True
            return None
        self.task = None
        return said

    def end(self) -> None:
        """End the process, whatever it does."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


def _heard(workers: Sequence[_Worker]) -> list[tuple[_Worker, Outcome]]:
    """Wait for the workers that have a task, and return what came of it."""
    busy = [worker for worker in workers if worker.task is not None]
    ready = wait([worker.pipe for worker in busy])
    found = [(worker, worker.receive()) for worker in busy if worker.pipe in ready]
    return [(worker, outcome) for worker, outcome in found if outcome is not None]


def _work(out: Path, pipe: Connection) -> None:
    """Do parts until there are none; what a worker process runs."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    threading.Thread(target=_outlive_nobody, args=(parent,), daemon=True).start()
    with Folder(out).shared():
        if not parent.is_alive():
            return
        while True:
            try:
                task = pipe.recv()
                pipe.send(None)
                pipe.send(attempt(out, task))
            except (EOFError, OSError):
                return


def _outlive_nobody(parent: multiprocessing.process.BaseProcess) -> None:
    """End this process when the one that started it ends, even by a kill."""
    parent.join()
    os._exit(1)


def _stillborn(worker: _Worker) -> str:
    code = worker.process.exitcode
    return f"{_STILLBORN} workers ended as they started, the last with code {code}."


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables for a process that is started; what is set already stays."""
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _no_interrupts() -> Iterator[None]:
    """Start a process that Ctrl-C does not reach: this one ends it."""
    resource_tracker.ensure_running()  # the first call of it lets interrupts in again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
