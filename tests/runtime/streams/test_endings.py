"""How a stream ends: by who looks, by its source, by an error, and with the interpreter."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.conftest import Tiny
from tests.runtime.samples import noise, run_python
from tests.runtime.streams.frames import endless, frames, readers
from zcc.runtime import Detector
from zcc.runtime.errors import FrameError, UsageError


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


def test_a_stream_is_gone_through_once(detector: Detector) -> None:
    stream = detector.stream(frames(2))
    assert len(list(stream)) == 2
    with pytest.raises(UsageError, match="gone through once"):
        list(stream)


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
