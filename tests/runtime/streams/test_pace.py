"""How frames wait for whoever looks at them, what is dropped, and what the statistics say of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.runtime.samples import noise
from tests.runtime.streams.frames import COUNT, frames
from tests.runtime.waiting import wait_for
from zcc.runtime import Detections, Detector
from zcc.runtime.errors import FrameError
from zcc.runtime.feeds.shot import Shot
from zcc.runtime.stream import Stream

PATIENT = 60.0  # seconds, on a machine that is busy with other things


NOTHING = Detections(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int32), 0.0)


class Clock:
    """Time that each thread has of its own, and that passes where the thread says so."""

    def __init__(self) -> None:
        self._own = threading.local()

    def __call__(self) -> float:
        return getattr(self._own, "now", 0.0)

    def passes(self, seconds: float) -> None:
        """So much of it."""
        self._own.now = self() + seconds


class Telling:
    """A frame under way that says when it was put there and when it was waited for."""

    def __init__(self, told: list[str], number: int) -> None:
        self.told, self.number = told, number
        told.append(f"begin {number}")

    def done(self) -> bool:
        return True

    def result(self) -> Detections:
        self.told.append(f"end {self.number}")
        return NOTHING


def test_every_frame_waits_for_a_slow_consumer(detector: Detector) -> None:
    ahead: list[int] = []
    given = 0

    def source() -> Iterator[NDArray[np.uint8]]:
        nonlocal given
        for frame in frames():
            given += 1
            yield frame

    stream = detector.stream(source(), queue=2)
    for each in stream:
        wait_for(lambda seen=each.index + 1: given >= min(seen + 3, COUNT))
        ahead.append(given - each.index - 1)
    assert stream.statistics.dropped == 0
    assert len(ahead) == COUNT
    assert max(ahead) == 2 + 1, "those in the queue, and one in the hand of the reader"


def test_a_slow_consumer_sees_the_newest_frames(detector: Detector) -> None:
    """The camera shows ten while each one is looked at."""
    wanted, shown = threading.Semaphore(0), threading.Semaphore(0)

    def camera() -> Iterator[NDArray[np.uint8]]:
        yield noise(48, 64, 0)
        for number in range(1, 101):
            if number % 10 == 1:
                wanted.acquire()
            yield noise(48, 64, number)
            if number % 10 == 0:  # it is asked for more: whoever read this one has passed it on
                shown.release()

    stream, indices = detector.stream(camera(), mode="newest"), []
    for each in stream:
        indices.append(each.index)
        np.testing.assert_array_equal(each.frame, noise(48, 64, each.index))
        if each.index < 100:
            wanted.release()
            assert shown.acquire(timeout=PATIENT)
    statistics = stream.statistics
    assert indices == list(range(0, 101, 10))
    assert (statistics.read, statistics.dropped, statistics.done) == (101, 90, 11)


def test_the_statistics_say_where_the_time_goes() -> None:
    clock = Clock()

    def slow() -> Iterator[Shot]:
        for frame, seconds in zip(frames(5), (0.03, 0.03, 0.03, 0.03, 0.08), strict=True):
            clock.passes(seconds)
            yield Shot(frame, "camera")

    def detect(_: object) -> Detections:
        clock.passes(0.01)
        return NOTHING

    stream = Stream(detect, slow(), clock=clock)
    assert stream.statistics.fps == 0
    assert [each.milliseconds for each in stream] == pytest.approx([10] * 5)
    found = stream.statistics
    assert (found.reading.mean, found.reading.p50) == pytest.approx((40, 30))
    assert 30 < found.reading.p99 < 80
    assert (found.detecting.mean, found.detecting.p99) == pytest.approx((10, 10))
    assert found.waiting.mean == 0, "its thread's time does not pass while it waits"
    assert (found.seconds, found.fps) == pytest.approx((0.05, 100))
    assert found.describe()["reading"]["p99"] == found.reading.p99
    assert str(found).startswith("5 frames at 100.0 a second, 0 dropped; reading 30.0 ms")


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [
        ("every", ["begin 0", "begin 1", "end 0", "begin 2", "end 1", "end 2"]),
        ("newest", ["detect 0", "detect 1", "detect 2"]),
    ],
)
def test_the_next_frame_is_under_way_while_one_is_looked_at(mode: str, wanted: list[str]) -> None:
    """Only where none is dropped: a frame that waits on its way is older than the newest."""
    told, all_read = list[str](), threading.Event()

    def source() -> Iterator[Shot]:
        yield from (Shot(number, "") for number in range(3))
        all_read.set()

    def detect(frame: int) -> Detections:
        told.append(f"detect {frame}")
        return NOTHING

    def submit(frame: int) -> Telling:
        all_read.wait(PATIENT)
        return Telling(told, frame)

    assert len(list(Stream(detect, source(), mode, queue=3, submit=submit))) == 3
    assert told == wanted


def test_a_frame_that_fails_under_way_fails_in_its_turn(detector: Detector) -> None:
    good, bad = noise(48, 64), np.zeros((48, 64, 2), np.uint8)
    stream, seen = detector.stream([good, good, bad, good]), []
    with pytest.raises(FrameError, match="has shape"):
        seen.extend(each.index for each in stream)
    assert seen == [0, 1]
