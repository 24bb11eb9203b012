"""What names of tile registers cost: products and what they load, in steps that use many names and in steps with few.

python -m benchmarks.tile_names [--windows N]

A step is run again and again by one thread, on operands in the first cache. Told are nanoseconds of a product, its
loads among them: the least, the median and the most of windows of some milliseconds. Where the most is several times
the least, the core had few registers to rename to for a while (docs/targets.md).
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import numpy as np
from tvm import tirx
from tvm.script.ir_builder import tirx as T

from benchmarks.arguments import run
from zcc.compiler.backends.cpu.kernels.amx_registers import (
    AMX_PRODUCTS,
    ROW,
    configured,
    emit,
    load_register,
    store_register,
)
from zcc.compiler.backends.cpu.kernels.spec import building
from zcc.compiler.backends.cpu.machine.peaks import compiled
from zcc.compiler.backends.cpu.targets.table import TARGETS
from zcc.runtime.aligned import aligned_bytes
from zcc.runtime.engine import engine
from zcc.runtime.errors import UsageError

TARGET = TARGETS["x86-64-v4-amx"]
PRODUCT = AMX_PRODUCTS["bf16"]
ROWS, TILES, RUNS = 16, 8, 20_000  # TILES of x, and of weights
# `x4` loads the next tile of x into register 4, `w6` one of weights; `0=4*6` adds the product of both to register 0.
STEPS = {
    "2 x 2 sums, 4 operands": "x4 x5 w6 w7 0=4*6 1=4*7 2=5*6 3=5*7",
    "4 x 1 sums, 4 operands": "w7 x4 0=4*7 x5 1=5*7 x6 2=6*7 x4 3=4*7",
    "2 x 2 sums, 2 operands": "x4 w5 0=4*5 w5 1=4*5 x4 3=4*5 w5 2=4*5",
    "3 x 1 sums, 2 operands": "w4 x3 0=3*4 x3 1=3*4 x3 2=3*4",
    "2 x 1 sums, 2 operands": "w3 x2 0=2*3 x2 1=2*3",
    "1 sum, 2 operands": "x1 w2 0=1*2",
}


def names_of(step: str) -> int:
    """How many registers a step uses."""
    return len(set(re.findall(r"\d", step)))


def products_of(step: str) -> int:
    """How many products it adds."""
    return step.count("=")


def steps_kernel(step: str, runs: int) -> tirx.PrimFunc:
    """The step so many times; its parameters are tiles of x, tiles of weights, and a tile for each register."""
    names = names_of(step)
    with building("main") as kernel:
        T.func_attr({"tirx.noalias": True})
        operands = {each: T.arg(each, T.Buffer((TILES, ROWS, ROW // 4), "int32", align=64)) for each in "xw"}
        sums = T.arg("sums", T.Buffer((names, ROWS, ROWS), PRODUCT.sums, align=64))
        with T.parallel(0, 1), configured([(ROWS, ROW)] * names):
            for number in range(names):
                emit("tilezero", number)
            with T.serial(0, runs):
                _emit_step(step, operands)
            for number in range(names):
                store_register(number, sums, [number, 0, 0], ROW)
    return kernel.function


def _emit_step(step: str, operands: dict[str, Any]) -> None:
    for place, word in enumerate(step.split()):
        if word[0] in operands:
            load_register(int(word[1]), operands[word[0]], [place % TILES, 0, 0], ROW)
        else:
            emit(PRODUCT.instruction, *(int(name) for name in re.findall(r"\d", word)))


def memory(names: int) -> list[Any]:
    """Operands of ones, and room for the registers."""
    ones = np.full((TILES, ROWS, ROW // 2), 0x3F80, np.uint16)  # one in bfloat16
    arrays = [ones.view(np.int32), ones.view(np.int32), np.zeros((names, ROWS, ROWS), np.float32)]
    held = [aligned_bytes(array.nbytes).view(array.dtype).reshape(array.shape) for array in arrays]
    for place, array in zip(held, arrays, strict=True):
        place[...] = array
    return held


def nanoseconds(call: Callable[[], object], products: int) -> float:
    """Of a product, in one window."""
    start = time.perf_counter()
    engine().call(call)
    return (time.perf_counter() - start) / (RUNS * products) * 1e9


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--windows", type=int, default=200)
    options = parser.parse_args()
    if not TARGET.runs_here():
        raise UsageError("this processor has no tile registers", "try a server from Sapphire Rapids on")
    calls: dict[str, Callable[[], object]] = {}
    for title, step in STEPS.items():
        kernel, arrays = compiled(steps_kernel(step, RUNS), TARGET), memory(names_of(step))
        calls[title] = partial(kernel, *arrays)
    found: dict[str, list[float]] = {title: [] for title in STEPS}
    for _ in range(options.windows):
        for title, call in calls.items():
            found[title].append(nanoseconds(call, products_of(STEPS[title])))
    print(f"{'step':<24}{'names':>6}{'least':>8}{'median':>8}{'most':>8}  ns a product")
    for title, windows in found.items():
        told = "".join(f"{value:>8.1f}" for value in (min(windows), median(windows), max(windows)))
        print(f"{title:<24}{names_of(STEPS[title]):>6}{told}")


if __name__ == "__main__":
    run(main)
