"""Streams: real files, real videos, real threads."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.conftest import Tiny
from tests.runtime.conftest import FAST, SLOW, Pair
from tests.runtime.samples import assert_same, noise, run_python
from zcc.runtime import Detections, Detector
from zcc.runtime.errors import FrameError, InputError, UsageError
from zcc.runtime.feeds.shot import Shot
from zcc.runtime.stream import Stream

COUNT = 12
PATIENT = 60.0  # seconds, on a machine that is busy with other things


def frames(count: int = COUNT) -> list[NDArray[np.uint8]]:
    """Frames that differ."""
    return [noise(48, 64, seed) for seed in range(count)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures, and what is none, in a folder; their names are not in the order in which they are written."""
    place = tmp_path / "pictures"
    place.mkdir()
    for number, frame in reversed(list(enumerate(frames()))):
        cv2.imwrite(str(place / f"{number:03}.png"), frame)
    (place / "notes.txt").write_text("no picture")
    return place


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    """Whatever a test does with a stream, the thread that reads ends."""
    yield
    gc.collect()
    wait_for(lambda: not readers())


def wait_for(condition: Callable[[], object]) -> None:
    """Until it holds, or the test fails."""
    until = time.monotonic() + PATIENT
    while not condition():
        assert time.monotonic() < until, "it did not come about in time"
        time.sleep(0.002)


def readers() -> list[threading.Thread]:
    """The threads that read."""
    return [thread for thread in threading.enumerate() if thread.name == "zcc-stream"]


def test_a_folder_is_seen_picture_by_picture(detector: Detector, folder: Path) -> None:
    stream = detector.stream(folder, conf=0.3, iou=0.6)
    seen = list(stream)
    assert [each.name for each in seen] == [str(folder / f"{number:03}.png") for number in range(COUNT)]
    assert [each.index for each in seen] == list(range(COUNT))
    for each, frame in zip(seen, frames(), strict=True):
        np.testing.assert_array_equal(each.frame, frame)
        assert_same(each.detections, detector(frame, conf=0.3, iou=0.6))
    statistics = stream.statistics
    assert (statistics.read, statistics.dropped, statistics.done) == (COUNT, 0, COUNT)
    assert [each.time for each in seen] == sorted(each.time for each in seen)
    assert abs(time.time() - seen[-1].time) < 60


def test_a_picture_and_a_list_of_pictures(detector: Detector, folder: Path) -> None:
    one, two = folder / "003.png", folder / "001.png"
    assert [each.name for each in detector.stream(one)] == [str(one)]
    assert [each.name for each in detector.stream([str(one), two])] == [str(one), str(two)]
    rgb = Path(cv2.__file__)  # any file that is no picture
    with pytest.raises(FrameError, match="not an image"):
        list(detector.stream([rgb]))


def test_a_video_is_seen_frame_by_frame(detector: Detector, tmp_path: Path) -> None:
    """FFV1 loses nothing, so frames come back as they were written."""
    path = tmp_path / "clip.mkv"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFV1"), 25, (64, 48))
    for frame in frames():
        writer.write(frame)
    writer.release()
    expected = read_all(path)
    assert len(expected) == COUNT
    seen = list(detector.stream(path))
    assert {each.name for each in seen} == {str(path)}
    for each, frame in zip(seen, expected, strict=True):
        np.testing.assert_array_equal(each.frame, frame)
        assert_same(each.detections, detector(frame))


def read_all(path: Path) -> list[Any]:
    """The frames of a video by OpenCV alone."""
    capture = cv2.VideoCapture(str(path))
    found = []
    while (got := capture.read())[0]:
        found.append(got[1])
    return found


def test_any_iterator_is_a_source(detector: Detector) -> None:
    expected = [detector(frame).boxes.tobytes() for frame in frames()]
    sources = (frames(), iter(frames()), (frame for frame in frames()), np.stack(frames()), map(memoryview, frames()))
    for source in sources:
        seen = list(detector.stream(source))
        assert [each.detections.boxes.tobytes() for each in seen] == expected
        assert {each.name for each in seen} == {""}
    assert list(detector.stream([])) == []


def test_a_source_may_yield_frames_of_another_format(detector: Detector) -> None:
    buffers = [cv2.cvtColor(frame, cv2.COLOR_BGR2YUV_I420) for frame in frames(3)]
    for each, buffer in zip(detector.stream(buffers, format="i420"), buffers, strict=True):
        assert_same(each.detections, detector(buffer, format="i420"))


def test_a_swap_takes_effect_in_the_middle_of_a_stream(pair: Pair) -> None:
    detector, frame = pair.load(FAST), noise(48, 64)
    expected = {target: pair.load(target)(frame) for target in (FAST, SLOW)}
    for each in detector.stream([frame] * COUNT):
        assert_same(each.detections, expected[SLOW if each.index > 4 else FAST])
        if each.index == 4:
            detector.swap(target=SLOW)


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


def endless() -> Iterator[NDArray[np.uint8]]:
    """A camera that never ends."""
    while True:
        yield noise(8, 8)


@pytest.mark.parametrize("mode", ["every", "newest"])
@pytest.mark.parametrize("held", [True, False])
def test_break_ends_the_reading(detector: Detector, mode: str, held: bool) -> None:
    stream = detector.stream(endless(), mode=mode)
    for each in stream:
        if each.index > 3:
            break
    if held:
        assert not readers(), "at once, though the stream is still held"
    del stream


def test_close_from_another_thread_ends_the_loop(detector: Detector) -> None:
    with detector.stream(endless()) as stream:
        for each in stream:
            if each.index == 2:
                threading.Thread(target=stream.close).start()
    stream.close()
    assert not readers()


def test_a_source_that_blocks_holds_up_nobody(detector: Detector) -> None:
    more = threading.Event()

    def stuck() -> Iterator[NDArray[np.uint8]]:
        yield noise(8, 8)
        more.wait()

    for _ in detector.stream(stuck()):
        break
    assert readers(), "it is not waited for"
    more.set()


def test_an_error_of_the_source_comes_after_the_frames_before_it(detector: Detector) -> None:
    def failing() -> Iterator[NDArray[np.uint8]]:
        yield from frames(3)
        raise LookupError("the cable was pulled")

    seen = []
    with pytest.raises(LookupError, match="cable"):
        for each in detector.stream(failing()):
            seen.append(each.index)
    assert seen == [0, 1, 2]


def test_a_frame_that_is_none_is_an_error_and_ends_the_stream(detector: Detector) -> None:
    stream = detector.stream([noise(8, 8), np.zeros((8, 8, 3), np.float32), noise(8, 8)])
    with pytest.raises(FrameError, match="float32"):
        list(stream)
    assert stream.statistics.done == 1


def test_an_error_of_the_consumer_ends_the_reading(detector: Detector) -> None:
    stream = detector.stream(endless())
    with pytest.raises(ZeroDivisionError):
        for each in stream:
            _ = 1 / (each.index - 2)
    del each
    stream.close()


def test_what_is_no_source_is_told(detector: Detector, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.avi").write_bytes(b"no video")
    for source, error, told in (
        (tmp_path / "absent", InputError, "there is no .*absent"),
        (tmp_path / "empty", InputError, "holds no pictures"),
        (tmp_path / "bad.avi", InputError, "bad.avi cannot be opened as a video"),
        ("nothing ! appsink", InputError, "cannot be opened"),
        (3.5, UsageError, "a float is no source"),
    ):
        with pytest.raises(error, match=told):
            list(detector.stream(source))
    with pytest.raises(UsageError, match="choose one of every, newest"):
        detector.stream([], mode="latest")
    with pytest.raises(UsageError, match="queue of 0"):
        detector.stream([], queue=0)
    with pytest.raises(UsageError, match="conf"):
        detector.stream([], conf=2)


def test_a_stream_is_gone_through_once(detector: Detector) -> None:
    stream = detector.stream(frames(2))
    assert len(list(stream)) == 2
    with pytest.raises(UsageError, match="gone through once"):
        list(stream)


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


WITHOUT = """
import importlib.util, sys
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name in sys.argv[3:] else find(name, *rest)
from zcc.runtime import Detector
try:
    found = list(Detector.load(sys.argv[1]).stream(sys.argv[2]))
    print(len(found), found[0].detections.boxes.tobytes().hex())
except Exception as error:
    print(type(error).__name__, error)
"""


def test_pictures_need_any_decoder_and_videos_opencv(tiny_artifact: Tiny, folder: Path, tmp_path: Path) -> None:
    place = tiny_artifact.folder
    pillow, opencv = (run_python(WITHOUT, place, folder, missing) for missing in ("cv2", "PIL"))
    assert pillow == opencv and pillow.startswith("12 ")
    assert "InputError no decoder for pictures is installed" in run_python(WITHOUT, place, folder, "PIL", "cv2")
    (tmp_path / "clip.mp4").write_bytes(b"")
    told = run_python(WITHOUT, place, tmp_path / "clip.mp4", "cv2")
    assert "needs OpenCV, which is not installed; in the folder of zcc's sources: pip install" in told


@pytest.mark.parametrize("ending", ["break", "sys.exit(0)", "raise KeyboardInterrupt"])
def test_the_interpreter_ends_in_the_middle_of_a_stream(tiny_artifact: Tiny, ending: str) -> None:
    code = f"""
import sys
import numpy as np
from zcc.runtime import Detector
def endless():
    while True:
        yield np.zeros((48, 64, 3), np.uint8)
stream = Detector.load(sys.argv[1]).stream(endless(), mode="newest")
try:
    for seen in stream:
        if seen.index > 3:
            {ending}
except KeyboardInterrupt:
    print("interrupted")
"""
    assert run_python(code, tiny_artifact.folder) == ("interrupted\n" if ending.startswith("raise") else "")
