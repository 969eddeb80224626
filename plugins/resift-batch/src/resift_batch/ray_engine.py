"""Ray: `run_part` mapped over part numbers by actors of a cluster."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from resift.errors import ModelError
from resift_batch.engine import Died, Outcome, Task, attempt
from resift_batch.folder import Folder

__all__ = ["RayEngine"]


class RayEngine:
    """Actors of Ray, on the cluster of ``RAY_ADDRESS`` or one that is started here.

    Input and output must be in folders that every machine of the cluster has.

    Args:
        workers: How many actors.
        threads: Cores of each; Ray sets the threads of libraries accordingly.
        gpus: GPUs of each.

    Raises:
        ModelError: If Ray is not installed.
    """

    def __init__(self, workers: int, threads: int = 1, gpus: float = 0) -> None:
        try:
            import ray
        except ImportError:
            msg = "Ray is not installed."
            remedy = "pip install 'resift-batch[ray]'"
            raise ModelError(msg, remedy=remedy) from None
        self._ray: Any = ray
        self._workers = workers
        self._needs = {"num_cpus": threads, "num_gpus": gpus}

    def map(self, out: Path, tasks: Iterable[Task]) -> Iterator[Outcome]:
        ray = self._ray
        if not ray.is_initialized():
            ray.init(log_to_driver=False, include_dashboard=False)
        actor = ray.remote(**self._needs, max_restarts=0)(_Actor)
        todo = deque(tasks)
        idle = [
            actor.remote(out.resolve()) for _ in range(min(self._workers, len(todo)))
        ]
        busy: dict[Any, tuple[Any, Task]] = {}
        try:
            while todo or busy:
                while todo and idle:
                    worker, task = idle.pop(), todo.popleft()
                    busy[worker.run.remote(task)] = worker, task
                ((ready,), _) = ray.wait(list(busy), num_returns=1)
                worker, task = busy.pop(ready)
                try:
                    outcome: Outcome = ray.get(ready)
                except ray.exceptions.RayActorError:
                    outcome = Died(task)
                    worker = actor.remote(out.resolve())
                idle.append(worker)
                yield outcome
        finally:
            for worker in (*idle, *(worker for worker, _ in busy.values())):
                ray.kill(worker)


class _Actor:
    """One worker of the cluster.

    Args:
        out: The folder of the job.
    """

    def __init__(self, out: Path) -> None:
        self._out = out
        self._shown = Folder(out).shared()
        self._shown.__enter__()

    def run(self, task: Task) -> Outcome:
        """Do a part."""
        return attempt(self._out, task)
