"""Contestants in real processes: answers come back, and however a process ends it is told."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.compiler.racing import contestants
from tests.conftest import ROOT
from zcc.compiler.racing.contestant import Contestant, RaceEntry, Thresholds
from zcc.compiler.racing.worker import RaceWorker
from zcc.runtime.errors import BenchmarkError, IncompatibleHost, ZccError

IMAGE = np.arange(12, dtype=np.float32).reshape(1, 3, 2, 2)
FRAMES = [np.full((4, 4, 3), value, np.uint8) for value in (10, 20)]


def test_answers_come_from_the_other_process(capfd: pytest.CaptureFixture[str]) -> None:
    with RaceWorker(contestants.SLEEPER, threads=5) as worker:
        assert worker.about == "sleeps"
        np.testing.assert_array_equal(worker.network(IMAGE), IMAGE * 2)
        found = worker.detect(FRAMES[1], Thresholds(0.5, 0.45))
        np.testing.assert_array_equal(found.boxes, [[0, 0, 20, 5]])
        assert found.scores.tolist() == [0.5]
    assert capfd.readouterr().out == "", "what native libraries print must not reach the parent's stdout"


def test_a_turn_times_every_run_and_every_step() -> None:
    with RaceWorker(contestants.SLEEPER, threads=1) as worker:
        worker.prepare(IMAGE, FRAMES, Thresholds(0.5, 0.45))
        turn = worker.turn(first=1, runs=4)
    assert len(turn.network) == len(turn.frames) == 4
    assert all(seconds >= 0.002 for seconds in turn.network)
    for steps in turn.frames:
        assert list(steps) == ["look", "tell"]
        assert steps["look"] >= 0.002 > steps["tell"] > 0


def state_of(pid: int) -> str:
    """As the kernel has it: T for one that is stopped; nothing for one that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return ""


def test_one_that_rests_stands_still_until_it_is_asked() -> None:
    with RaceWorker(contestants.SLEEPER, threads=1) as worker:
        worker.rest()
        os.waitid(os.P_PID, worker.pid or 0, os.WSTOPPED | os.WNOWAIT)
        np.testing.assert_array_equal(worker.network(IMAGE), IMAGE * 2)
        worker.rest()
    assert state_of(worker.pid or 0) == "", "it is ended though it stands still"


def test_one_that_rests_ends_with_its_parent() -> None:
    code = (
        "import os, signal\nfrom tests.compiler.racing.contestants import SLEEPER\n"
        "from zcc.compiler.racing.worker import RaceWorker\n"
        "worker = RaceWorker(SLEEPER, 1)\nworker.rest()\nprint(worker.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    until = time.monotonic() + 120
    while state_of(int(done.stdout)) not in ("", "Z"):
        assert time.monotonic() < until, "it stands still for ever"
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("enter", "kind", "words"),
    [
        (contestants.fail, BenchmarkError, "broken failed: ZeroDivisionError: what is wrong"),
        (contestants.refuse, IncompatibleHost, "not here; elsewhere"),
        (contestants.leave, BenchmarkError, "the process of broken ended (status 3)"),
    ],
)
def test_an_end_is_told_in_one_line(enter: Callable[[int], Contestant], kind: type[ZccError], words: str) -> None:
    with RaceWorker(RaceEntry("broken", enter), threads=1) as worker:
        with pytest.raises(kind) as caught:
            worker.network(IMAGE)
        assert str(caught.value) == words
        with pytest.raises(BenchmarkError, match="the process of broken ended"):
            worker.network(IMAGE)


def test_one_that_cannot_enter_is_told_at_once() -> None:
    with pytest.raises(BenchmarkError, match="absent failed: ImportError: no such library"):
        RaceWorker(RaceEntry("absent", contestants.never_enter), threads=1)


def test_no_process_outlives_the_race() -> None:
    with RaceWorker(contestants.SLEEPER, threads=1) as worker:
        pid = worker.pid
        os.kill(pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
