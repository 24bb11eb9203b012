"""What this machine can do at most: arithmetic per second, and bytes read per second by how many there are."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tvm
import tvm_ffi
from tvm.script import tirx as T

from zcc.compiler.backends.common.machine import FP32, Machine
from zcc.compiler.backends.cpu.kernels.amx_registers import AMX_PRODUCTS, ROW, WORD
from zcc.compiler.backends.cpu.machine.dot_chains import (
    CHAINS,
    DOT_KINDS,
    RING,
    TILE_ROWS,
    TILES,
    DotKind,
    dot_products,
    tile_products,
)
from zcc.compiler.backends.cpu.program.build import build_library
from zcc.compiler.backends.cpu.targets.target import CpuTarget
from zcc.runtime import host
from zcc.runtime.aligned import aligned_bytes
from zcc.runtime.engine import engine
from zcc.runtime.frame_pool import PoolCode

STEPS = 1 << 17  # multiply-adds of each chain in one reading
FOOTPRINTS = tuple(1 << power for power in range(18, 28))  # 256 KiB to 128 MiB
VOLUME = 1 << 26  # bytes of one reading, whatever the footprint
LINE = 16  # numbers in a line of the cache
WINDOW = 0.25  # seconds of readings, of which the best counts: a peak is what the machine does undisturbed


def measure_machine(target: CpuTarget, arithmetics: Iterable[str] = (FP32,)) -> Machine:
    """The limits with the target's vectors, on the threads that a frame is shared out over."""
    threads, lanes = host.worker_threads(), target.unit.lanes
    peaks = {each: PEAKS[each](target, threads, lanes) for each in sorted(set(arithmetics))}
    bandwidth = tuple((size, _bandwidth(target, threads, lanes, size)) for size in FOOTPRINTS)
    return Machine(threads, peaks, bandwidth)


def _peak_fp32(target: CpuTarget, threads: int, lanes: int) -> float:
    by_vectors = _peak_of_vectors(target, threads, lanes)
    return max(by_vectors, _peak_of_tiles(FP32, target, threads)) if target.in_tiles(FP32) else by_vectors


def _peak_of_vectors(target: CpuTarget, threads: int, lanes: int) -> float:
    run = compiled(multiply_adds(threads, lanes), target)
    numbers = np.full((2, lanes), 0.5, np.float32)
    sums = np.zeros((threads, CHAINS, lanes), np.float32)
    return 2.0 * sums.size * STEPS / _best(lambda: run(numbers, sums))


def _peak_of_dots(kind: DotKind, target: CpuTarget, threads: int, lanes: int) -> float:
    run = compiled(dot_products(kind, target.unit, threads, STEPS), target)
    xs, weights = np.zeros(CHAINS, np.int32), np.zeros((RING, lanes), np.int32)
    sums = np.zeros((threads, CHAINS, lanes), kind.sums)
    return 2.0 * kind.per_word * sums.size * STEPS / _best(lambda: run(xs, weights, sums))


def _peak_of_tiles(name: str, target: CpuTarget, threads: int) -> float:
    product = AMX_PRODUCTS[name]
    run = compiled(tile_products(product, threads, STEPS), target)
    operand = np.zeros((2, TILE_ROWS, ROW // WORD), np.int32)
    sums = np.zeros((threads, TILES, TILE_ROWS, TILE_ROWS), product.sums)
    each = ROW // product.item / len(product.pieces)
    return 2.0 * each * sums.size * STEPS / _best(lambda: run(operand, operand, sums))


def _peak_of_products(name: str, target: CpuTarget, threads: int, lanes: int) -> float:
    if target.in_tiles(name):
        return _peak_of_tiles(name, target, threads)
    return _peak_of_dots(DOT_KINDS[name], target, threads, lanes)


# Operations per second by what is multiplied.
PEAKS: dict[str, Callable[[CpuTarget, int, int], float]] = {
    **{name: partial(_peak_of_products, name) for name in (*DOT_KINDS, *AMX_PRODUCTS)},
    FP32: _peak_fp32,
}


def _bandwidth(target: CpuTarget, threads: int, lanes: int, footprint: int) -> float:
    vectors = footprint // (4 * lanes * CHAINS * threads)
    size = 4 * lanes * CHAINS * threads * vectors
    passes = max(1, VOLUME // size)
    run = compiled(reads(threads, lanes, vectors, passes), target)
    numbers = aligned_bytes(size).view(np.float32).reshape(threads, vectors, CHAINS, lanes)
    numbers.fill(1)  # memory that was never written is one page of zeros, which stays in the first level
    sums = np.zeros((threads, CHAINS, lanes), np.float32)
    return size * passes / _best(lambda: run(numbers, sums))


def _best(run: Callable[[], object]) -> float:
    """The seconds of the quickest of some runs on the runtime's own threads."""
    seconds: list[float] = []
    while sum(seconds) < WINDOW:
        start = time.perf_counter()
        engine().call(run)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def compiled(function: Any, target: CpuTarget) -> Callable[..., None]:
    """The kernel for the target, called with numpy arrays inside the engine."""
    with tempfile.TemporaryDirectory(prefix="zcc-") as folder:
        library = Path(folder) / "kernel.so"
        build_library(tvm.IRModule({"main": function}), target.tvm_target(), library)
        module = tvm_ffi.load_module(str(library))
    code, kernel = PoolCode.of(module), module["main"]

    def run(*arrays: Any) -> None:
        engine().share(code)
        kernel(*map(tvm_ffi.from_dlpack, arrays))

    return run


def multiply_adds(threads: int, lanes: int) -> Any:
    """Every thread runs chains of multiply-adds that never leave its registers."""

    @T.prim_func(s_tir=True)
    def main(numbers_handle: T.handle, sums_handle: T.handle) -> None:
        T.func_attr({"global_symbol": "main", "tirx.noalias": True})
        numbers = T.match_buffer(numbers_handle, (2, lanes), "float32", align=4)
        sums = T.match_buffer(sums_handle, (threads, CHAINS, lanes), "float32", align=4)
        for thread in T.parallel(threads):
            accumulators = T.alloc_buffer((CHAINS, lanes), "float32", scope="local")
            for chain in T.unroll(CHAINS):
                for lane in T.vectorized(lanes):
                    accumulators[chain, lane] = T.float32(0)
            for _ in T.serial(STEPS):
                for chain in T.unroll(CHAINS):
                    for lane in T.vectorized(lanes):
                        accumulators[chain, lane] = accumulators[chain, lane] * numbers[0, lane] + numbers[1, lane]
            for chain in T.unroll(CHAINS):
                for lane in T.vectorized(lanes):
                    sums[thread, chain, lane] = accumulators[chain, lane]

    return main


def reads(threads: int, lanes: int, vectors: int, passes: int) -> Any:
    """Every thread sums up its own part of the memory, again and again."""

    @T.prim_func(s_tir=True)
    def main(numbers_handle: T.handle, sums_handle: T.handle) -> None:
        T.func_attr({"global_symbol": "main", "tirx.noalias": True})
        numbers = T.match_buffer(numbers_handle, (threads, vectors, CHAINS, lanes), "float32", align=4)
        sums = T.match_buffer(sums_handle, (threads, CHAINS, lanes), "float32", align=4)
        for thread in T.parallel(threads):
            accumulators = T.alloc_buffer((CHAINS, lanes), "float32", scope="local")
            for chain in T.unroll(CHAINS):
                for lane in T.vectorized(lanes):
                    accumulators[chain, lane] = T.float32(0)
            for _ in T.serial(passes):
                for vector in T.serial(vectors):
                    for chain in T.unroll(CHAINS):
                        for lane in T.vectorized(lanes):
                            accumulators[chain, lane] = accumulators[chain, lane] + numbers[thread, vector, chain, lane]
            for chain in T.unroll(CHAINS):
                for lane in T.vectorized(lanes):
                    sums[thread, chain, lane] = accumulators[chain, lane]

    return main


def launches(pieces: int, number: int) -> Any:
    """A loop of so many pieces that do next to nothing, shared out again and again."""

    @T.prim_func(s_tir=True)
    def main(numbers_handle: T.handle) -> None:
        T.func_attr({"global_symbol": "main", "tirx.noalias": True})
        numbers = T.match_buffer(numbers_handle, (pieces, LINE), "float32", align=4)
        for launch in T.serial(number):
            for piece in T.parallel(pieces):
                numbers[piece, 0] = T.cast(launch, "float32")

    return main
