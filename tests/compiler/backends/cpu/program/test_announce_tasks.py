"""Every thread of a pool has as many tasks of a loop as the others, however many there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tvm
import tvm_ffi
from tvm.script import tirx as T

from zcc.compiler.backends.cpu.kernels.packing import Border, HaloKernel
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.program.build import assembly, build_library
from zcc.compiler.backends.cpu.program.frame_pool import STRIP, TASKS
from zcc.compiler.backends.cpu.program.single_kernel import kernel_module
from zcc.compiler.backends.cpu.targets.table import native_target
from zcc.runtime.frame_pool import FramePool, PoolCode

THREADS = 4
PATIENCE = 20_000  # naps of a millisecond, until a test is sure that somebody will not come


def meeting(tasks: int) -> Any:
    """A loop whose tasks count; threads note their first one, and wait in it until everyone has one."""

    @T.prim_func(s_tir=True)
    def main(count_handle: T.handle, met_handle: T.handle, first_handle: T.handle) -> None:
        T.func_attr({"global_symbol": "main"})
        counts = T.match_buffer(count_handle, (tasks,), "int32")
        met = T.match_buffer(met_handle, (THREADS,), "int32")
        first = T.match_buffer(first_handle, (THREADS,), "int32")
        for task in T.parallel(tasks):
            counts[task] = counts[task] + 1
            thread = T.alloc_buffer((1,), "int32", scope="local")
            naps = T.alloc_buffer((1,), "int32", scope="local")
            thread[0] = T.call_extern("int32", STRIP)
            naps[0] = 0
            if met[thread[0]] == 0:
                first[thread[0]] = task
                met[thread[0]] = 1
            while met[0] + met[1] + met[2] + met[3] < THREADS and naps[0] < PATIENCE:
                T.evaluate(T.call_extern("int32", "usleep", 1000))
                naps[0] = naps[0] + 1

    return main


@pytest.mark.parametrize("tasks", [4, 7, 17, 20, 80, 81, 1000, 12_345])
def test_each_thread_begins_where_its_part_of_the_loop_does(tasks: int, tmp_path: Path) -> None:
    build_library(tvm.IRModule({"main": meeting(tasks)}), native_target().tvm_target(), tmp_path / "loop.so")
    module = tvm_ffi.load_module(str(tmp_path / "loop.so"))
    counts, met, first = (np.zeros(size, np.int32) for size in (tasks, THREADS, THREADS))
    pool = FramePool(THREADS)
    pool.share(PoolCode.of(module), THREADS)
    module["main"](counts, met, first)
    pool.stop()

    assert (counts == 1).all(), "each task is run once"
    # Of many tasks several are run together, which moves where a part begins by less than these.
    together = -(-tasks // (THREADS * 32))
    assert first.tolist() == pytest.approx([tasks * thread // THREADS for thread in range(THREADS)], abs=together)


def test_it_is_said_once() -> None:
    module = kernel_module(HaloKernel((Border(Slab.dense(1, 4, 4, 16), 1),)), native_target())
    assert assembly(module, native_target().tvm_target()).count(TASKS) == 1
