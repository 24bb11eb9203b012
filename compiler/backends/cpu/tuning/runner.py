"""MetaSchedule's builder and runner over our devices: candidates of a batch are one trial of one device."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from functools import partial
from queue import SimpleQueue
from typing import Any

from tvm.ir.utils import derived_object
from tvm.s_tir.meta_schedule.builder import BuilderResult, PyBuilder
from tvm.s_tir.meta_schedule.runner import PyRunner, PyRunnerFuture, RunnerResult

from zcc.compiler.backends.common.measuring.answer import TrialAnswer
from zcc.compiler.backends.common.measuring.device import DeviceAddress, MeasuringDeviceLost, Unreachable
from zcc.compiler.backends.common.measuring.device_process import DeviceWorker
from zcc.compiler.backends.cpu.forms.workload import chosen_in, kernel_in
from zcc.compiler.backends.cpu.kernels.choices import Tunable, read_choice, write_choice
from zcc.compiler.backends.cpu.targets.target import CpuTarget
from zcc.compiler.backends.cpu.tuning.measure import measure
from zcc.compiler.backends.cpu.tuning.trial import KernelTrial

BETWEEN = "|"  # a kernel and a choice in the place of a path
LOST = 2  # devices that may be lost with one trial before the trial is to blame
CALLS = 5  # attempts to reach a device
PAUSE = 2.0  # seconds between them: a tracker needs a while to forget a machine that went away
GLANCE = 0.2  # seconds between looks at whether to stop


class Interrupted(Exception):
    """The search is to stop; what was measured is kept."""


class Devices:
    """Measures trials, each on whichever device is free."""

    def __init__(self, addresses: list[DeviceAddress]) -> None:
        self.unreachable: str | None = None  # why there is no device any more
        self._workers: SimpleQueue[DeviceWorker] = SimpleQueue()
        self._all = [DeviceWorker(address, measure) for address in addresses]
        for worker in self._all:
            self._workers.put(worker)
        self._pool = ThreadPoolExecutor(len(addresses), thread_name_prefix="zcc-tuning")

    def submit(self, trial: KernelTrial) -> Future[TrialAnswer]:
        """The answer to come."""
        return self._pool.submit(self._ask, trial)

    def close(self) -> None:
        """End all processes; what they were measuring is lost."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for worker in self._all:
            worker.end()

    def _ask(self, trial: KernelTrial) -> TrialAnswer:
        for _ in range(LOST):
            worker = self._workers.get()
            try:
                return self._reach(worker, trial)
            except Unreachable as lost:
                self.unreachable = str(lost)
                raise
            except MeasuringDeviceLost as lost:
                reason = str(lost)
            finally:
                self._workers.put(worker)
        if len(trial.forms) == 1:
            return TrialAnswer.failed(trial, reason)
        return TrialAnswer.joined([self._ask(single) for single in trial.alone()])

    def _reach(self, worker: DeviceWorker, trial: KernelTrial) -> TrialAnswer:
        for _ in range(CALLS - 1):
            try:
                return worker.ask(trial)
            except Unreachable:
                time.sleep(PAUSE)
        return worker.ask(trial)


@derived_object
class PassOn(PyBuilder):  # type: ignore[misc]
    """Builds nothing: a device builds what it measures, in a process that may crash."""

    def build(self, build_inputs: list[Any]) -> list[Any]:
        """The kernel and the choice, for the runner."""
        told = [(kernel_in(each.mod), write_choice(chosen_in(each.mod))) for each in build_inputs]
        return [BuilderResult(BETWEEN.join(pair), None) for pair in told]


@derived_object
class PendingCandidate(PyRunnerFuture):  # type: ignore[misc]
    """One candidate of a trial that was submitted."""

    def __init__(self, done: Callable[[], bool], result: Callable[[], Any]) -> None:
        super().__init__()
        self.is_done, self.get = done, result

    def done(self) -> bool:
        """Whether the answer is there."""
        return self.is_done()

    def result(self) -> Any:
        """Wait for the answer."""
        return self.get()


@derived_object
class TrialRunner(PyRunner):  # type: ignore[misc]
    """Runs the candidates of a batch, all of one kernel, as one trial."""

    def __init__(
        self,
        devices: Devices,
        kernels: dict[str, Tunable],
        target: CpuTarget,
        seconds: dict[str, float],
        stop: threading.Event,
    ) -> None:
        super().__init__()
        self.devices, self.kernels, self.target = devices, kernels, target
        self.seconds = seconds  # of each kernel's default form, as its first trial measured them
        self.stop = stop

    def run(self, runner_inputs: list[Any]) -> list[Any]:
        """A future for each candidate."""
        told = [str(each.artifact_path).split(BETWEEN) for each in runner_inputs]
        described = told[0][0]
        default = self.kernels[described]
        forms = tuple(default.chosen(read_choice(choice)) for _, choice in told)
        answer = self.devices.submit(KernelTrial(default, forms, self.target))

        def result(index: int) -> Any:
            taken = self._await(answer)
            if taken.default_seconds is not None:
                self.seconds.setdefault(described, taken.default_seconds)
            outcome = taken.outcomes[index]
            if outcome.ratio is None:
                return RunnerResult(None, outcome.failure)
            # The default against itself is no reading, whatever the clock said.
            ratio = 1.0 if forms[index] == default else outcome.ratio
            return RunnerResult([ratio * self.seconds[described]], None)

        return [PendingCandidate(answer.done, partial(result, index)) for index in range(len(forms))]

    def _await(self, answer: Future[TrialAnswer]) -> TrialAnswer:
        while not self.stop.is_set():
            try:
                return answer.result(timeout=GLANCE)
            except NotYet:
                continue
        raise Interrupted
