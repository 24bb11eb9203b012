"""A contestant in a process of its own, asked over a pipe; it times itself, so the pipe costs nobody anything."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Sequence
from itertools import pairwise
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

from zcc.compiler.racing.contestant import Contestant, Entry, Floats, Found, Pixels, Thresholds
from zcc.runtime.errors import BenchmarkError, ZccError

PATIENCE = 600  # seconds for one answer
# Whoever ran before may keep threads spinning for a while; runs in that time are not counted.
SETTLE = 0.03


class Worker:
    """The parent's end."""

    def __init__(self, entry: Entry, threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.name = entry.name
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, entry, threads), daemon=True)
        self._process.start()
        theirs.close()
        self.about = str(self._answer())

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process, whatever it is doing."""
        self._pipe.close()
        self._process.kill()
        self._process.join()

    def detect(self, frame: Pixels, thresholds: Thresholds) -> Found:
        """What the contestant finds in a frame."""
        found: Found = self._ask("detect", frame, thresholds)
        return found

    def network(self, image: Floats) -> Floats:
        """The contestant's output for a prepared input."""
        output: Floats = self._ask("network", image)
        return output

    def prepare(self, image: Floats, frames: Sequence[Pixels], thresholds: Thresholds) -> None:
        """Hand over what the timed runs are made on."""
        self._ask("prepare", image, frames, thresholds)

    def time_network(self, runs: int) -> list[float]:
        """Seconds of each of some runs of the network."""
        seconds: list[float] = self._ask("time_network", runs)
        return seconds

    def time_frames(self, first: int, runs: int) -> list[dict[str, float]]:
        """Seconds of each step for some frames, from number `first` on; after the last comes the first again."""
        seconds: list[dict[str, float]] = self._ask("time_frames", first, runs)
        return seconds

    def _ask(self, method: str, *arguments: Any) -> Any:
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


class _Runner:
    """The other end: the contestant, and what its timed runs are made on."""

    def __init__(self, contestant: Contestant) -> None:
        self._contestant = contestant

    def detect(self, frame: Pixels, thresholds: Thresholds) -> Found:
        found = frame
        for _, step in self._contestant.steps(thresholds):
            found = step(found)
        return found  # type: ignore[return-value]

    def network(self, image: Floats) -> Floats:
        return self._contestant.network(image)

    def prepare(self, image: Floats, frames: Sequence[Pixels], thresholds: Thresholds) -> None:
        self._image, self._frames, self._steps = image, frames, self._contestant.steps(thresholds)

    def time_network(self, runs: int) -> list[float]:
        self._settle(lambda: self._contestant.network(self._image))
        clock = [time.perf_counter()]
        for _ in range(runs):
            self._contestant.network(self._image)
            clock.append(time.perf_counter())
        return [after - before for before, after in pairwise(clock)]

    def time_frames(self, first: int, runs: int) -> list[dict[str, float]]:
        self._settle(lambda: self._time_frame(first))
        return [self._time_frame(first + number) for number in range(runs)]

    def _time_frame(self, number: int) -> dict[str, float]:
        value: Any = self._frames[number % len(self._frames)]
        seconds, before = {}, time.perf_counter()
        for name, step in self._steps:
            value = step(value)
            after = time.perf_counter()
            seconds[name], before = after - before, after
        return seconds

    @staticmethod
    def _settle(run: Any) -> None:
        start = time.perf_counter()
        run()
        while time.perf_counter() - start < SETTLE:
            run()


def _serve(pipe: Connection, entry: Entry, threads: int) -> None:
    """Answer until the parent hangs up."""
    os.dup2(2, 1)  # what native libraries print is not the parent's result
    try:
        contestant = entry.enter(threads)
        runner = _Runner(contestant)
        pipe.send(contestant.about)
        while True:
            method, arguments = pipe.recv()
            pipe.send(getattr(runner, method)(*arguments))
    except EOFError:
        return
    except ZccError as error:
        pipe.send(error)
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent must hear of it
        first_line = next(iter(str(error).splitlines()), "")
        pipe.send(BenchmarkError(f"{entry.name} failed: {type(error).__name__}: {first_line}"))
