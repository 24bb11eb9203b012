"""Time the convolutions of YOLOv5s at 640 in int8 and bf16, SiLU in the tile, against the peak of the products.

python -m benchmarks.low_precision [--dtype int8|bf16] [--rounds N] [--bare] [--dots]

They are in the form that their template prefers; with --dots by dot products where that would be AMX's tiles.
The peak is what a deep convolution alone reaches, with nothing behind its sums. Times are minima, since what else the
machine does only ever adds to them. ZCC_NUM_THREADS sets the threads.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.arguments import run
from zcc.compiler.backends.common.curves import CURVES
from zcc.compiler.backends.cpu.kernels.bf16_conv import Bf16Conv
from zcc.compiler.backends.cpu.kernels.byte_dot import BYTES, short_words
from zcc.compiler.backends.cpu.kernels.choices import AmxChoice, Tile
from zcc.compiler.backends.cpu.kernels.int8_conv import Int8Conv, ShortSumConv
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit
from zcc.compiler.backends.cpu.kernels.stages import Apply, StageSpec
from zcc.compiler.backends.cpu.program.single_kernel import compile_kernels
from zcc.compiler.backends.cpu.targets.table import TARGETS
from zcc.compiler.backends.cpu.targets.target import CpuTarget
from zcc.compiler.ir.tensors import BFLOAT16
from zcc.runtime import host
from zcc.runtime.aligned import aligned_bytes
from zcc.runtime.errors import UsageError

# Input channels, output channels, kernel, stride, output size, and how often the network has it.
SHAPES = (
    (3, 32, 6, 2, 320, 1),
    (32, 64, 3, 2, 160, 1),
    (64, 32, 1, 1, 160, 2),
    (32, 32, 1, 1, 160, 1),
    (32, 32, 3, 1, 160, 1),
    (64, 64, 1, 1, 160, 1),
    (64, 128, 3, 2, 80, 1),
    (128, 64, 1, 1, 80, 2),
    (256, 64, 1, 1, 80, 2),
    (64, 64, 1, 1, 80, 3),
    (64, 64, 3, 1, 80, 3),
    (128, 128, 1, 1, 80, 2),
    (128, 256, 3, 2, 40, 1),
    (128, 128, 3, 2, 40, 1),
    (256, 128, 1, 1, 40, 5),
    (512, 128, 1, 1, 40, 2),
    (128, 128, 1, 1, 40, 5),
    (128, 128, 3, 1, 40, 5),
    (256, 256, 1, 1, 40, 3),
    (256, 512, 3, 2, 20, 1),
    (256, 256, 3, 2, 20, 1),
    (512, 256, 1, 1, 20, 6),
    (256, 256, 1, 1, 20, 2),
    (256, 256, 3, 1, 20, 2),
    (512, 512, 1, 1, 20, 2),
    (1024, 512, 1, 1, 20, 1),
    (128, 255, 1, 1, 80, 1),
    (256, 255, 1, 1, 40, 1),
    (512, 255, 1, 1, 20, 1),
)
HEAD_CHANNELS = 255  # these are the head's: floats, and no activation
PEAK_SHAPE = (256, 256, 3, 1, 40, 1)
BLOCK, PIXEL = 16, 4  # lanes of a map, and of an image
SILU = Apply("silu", ())

Array = NDArray[Any]
Shape = tuple[int, int, int, int, int, int]
Spec = Int8Conv | Bf16Conv
Run = Callable[[], None]


@dataclass(frozen=True)
class Dtype:
    """What is timed: specs, and memory for their parameters."""

    able: Callable[[CpuTarget], bool]  # to compute in it
    spec: Callable[[Shape, VectorUnit, bool, bool], Spec]
    memory: Callable[[Spec], list[Array]]


def slabs(shape: Shape, stored: str) -> tuple[Slab, Slab]:
    """The input with its border, and the output."""
    channels, outputs, kernel, stride, size, _ = shape
    lanes = PIXEL if channels < BLOCK else BLOCK
    inside = (size - 1) * stride + kernel
    out = "float32" if outputs == HEAD_CHANNELS else stored
    return (
        Slab.dense(-(-channels // lanes), inside, inside, lanes, stored),
        Slab.dense(-(-outputs // BLOCK), size, size, BLOCK, out),
    )


def stages_of(shape: Shape, bare: bool) -> tuple[StageSpec, ...]:
    """SiLU, but not in the head."""
    return () if bare or shape[1] == HEAD_CHANNELS else (SILU,)


def preferred(spec: Spec, unit: VectorUnit, dots: bool) -> Spec:
    """The kernel in the first of its forms, or of those by dot products."""
    tiles = spec.choices(unit)
    return replace(spec, tile=next(tile for tile in tiles if not (dots and isinstance(tile, AmxChoice))))


def int8_spec(shape: Shape, unit: VectorUnit, bare: bool, dots: bool) -> Spec:
    """The kernel of a shape in bytes."""
    (x, out), (_, _, kernel, stride, _, _) = slabs(shape, "uint8"), shape
    short = min(short_words(unit), x.lanes // BYTES)
    fields = (x, out, (kernel, kernel), (stride, stride), (1, 1), stages_of(shape, bare), Tile(1, 1))
    spec = ShortSumConv(*fields, short) if short else Int8Conv(*fields)
    return preferred(spec, unit, dots)


def bf16_spec(shape: Shape, unit: VectorUnit, bare: bool, dots: bool) -> Spec:
    """The kernel of a shape in bfloat16."""
    (x, out), (_, _, kernel, stride, _, _) = slabs(shape, BFLOAT16), shape
    fields = (x, out, (kernel, kernel), (stride, stride), (1, 1), stages_of(shape, bare), Tile(1, 1))
    return preferred(Bf16Conv(*fields), unit, dots)


def filled(shape: tuple[int, ...], values: Array) -> Array:
    """An array that begins at a cache line."""
    memory = aligned_bytes(int(np.prod(shape)) * values.itemsize).view(values.dtype).reshape(shape)
    memory[...] = np.resize(values, shape)
    return np.asarray(memory)


def int8_memory(spec: Spec) -> list[Array]:
    """Operands of an integer kernel, in its order."""
    rng = np.random.default_rng(0)
    channels = (spec.out.blocks, spec.out.lanes)
    arrays = [
        filled(spec.x.shape, rng.integers(0, 256, 4096).astype(np.uint8)),
        filled(spec.weight_shape, rng.integers(-127, 128, 4096).astype(np.int8)),
        filled(channels, np.zeros(1, np.int32)),
        filled(channels, np.full(1, 1e-4, np.float32)),
        *(CURVES["silu"].table() for _ in spec.stages),
        filled(spec.out.shape, np.zeros(1, spec.out.dtype)),
    ]
    return [*arrays, np.array([10, 8], np.float32)] if spec.out.dtype == "uint8" else arrays


def bf16_memory(spec: Spec) -> list[Array]:
    """Operands of a bfloat16 kernel, in its order."""
    rng = np.random.default_rng(0)
    numbers = (rng.normal(0, 1, 4096).astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
    return [
        filled(spec.x.shape, numbers),
        filled(spec.weight_shape, numbers),
        filled((spec.out.blocks, spec.out.lanes), np.zeros(1, np.float32)),
        filled(spec.out.shape, np.zeros(1, spec.out.dtype)),
    ]


DTYPES = {
    "int8": Dtype(lambda target: bool(target.unit.dot), int8_spec, int8_memory),
    "bf16": Dtype(lambda target: target.computes("bf16"), bf16_spec, bf16_memory),
}


def best_target(dtype: str) -> CpuTarget:
    """The best target here that computes in the dtype, its work cut for the threads there are."""
    able = [target for target in TARGETS.values() if target.runs_here() and DTYPES[dtype].able(target)]
    if not able:
        others = " or ".join(sorted({*DTYPES} - {dtype}))
        raise UsageError(f"this processor has no instructions for {dtype}", f"time {others}")
    return able[-1].with_threads(host.worker_threads())


def seconds(runs: list[Run], rounds: int) -> list[float]:
    """The shortest time of each, all taken in turns."""
    best = [float("inf")] * len(runs)
    for _ in range(rounds):
        for index, each in enumerate(runs):
            for _ in range(3):
                start = time.perf_counter()
                each()
                best[index] = min(best[index], time.perf_counter() - start)
    return best


def operations(shape: Shape) -> int:
    """Multiplications and additions that the network asks for."""
    channels, outputs, kernel, _, size, _ = shape
    return 2 * channels * outputs * kernel**2 * size**2


def shapes_with_peak(bare: bool) -> list[tuple[Shape, bool]]:
    """All shapes, and whether SiLU is left out; the first is the peak's."""
    return [(PEAK_SHAPE, True), *((shape, bare) for shape in SHAPES)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dtype", choices=DTYPES, default="int8")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--bare", action="store_true", help="leave SiLU out")
    parser.add_argument("--dots", action="store_true", help="by dot products, where that is not what is preferred")
    options = parser.parse_args()
    dtype, target = DTYPES[options.dtype], best_target(options.dtype)
    specs = [dtype.spec(shape, target.unit, bare, options.dots) for shape, bare in shapes_with_peak(options.bare)]
    with tempfile.TemporaryDirectory() as folder:
        kernels = compile_kernels(list(specs), target, Path(folder))
    memory = [dtype.memory(spec) for spec in specs]
    runs: list[Run] = [partial(kernel, *places) for kernel, places in zip(kernels, memory, strict=True)]
    peak_time, *times = seconds(runs, options.rounds)
    peak = operations(PEAK_SHAPE) / peak_time

    print(f"{options.dtype} for {target.name}, {target.unit.threads} threads, peak {peak / 1e9:.0f} GOP/s")
    print(f"{'':>32}{'times':>6}{'ms each':>10}{'GOP/s':>8}{'of peak':>9}")
    for shape, spec, taken in zip(SHAPES, specs[1:], times, strict=True):
        rate = operations(shape) / taken
        tile = f"{spec.tile.blocks}x{spec.tile.columns}"
        title = f"{shape[2]}x{shape[2]} s{shape[3]} {shape[0]}->{shape[1]} {shape[4]}x{shape[4]} {tile:>5}"
        print(f"{title:>32}{shape[5]:>6}{taken * 1e3:>10.3f}{rate / 1e9:>8.0f}{rate / peak:>9.0%}")
    total = sum(shape[5] * taken for shape, taken in zip(SHAPES, times, strict=True))
    asked = sum(shape[5] * operations(shape) for shape in SHAPES)
    print(f"{'all':>32}{'':>6}{total * 1e3:>10.2f}{asked / total / 1e9:>8.0f}{asked / total / peak:>9.0%}")


if __name__ == "__main__":
    run(main)
