"""Workers of a Ray cluster, or of one that is started on this machine for the time of a build."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

from zcc.compiler.fleet.crew import Deaths
from zcc.compiler.fleet.tasks import Answer, FleetTask, Perform, Stage, Tell
from zcc.compiler.fleet.work import perform
from zcc.runtime.distribution import how_to_install
from zcc.runtime.errors import BuildError, UsageError

LOCAL = "local"  # the cluster that is started here
LOOK = 0.5  # seconds after which stages are asked for while nothing ends


class RayCrew:
    """Tasks to a cluster; every machine of it reaches the registry and the files by the paths that they have here."""

    def __init__(self, address: str, workers: int, perform: Perform = perform) -> None:
        self._ray = _connect(address, workers)
        self.workers = workers if address == LOCAL else max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        self._board = self._ray.remote(num_cpus=0)(_Board).remote()
        self._perform = self._ray.remote(num_cpus=1, max_retries=0)(_perform)
        self._work = perform

    def run(self, tasks: Sequence[FleetTask], tell: Tell) -> Iterator[tuple[FleetTask, Answer]]:
        """Every task with its answer, as they come; what a worker died over is given to another one."""
        deaths = Deaths()
        running = {self._perform.remote(self._work, task, self._board): task for task in tasks}
        while running:
            done, _ = self._ray.wait(list(running), timeout=LOOK)
            for stage in self._ray.get(self._board.take.remote()):
                tell(stage)
            for reference in done:
                task = running.pop(reference)
                answer = self._answer(reference, task, deaths)
                if answer is None:
                    running[self._perform.remote(self._work, task, self._board)] = task
                else:
                    yield task, answer

    def close(self) -> None:
        """Leave the cluster; one that was started here ends."""
        self._ray.shutdown()

    def _answer(self, reference: Any, task: FleetTask, deaths: Deaths) -> Answer | None:
        """None when the worker or its machine died, and the task may be tried again."""
        try:
            answer: Answer = self._ray.get(reference)
            return answer
        except self._ray.exceptions.RayError as error:
            return deaths.over(task, type(error).__name__)


class _Board:
    """Where workers write what they do, until it is read."""

    def __init__(self) -> None:
        self._stages: list[Stage] = []

    def tell(self, stage: Stage) -> None:
        """Write a stage."""
        self._stages.append(stage)

    def take(self) -> list[Stage]:
        """Everything written since the last time."""
        taken, self._stages = self._stages, []
        return taken


def _perform(perform: Perform, task: FleetTask, board: Any) -> Answer:
    return perform(task, board.tell.remote)


def _connect(address: str, workers: int) -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to Ray's makers
    try:
        import ray
    except ImportError as error:
        raise UsageError("builds on a Ray cluster need ray, which is not installed", how_to_install("fleet")) from error
    quiet = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": True}
    try:
        if address == LOCAL:
            ray.init(num_cpus=workers, include_dashboard=False, _node_ip_address="127.0.0.1", **quiet)
        else:
            ray.init(address=address, **quiet)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise BuildError(f"the Ray cluster {address} cannot be reached: {first}", "check its address") from error
    return ray
