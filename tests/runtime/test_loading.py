"""Variants side by side, and variants that are made ready while others run frames."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Tiny
from tests.runtime.samples import assert_same, changed_copy, noise, run_python
from zcc.registry import Registry
from zcc.runtime import Detections, Detector
from zcc.runtime.engine import ASIDE, Engine, engine
from zcc.runtime.errors import NotFound, UsageError
from zcc.runtime.frame import as_frame
from zcc.runtime.manifest import Manifest
from zcc.runtime.variant import Variant

DTYPES = ("int8", "bf16", "fp32")


@dataclass(frozen=True)
class Trio:
    """The name `tiny` in three dtypes, of different weights, so that their detections differ."""

    home: Path

    def load(self, dtype: str | None = None, *resident: str) -> Detector:
        return Detector.load("tiny", dtype=dtype, registry=str(self.home), resident=resident)


@pytest.fixture
def trio(tiny_artifact: Tiny, tmp_path: Path) -> Trio:
    """Compiled in one dtype; what the others are called is all that a detector knows of it."""
    registry = Registry.open(tmp_path / "trio")
    for number, dtype in enumerate(DTYPES):
        copy = changed_copy(tiny_artifact.folder, tmp_path / dtype, 1 - number / 10, dtype=dtype)
        registry.publish(copy, Manifest.read(copy))
    return Trio(registry.home)


def answer(found: Detections) -> bytes:
    return found.boxes.tobytes() + found.scores.tobytes() + found.classes.tobytes()


def test_a_thousand_swaps_among_residents_lose_no_frame(trio: Trio) -> None:
    frames, callers = [noise(30 + 9 * i, 150 - 9 * i, seed=i) for i in range(8)], 4
    own = [{answer(trio.load(dtype)(frame)) for dtype in DTYPES} for frame in frames]
    assert all(len(answers) == 3 for answers in own)
    detector, swapped = trio.load(None, *DTYPES), threading.Event()
    seen = [list[tuple[int, bytes]]() for _ in range(callers)]

    def keep_calling(answers: list[tuple[int, bytes]]) -> None:
        while not swapped.is_set():
            index = len(answers) % len(frames)
            answers.append((index, answer(detector(frames[index]))))

    with ThreadPoolExecutor(callers) as pool:
        calls = [pool.submit(keep_calling, answers) for answers in seen]
        try:
            for turn in range(1000):
                dtype = DTYPES[turn % 3]
                detector.swap(dtype=dtype)
                assert detector.manifest.dtype == dtype
        finally:
            swapped.set()
        for call in calls:
            call.result()
    assert all(seen), "every thread had its turn"
    assert all(found in own[index] for answers in seen for index, found in answers)


def test_residents_are_swapped_to_without_the_registry(trio: Trio) -> None:
    detector, frame = trio.load(None, "bf16", "fp32"), noise(48, 64)
    expected = {dtype: trio.load(dtype)(frame) for dtype in ("bf16", "fp32")}
    trio.home.rename(trio.home.with_name("away"))
    for dtype in ("fp32", "bf16", "bf16", "fp32"):
        detector.swap(dtype=dtype)
        assert_same(detector(frame), expected[dtype])


def test_the_first_resident_runs_unless_another_is_named(trio: Trio) -> None:
    assert trio.load(None, "bf16", "fp32").manifest.dtype == "bf16"
    assert trio.load("fp32", "bf16", "fp32").manifest.dtype == "fp32"


def test_what_is_not_resident_is_loaded_and_the_residents_stay(trio: Trio) -> None:
    detector, told = trio.load(None, "bf16", "fp32"), list[str]()
    detector.on_swap(lambda old, new, why: told.append(f"{old.dtype} {new.dtype}"))
    for dtype in ("int8", "fp32", "fp32"):
        detector.swap(dtype=dtype)
        assert_same(detector(noise(9, 9)), trio.load(dtype)(noise(9, 9)))
    detector.swap(dtype="bf16", prefer="fastest")
    assert told == ["bf16 int8", "int8 fp32", "fp32 bf16"]


def test_residents_that_cannot_be_are_refused(trio: Trio) -> None:
    with pytest.raises(NotFound, match="no such variant"):
        trio.load(None, "fp32", "fp4")
    with pytest.raises(UsageError, match="int8 is to run, but resident are bf16, fp32"):
        trio.load("int8", "bf16", "fp32")
    with pytest.raises(UsageError, match=r"write resident=\('fp32',\)"):
        Detector.load("tiny", registry=str(trio.home), resident="fp32")
    with pytest.raises(UsageError, match="follow without them"):
        Detector.load("tiny", registry=str(trio.home), resident=("fp32",), follow=True)


def test_a_rehearsal_finds_the_same_and_leaves_its_memory_to_the_engine(tiny_artifact: Tiny) -> None:
    Detector.load(tiny_artifact.folder)(noise(8, 8))
    variant = Variant(tiny_artifact.folder, Manifest.read(tiny_artifact.folder))
    frame = as_frame(noise(70, 50))
    rehearsed = variant.rehearse(frame, 0.3, 0.6)
    assert len(rehearsed) > 0
    assert_same(rehearsed, variant.run(frame, 0.3, 0.6))
    assert engine()._arenas[0].size >= variant.manifest.memory("detect", variant.threads)
    assert engine(ASIDE)._arenas[0].size == 0


def test_memory_is_handed_on_where_it_is_more(tiny_artifact: Tiny) -> None:
    Detector.load(tiny_artifact.folder)
    giver, taker = Engine(ASIDE), Engine(ASIDE)
    try:
        for given, kept in ((100, 100), (50, 100), (200, 200)):
            giver.call(lambda given=given: giver.reserve(given))
            giver.call(lambda: giver.give_arena(taker))
            assert taker._arenas[0].size == kept
    finally:
        giver.stop()
        taker.stop()


def test_what_happens_aside_has_little_weight_and_frames_have_all(tiny_artifact: Tiny) -> None:
    Detector.load(tiny_artifact.folder)
    own = os.getpriority(os.PRIO_PROCESS, 0)

    def weight() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    assert engine().call(weight) == own
    assert engine(ASIDE).call(weight) > own or own == 19


def test_both_sides_of_a_fork_load_aside(trio: Trio) -> None:
    code = """
import os, sys
import numpy as np
from zcc.runtime import Detector
detector = Detector.load("tiny", dtype="fp32", registry=sys.argv[1])
frame = np.zeros((48, 64, 3), np.uint8)
detector(frame)
detector.swap(dtype="int8")
child = os.fork()
for dtype in ("bf16", "fp32"):
    detector.swap(dtype=dtype)
    detector(frame)
print(f"{detector.manifest.dtype}\\n", end="", flush=True)  # in one piece: both write at once
if child:
    print(os.waitpid(child, 0)[1])
"""
    assert run_python(code, trio.home).split() == ["fp32", "fp32", "0"]


@pytest.mark.parametrize("ending", ["", "sys.exit(0)"])
def test_the_interpreter_ends_while_a_variant_is_loaded_aside(trio: Trio, ending: str) -> None:
    code = f"""
import sys, threading, time
from zcc.runtime import Detector
detector = Detector.load("tiny", dtype="fp32", registry=sys.argv[1])
def swap():
    while True:
        for dtype in ("bf16", "int8"):
            detector.swap(dtype=dtype)
threading.Thread(target=swap, daemon=True).start()
time.sleep(0.3)
{ending}
"""
    assert run_python(code, trio.home) == ""
