"""A process that measures for another one, so that a kernel that crashes or hangs takes nothing else with it."""

from __future__ import annotations

import multiprocessing
import signal
from multiprocessing.connection import Connection
from typing import Any

from zcc.compiler.tuning.device import Address, DeviceLost
from zcc.compiler.tuning.measure import measure
from zcc.compiler.tuning.trial import Answer, Trial

PATIENCE = 60.0  # seconds for a trial's library to be built and loaded
PATIENCE_PER_FORM = 10.0
QUEUE_PATIENCE = 900.0  # seconds until a machine is free
CONNECTED = "connected"


class Worker:
    """A device's process, started when it is first asked, and anew after it died."""

    def __init__(
        self, address: Address, patience: float = PATIENCE, patience_per_form: float = PATIENCE_PER_FORM
    ) -> None:
        self.address = address
        self._patience, self._patience_per_form = patience, patience_per_form
        self._process: Any = None
        self._pipe: Connection | None = None

    def ask(self, trial: Trial) -> Answer:
        """What came of the trial; when a form brings the process down, the others are measured without it.

        Raises DeviceLost when the device is not there any more.
        """
        answer = self._ask(trial)
        if isinstance(answer, Answer):
            return answer
        if len(trial.forms) == 1:
            return Answer.failed(trial, answer)
        return Answer.joined([self.ask(single) for single in trial.alone()])

    def close(self) -> None:
        """End the process, whatever it is doing."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None

    def _ask(self, trial: Trial) -> Answer | str:
        """The answer, or why there is none."""
        pipe = self._started()
        patience = self._patience + self._patience_per_form * len(trial.forms)
        try:
            pipe.send(trial)
            answer = self._answer(pipe, QUEUE_PATIENCE)
            if answer == CONNECTED:
                answer = self._answer(pipe, patience)
        except (EOFError, OSError):
            self._process.join()
            ended = self._process.exitcode
            self.close()
            return f"it brought the process down ({_manner(ended)})"
        if isinstance(answer, DeviceLost):
            self.close()
            raise answer
        return answer

    def _answer(self, pipe: Connection, patience: float) -> Answer | DeviceLost | str:
        if pipe.poll(patience):
            answer: Answer | DeviceLost | str = pipe.recv()
            return answer
        self.close()
        return f"no answer in {patience:.0f} seconds"

    def _started(self) -> Connection:
        if self._process is None:
            context = multiprocessing.get_context("spawn")
            self._pipe, theirs = context.Pipe()
            self._process = context.Process(target=_serve, args=(theirs, self.address), daemon=True)
            self._process.start()
            theirs.close()
        assert self._pipe is not None
        return self._pipe


def _serve(pipe: Connection, address: Address) -> None:
    """The process: trials in, answers out, until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to deal with
    while (trial := _next(pipe)) is not None:
        try:
            device = address.connect()
            pipe.send(CONNECTED)
            answer: Answer | str | DeviceLost = measure(trial, device)
        except DeviceLost as lost:
            answer = lost
        except Exception as error:  # noqa: BLE001 - whatever happened, the parent must hear of it
            answer = f"{type(error).__name__}: {_last_line(error)}"
        pipe.send(answer)


def _next(pipe: Connection) -> Trial | None:
    try:
        trial: Trial = pipe.recv()
        return trial
    except EOFError:
        return None


def _manner(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit status {code}"


def _last_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else "no message"
