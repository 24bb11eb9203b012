"""The threads that share a frame: who is waited for, who comes late, and how they end."""

from __future__ import annotations

import gc
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import Tiny
from zcc.runtime import library
from zcc.runtime.aligned import aligned_bytes
from zcc.runtime.frame_pool import FramePool, PoolCode
from zcc.runtime.manifest import Manifest
from zcc.runtime.tvm_library import load_runtime

Run = Callable[[], bytes]


@pytest.fixture
def loaded(tiny_artifact: Tiny) -> tuple[PoolCode, Run]:
    """A module's code, and its network, run by whatever shares the calling thread's work."""
    return load(tiny_artifact.folder)


def load(folder: Path) -> tuple[PoolCode, Run]:
    manifest = Manifest.read(folder)
    load_runtime(folder, manifest.requires.runtime)
    module = library.load_module(folder)
    weights, arena = library.load_weights(folder, manifest.expansion), aligned_bytes(manifest.memory("network", 4))
    assert manifest.workspace["thread"], "its kernels need memory for each thread"
    side = manifest.input.height
    image = np.random.default_rng(0).random((1, 3, side, side), np.float32)

    def run() -> bytes:
        output = np.zeros(manifest.head.shape, np.float32)
        module[library.NETWORK](image, weights, arena, output)
        return output.tobytes()

    return PoolCode.of(module), run


def in_a_thread(function: Callable[[], Any]) -> Any:
    """What the function returns in a thread of its own, which had no pool before."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join(60)
    return found[0]


def test_every_number_of_threads_computes_the_same(loaded: tuple[PoolCode, Run]) -> None:
    code, run = loaded
    pool = FramePool(4)

    def frames() -> set[bytes]:
        found = set()
        for turn in range(60):
            pool.share(code, turn // 3 % 4 + 1)
            found.add(run())
        return found

    assert in_a_thread(frames) == {in_a_thread(run)}, "TVM's own pool finds it, too"
    pool.stop()


@pytest.mark.parametrize("threads", [3, 4])  # four look for each other's end for a moment first
def test_nobody_is_waited_for_who_has_not_begun(
    loaded: tuple[PoolCode, Run], threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where neighbours keep a worker from its processor for ever."""
    code, run = loaded
    expected = in_a_thread(run)
    pool = FramePool(4)
    absent: list[threading.Thread] = []
    monkeypatch.setattr(threading.Thread, "start", lambda worker: absent.append(worker))
    pool.share(code, threads)
    monkeypatch.undo()
    assert [run() for _ in range(5)] == [expected] * 5
    for worker in absent:
        worker.start()
    assert [run() for _ in range(50)] == [expected] * 50, "those who come late find their place"
    pool.stop()


def test_workers_in_one_modules_code_run_the_kernels_of_others(tiny_artifact: Tiny, tmp_path: Path) -> None:
    (one, run_one), (other, run_other) = (
        load(Path(shutil.copytree(tiny_artifact.folder, tmp_path / name))) for name in ("one", "other")
    )
    expected, pool = in_a_thread(run_one), FramePool(4)
    for _ in range(100):
        pool.share(one, 4)
        assert run_one() == expected
        pool.share(other, 4)
        assert run_other() == expected
    pool.stop()


def test_a_pool_that_is_stopped_has_no_threads(loaded: tuple[PoolCode, Run]) -> None:
    code, run = loaded
    before = threading.active_count()
    pool = FramePool(4)
    pool.share(code, 4)
    run()
    assert threading.active_count() == before + 3
    pool.share(code, 1)
    run()
    assert threading.active_count() == before + 3, "they rest until they are wanted again"
    pool.stop()
    assert threading.active_count() == before


def test_more_threads_than_there_is_room_for_are_not_begun(loaded: tuple[PoolCode, Run]) -> None:
    code, run = loaded
    expected, pool = in_a_thread(run), FramePool(2)
    pool.share(code, 9)
    assert run() == expected
    assert len(pool._workers) == 1
    pool.stop()


@pytest.mark.parametrize(("threads", "stays"), [(1, False), (2, True)])
def test_a_pool_keeps_the_module_that_its_workers_are_in_and_no_other(
    tiny_artifact: Tiny, tmp_path: Path, threads: int, stays: bool
) -> None:
    folder = Path(shutil.copytree(tiny_artifact.folder, tmp_path / "alone"))
    pool = FramePool(2)

    def frame() -> None:
        code, run = load(folder)
        pool.share(code, threads)
        run()

    in_a_thread(frame)
    gc.collect()
    assert (str(folder / library.MODULE) in Path("/proc/self/maps").read_text()) is stays
    pool.stop()
