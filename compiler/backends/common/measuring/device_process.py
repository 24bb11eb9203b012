"""A process that measures for another one, so that a kernel that crashes or hangs takes nothing else with it."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from zcc.compiler.backends.common.measuring.answer import Asked, TrialAnswer
from zcc.compiler.backends.common.measuring.device import Device, DeviceAddress, MeasuringDeviceLost, Unreachable
from zcc.compiler.backends.common.processes import without_interrupts

PATIENCE = 60.0  # seconds for a trial's library to be built and loaded
PATIENCE_PER_FORM = 10.0  # seconds for each of its forms to be timed; they take tenths of one
QUEUE_PATIENCE = 900.0  # seconds until a machine is free
CONNECTED = "connected"

Measure = Callable[[Any, Device], TrialAnswer]  # what a process does with what it is asked


class Ended(Exception):
    """The search is over; nothing more is measured."""


class DeviceWorker:
    """A device's process, started when it is first asked, and anew after it died."""

    def __init__(
        self,
        address: DeviceAddress,
        measure: Measure,
        patience: float = PATIENCE,
        patience_per_form: float = PATIENCE_PER_FORM,
        answers: Callable[[Connection, float], bool] = Connection.poll,
    ) -> None:
        self.address = address
        self._measure = measure
        self._patience, self._patience_per_form, self._answers = patience, patience_per_form, answers
        self._process: Any = None
        self._pipe: Connection | None = None
        self._ended = False
        self._changing = threading.RLock()

    def ask(self, trial: Asked) -> TrialAnswer:
        """What came of the trial; when a form brings the process down, the others are measured without it.

        Raises MeasuringDeviceLost when the device is not there any more, Unreachable when it never was.
        """
        answer = self._ask(trial)
        if isinstance(answer, TrialAnswer):
            return answer
        if len(trial.forms) == 1:
            return TrialAnswer.failed(trial, answer)
        return TrialAnswer.joined([self.ask(single) for single in trial.alone()])

    def end(self) -> None:
        """End the process for good, whatever it is doing; who waits for an answer, or asks again, gets Ended."""
        with self._changing:
            self._ended = True
            self._close()

    def _close(self) -> None:
        with self._changing:
            if self._process is not None:
                self._process.kill()
                self._process.join()
                self._process = None

    def _ask(self, trial: Asked) -> TrialAnswer | str:
        """The answer, or why there is none."""
        process, pipe = self._started()
        patience = self._patience + self._patience_per_form * len(trial.forms)
        connected = False
        try:
            pipe.send(trial)
            answer = self._answer(pipe, QUEUE_PATIENCE)
            if connected := answer == CONNECTED:
                answer = self._answer(pipe, patience)
        except (EOFError, OSError):
            process.join()
            self._close()
            if self._ended:
                raise Ended from None
            answer = f"it brought the process down ({_manner(process.exitcode)})"
        if not connected:
            self._close()
            raise Unreachable(str(answer))
        if isinstance(answer, MeasuringDeviceLost):
            self._close()
            raise answer
        return answer

    def _answer(self, pipe: Connection, patience: float) -> TrialAnswer | MeasuringDeviceLost | str:
        if self._answers(pipe, patience):
            answer: TrialAnswer | MeasuringDeviceLost | str = pipe.recv()
            return answer
        self._close()
        return f"no answer in {patience:.0f} seconds"

    def _started(self) -> tuple[Any, Connection]:
        with self._changing:
            if self._ended:
                raise Ended
            if self._process is None or self._pipe is None:
                context = multiprocessing.get_context("spawn")
                self._pipe, theirs = context.Pipe()
                process = context.Process(target=_serve, args=(theirs, self.address, self._measure), daemon=True)
                with without_interrupts():
                    process.start()
                theirs.close()
                self._process = process
            return self._process, self._pipe


def _serve(pipe: Connection, address: DeviceAddress, measure: Measure) -> None:
    """The process: trials in, answers out, until the pipe is closed."""
    while (trial := _next(pipe)) is not None:
        # Nothing of the device may outlive the answer: others wait for it, and so may this very process.
        pipe.send(_attempt(trial, address, measure, lambda: pipe.send(CONNECTED)))


def _attempt(
    trial: Asked, address: DeviceAddress, measure: Measure, connected: Callable[[], None]
) -> TrialAnswer | MeasuringDeviceLost | str:
    try:
        device = address.connect()
        connected()
        return measure(trial, device)
    except MeasuringDeviceLost as lost:
        return MeasuringDeviceLost(*lost.args)
    except Exception as error:  # noqa: BLE001 - whatever happened, the parent must hear of it
        return f"{type(error).__name__}: {_last_line(error)}"


def _next(pipe: Connection) -> Any | None:
    try:
        return pipe.recv()
    except EOFError:
        return None


def _manner(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit status {code}"


def _last_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else "no message"
