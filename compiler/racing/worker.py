"""A contestant in a process of its own, asked over a pipe; it times itself, so the pipe costs nobody anything."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from zcc.compiler.backends.common.processes import end_with_parent, without_interrupts
from zcc.compiler.racing.contestant import Contestant, Floats, FoundBoxes, OwnClock, Pixels, RaceEntry, Step, Thresholds
from zcc.runtime.errors import BenchmarkError, ZccError

PATIENCE = 600  # seconds for one answer


class Turn(NamedTuple):
    """What a contestant took in one turn, in seconds."""

    network: list[float]
    frames: list[dict[str, float]]  # by step


class RaceWorker:
    """The parent's end."""

    def __init__(self, entry: RaceEntry, threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.name = entry.name
        self._resting = False
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, entry, threads), daemon=True)
        with without_interrupts():
            self._process.start()
        theirs.close()
        self.about = str(self._answer())

    def __enter__(self) -> RaceWorker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process, whatever it is doing."""
        self._pipe.close()
        self._process.kill()
        self._process.join()

    @property
    def pid(self) -> int | None:
        """The process."""
        return self._process.pid

    def detect(self, frame: Pixels, thresholds: Thresholds) -> FoundBoxes:
        """What the contestant finds in a frame."""
        found: FoundBoxes = self._ask("detect", frame, thresholds)
        return found

    def network(self, image: Floats) -> Floats | None:
        """The contestant's output for a prepared input, where it has one."""
        output: Floats | None = self._ask("network", image)
        return output

    def prepare(self, image: Floats, frames: Sequence[Pixels], thresholds: Thresholds) -> None:
        """Hand over what the timed runs are made on."""
        self._ask("prepare", image, frames, thresholds)

    def turn(self, first: int, runs: int, seconds: float = 0.0) -> Turn:
        """Time so many runs of the network at least, then so many frames from number `first` on; each for so long."""
        turn: Turn = self._ask("turn", first, runs, seconds)
        return turn

    def rest(self) -> None:
        """Stop all threads of the process until it is asked for something: some spin on for long after their work."""
        self._signal(signal.SIGSTOP)
        self._resting = True

    def _signal(self, number: int) -> None:
        if self.pid is not None and self._process.is_alive():
            os.kill(self.pid, number)

    def _ask(self, method: str, *arguments: Any) -> Any:
        if self._resting:
            self._signal(signal.SIGCONT)
            self._resting = False
        try:
            self._pipe.send((method, arguments))
        except OSError as error:
            raise self._gone() from error
        return self._answer()

    def _answer(self) -> Any:
        try:
            if not self._pipe.poll(PATIENCE):
                raise BenchmarkError(f"{self.name} did not answer in {PATIENCE} seconds")
            answer = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise self._gone() from error
        if isinstance(answer, ZccError):
            raise answer
        return answer

    def _gone(self) -> BenchmarkError:
        self._process.join(1)
        return BenchmarkError(f"the process of {self.name} ended (status {self._process.exitcode})")


class _ContestantRunner:
    """The other end: the contestant, and what its timed runs are made on."""

    def __init__(self, contestant: Contestant) -> None:
        self._contestant = contestant

    def detect(self, frame: Pixels, thresholds: Thresholds) -> FoundBoxes:
        found = frame
        for _, step in self._contestant.steps(thresholds):
            found = step(found)
        return found  # type: ignore[return-value]

    def network(self, image: Floats) -> Floats | None:
        return self._contestant.network(image)

    def prepare(self, image: Floats, frames: Sequence[Pixels], thresholds: Thresholds) -> None:
        self._image, self._frames, self._steps = image, frames, self._contestant.steps(thresholds)

    def turn(self, first: int, runs: int, seconds: float) -> Turn:
        self._time_network()  # what others left in the caches, or a sleeping core, is nobody's own
        network = [self._time_network() for _ in _counted(runs, seconds)]
        self._time_frame(first)
        return Turn(network, [self._time_frame(first + number) for number in _counted(runs, seconds)])

    def _time_network(self) -> float:
        if isinstance(self._contestant, OwnClock):
            return self._contestant.network_seconds(self._image)
        start = time.perf_counter()
        self._contestant.network(self._image)
        return time.perf_counter() - start

    def _time_frame(self, number: int) -> dict[str, float]:
        return time_steps(self._steps, self._frames[number % len(self._frames)])


def _counted(runs: int, seconds: float) -> Iterator[int]:
    """Numbers from 0 on: so many at least, and until the time is over."""
    start = time.perf_counter()
    number = 0
    while number < runs or time.perf_counter() - start < seconds:
        yield number
        number += 1


def time_steps(steps: Sequence[Step], value: Any) -> dict[str, float]:
    """The seconds of each step, of which each takes what the one before it returned."""
    seconds, before = {}, time.perf_counter()
    for name, step in steps:
        value = step(value)
        after = time.perf_counter()
        seconds[name], before = after - before, after
    return seconds


def process_seconds(pid: int | None) -> float:
    """What a process has had of the processor, in all its threads; 0 where that is not told."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _serve(pipe: Connection, entry: RaceEntry, threads: int) -> None:
    """Answer until the parent hangs up."""
    os.dup2(2, 1)  # what native libraries print is not the parent's result
    end_with_parent()  # a process that rests would never hear that nobody waits for it any more
    try:
        contestant = entry.enter(threads)
        runner = _ContestantRunner(contestant)
        pipe.send(contestant.about)
        while True:
            method, arguments = pipe.recv()
            pipe.send(getattr(runner, method)(*arguments))
    except EOFError:
        return
    except ZccError as error:
        pipe.send(error)
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent must hear of it
        pipe.send(BenchmarkError(f"{entry.name} failed: {type(error).__name__}: {_told(error)}"))


def _told(error: Exception) -> str:
    """The first line that says what is wrong: OpenVINO's errors begin with where it was found."""
    lines = [line.strip() for line in str(error).splitlines()]
    return next((line for line in lines if line and not line.startswith("Exception from ")), "")
