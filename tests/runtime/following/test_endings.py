"""How following ends: with its detector, with the interpreter, and with nobody kept waiting."""

from __future__ import annotations

import gc
import math
import threading

import pytest

from tests.runtime.conftest import FAST, SLOW, Pair
from tests.runtime.following.tags import FRAME, follow, move, watchers
from tests.runtime.samples import run_python
from tests.runtime.waiting import wait_for
from zcc.runtime.follow import join_within


def test_a_detector_that_is_dropped_or_closed_is_followed_no_more(prod: Pair) -> None:
    closed, dropped = follow(prod), follow(prod)
    assert len(watchers()) == 2
    closed.close()
    assert len(watchers()) == 1
    del dropped
    gc.collect()
    wait_for(lambda: not watchers())
    move(prod, SLOW)
    assert closed.manifest.target == FAST
    assert len(closed(FRAME)) > 0


def test_a_callback_may_close_the_detector(prod: Pair) -> None:
    detector = follow(prod)
    detector.on_swap(lambda *_: detector.close())
    move(prod, SLOW)
    wait_for(lambda: not watchers())
    assert detector.manifest.target == SLOW


PRELUDE = """
import os, sys, time
import numpy as np
from zcc.runtime import Detector, Following
detector = Detector.load("tiny:prod", registry=sys.argv[1], follow=Following(agreement=0, interval=0.05))
frame = np.zeros((48, 64, 3), np.uint8)
detector(frame)
"""


@pytest.mark.parametrize("ending", ["", "sys.exit(0)", "del detector", "detector.close()"])
def test_the_interpreter_ends_while_a_tag_is_followed(prod: Pair, ending: str) -> None:
    assert run_python(f"{PRELUDE}\ntime.sleep(0.1)\n{ending}", prod.home) == ""


def test_both_sides_of_a_fork_follow(prod: Pair) -> None:
    code = f"""{PRELUDE}
child = os.fork()
from zcc.registry import Registry
if child:
    Registry.open(sys.argv[1]).tag("tiny", "prod", target="{SLOW}")
until = time.monotonic() + 120
while detector.manifest.target != "{SLOW}" and time.monotonic() < until:
    detector(frame)
    time.sleep(0.01)
print(detector.manifest.target, flush=True)
if child:
    print(os.waitpid(child, 0)[1])
"""
    assert run_python(code, prod.home).splitlines() == [SLOW, SLOW, "0"]


class Clock:
    """A clock that goes on when somebody waits."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Stuck(threading.Thread):
    """A thread that does not end, whoever waits for it."""

    def __init__(self, clock: Clock, patience: float = math.inf) -> None:
        super().__init__()
        self._clock, self._patience = clock, patience
        self.waited: list[float] = []

    def join(self, timeout: float | None = None) -> None:
        assert timeout is not None, "it would be waited for for ever"
        self.waited.append(timeout)
        self._clock.now += min(timeout, self._patience)


def test_an_exit_waits_for_all_watchers_together_no_longer_than_it_says() -> None:
    clock = Clock()
    threads = [Stuck(clock, 2.0), Stuck(clock), Stuck(clock)]
    join_within(5.0, threads, clock)
    assert [thread.waited for thread in threads] == [[5.0], [3.0], [0.0]]
    assert clock.now == 105.0
