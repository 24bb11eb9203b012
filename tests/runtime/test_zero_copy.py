"""The frame that is handed in is the memory that the compiled function reads, and nothing is left behind."""

from __future__ import annotations

import gc
import importlib.util
import mmap
import threading
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from tests.compiler.backends.cpu.frame.yuv import Bytes, noise, planes
from tests.conftest import Tiny
from tests.runtime.samples import assert_same, run_python
from zcc.runtime import Detector
from zcc.runtime.engine import engine

FORMATS = ("bgr", "nv12", "i420", "gray")


def address(memory: Any) -> int:
    start: int = np.asarray(memory).__array_interface__["data"][0]
    return start


def strided(plane: Bytes) -> Bytes:
    """The plane inside a larger one."""
    room = np.zeros((plane.shape[0] + 2, plane.shape[1] + 6, *plane.shape[2:]), np.uint8)
    inner = room[1:-1, 2:-4]
    inner[:] = plane
    return inner


def read_only(plane: Bytes) -> Bytes:
    plane = plane.copy()
    plane.flags.writeable = False
    return plane


def in_bytes(plane: Bytes) -> Any:
    return memoryview(bytearray(plane.tobytes())).cast("B", plane.shape)


def in_driver(plane: Bytes) -> Any:
    memory = mmap.mmap(-1, plane.nbytes)
    memory[:] = plane.tobytes()
    return memoryview(memory).cast("B", plane.shape)


def in_torch(plane: Bytes) -> Any:
    import torch

    return torch.from_numpy(plane.copy())


KINDS: dict[str, Callable[[Bytes], Any]] = {
    "numpy": np.copy,
    "numpy, rows apart": strided,
    "numpy, read-only": read_only,
    "numpy, rows apart, read-only": lambda plane: read_only_view(strided(plane)),
    "memoryview of a bytearray": in_bytes,
    "memoryview of mapped memory": in_driver,
    "torch": in_torch,
}


def read_only_view(plane: Bytes) -> Bytes:
    plane.flags.writeable = False
    return plane


def pointers_seen(detector: Detector, monkeypatch: pytest.MonkeyPatch, frame: Any, name: str) -> Sequence[int]:
    """The addresses that the compiled function is called with."""
    executor, seen = detector._current.variant.executor, list[int]()
    compiled = executor._detect[name]

    def spy(*arguments: Any) -> None:
        count = len(frame) if isinstance(frame, tuple) else 1
        seen.extend(address(plane) for plane in arguments[:count])
        compiled(*arguments)

    monkeypatch.setitem(executor._detect, name, spy)
    detector(frame, format=name)
    return seen


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FORMATS)
def test_the_compiled_function_is_given_the_callers_memory(
    detector: Detector, monkeypatch: pytest.MonkeyPatch, name: str, kind: str
) -> None:
    if kind == "torch" and importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed")
    parts = tuple(KINDS[kind](plane) for plane in planes(name, noise(name, 48, 64)))
    frame = parts if len(parts) > 1 else parts[0]
    assert pointers_seen(detector, monkeypatch, frame, name) == [address(part) for part in parts]


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_read_is_what_lies_there_when_the_frame_runs(tiny_artifact: Tiny, name: str) -> None:
    """While the call waits for its turn, the frame's owner writes another picture."""
    detector = Detector.load(tiny_artifact.folder, streams=1)
    before, after = noise(name, 48, 64, seed=1), noise(name, 48, 64, seed=2)
    expected, frame = detector(after.copy(), format=name), before.copy()
    busy, go = threading.Event(), threading.Event()
    with ThreadPoolExecutor(2) as pool:
        pool.submit(lambda: engine().call(lambda: (busy.set(), go.wait(120))))
        busy.wait(120)
        call = pool.submit(lambda: detector(frame, format=name))
        while not engine()._serving:
            threading.Event().wait(0.001)
        frame[:] = after
        go.set()
        assert_same(call.result(), expected)


@pytest.mark.parametrize("name", FORMATS)
def test_a_frame_is_let_go_after_its_call(detector: Detector, name: str) -> None:
    frame = noise(name, 48, 64)
    owner = weakref.ref(frame)
    detector(frame, format=name)
    del frame
    gc.collect()
    assert owner() is None


@pytest.mark.parametrize("name", FORMATS)
def test_a_frame_freed_by_its_owner_lives_until_its_call_ends(tiny_artifact: Tiny, name: str) -> None:
    """The caller's only reference goes while the call waits for its turn."""
    detector = Detector.load(tiny_artifact.folder, streams=1)
    expected = detector(noise(name, 48, 64), format=name)
    frames = [noise(name, 48, 64)]
    busy, go = threading.Event(), threading.Event()
    with ThreadPoolExecutor(2) as pool:
        pool.submit(lambda: engine().call(lambda: (busy.set(), go.wait(120))))
        busy.wait(120)
        call = pool.submit(lambda: detector(frames.pop(), format=name))
        while frames:
            threading.Event().wait(0.001)
        gc.collect()
        trash = [np.full(48 * 64 * 3, 255, np.uint8) for _ in range(20)]
        go.set()
        assert_same(call.result(), expected)
        assert len(trash) == 20


STEADY = """
import gc, os, sys, tracemalloc
import numpy as np
from zcc.runtime import Detector
detector = Detector.load(sys.argv[1])
random = np.random.default_rng(0)
frames = [(random.integers(0, 256, shape, dtype=np.uint8), name) for name, shape in (
    ("bgr", (48, 64, 3)), ("nv12", (72, 64)), ("i420", (72, 64)), ("gray", (48, 64)))]
frames += [(frame[:, :-2], name) for frame, name in frames]
def run(count):
    for turn in range(count):
        frame, name = frames[turn % len(frames)]
        detector(frame, format=name)
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
run(400)
"""


def test_two_thousand_frames_leave_resident_memory_as_it_is(tiny_artifact: Tiny) -> None:
    code = "before = resident(); run(2000); print(resident() - before)"
    assert int(run_python(STEADY + code, tiny_artifact.folder)) < 1 << 20


def test_a_frame_allocates_nothing_that_stays(tiny_artifact: Tiny) -> None:
    code = """
gc.collect()
tracemalloc.start()
run(40)
gc.collect()
before = tracemalloc.get_traced_memory()[0]
run(800)
gc.collect()
print(tracemalloc.get_traced_memory()[0] - before)
"""
    assert int(run_python(STEADY + code, tiny_artifact.folder)) < 2000, "800 frames; a byte of each would be more"


def test_a_frame_allocates_no_more_than_its_results(tiny_artifact: Tiny) -> None:
    """At no time is there room for a copy of an 8K frame, nor for its converted picture."""
    code = """
big = np.zeros((4320 * 3 // 2, 7680), np.uint8)
detector(big, format="nv12")
tracemalloc.start()
before = tracemalloc.get_traced_memory()[0]
detector(big, format="nv12")
print(tracemalloc.get_traced_memory()[1] - before)
"""
    assert int(run_python(STEADY + code, tiny_artifact.folder)) < 50_000
