"""Bfloat16 convolutions against numpy in double precision, and their rounding against numpy's integers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.compiler.backends.cpu.kernels.integers import lanes_for, packed, padded, taps, unpacked
from zcc.compiler.backends.cpu.kernels.bf16_conv import Bf16Conv
from zcc.compiler.backends.cpu.kernels.direct_conv import Tile
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.stages import Apply, Merge, PerChannel, StageSpec
from zcc.compiler.backends.cpu.layout.weights import pack_dense, pack_vector
from zcc.compiler.backends.cpu.program.single_kernel import compile_kernels
from zcc.compiler.backends.cpu.targets.table import TARGETS
from zcc.compiler.ir.tensors import BFLOAT16
from zcc.runtime.errors import BuildError

Array = NDArray[Any]
TARGET = TARGETS["x86-64-v4-bf16"]
needs_bf16 = pytest.mark.skipif(not TARGET.runs_here(), reason="this processor has no AVX512-BF16")


def stored(values: Array) -> Array:
    """Bfloat16 numbers as uint16: the nearest, ties to even."""
    bits = values.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def real(numbers: Array) -> Array:
    """What stored numbers stand for."""
    return (numbers.astype(np.uint32) << 16).view(np.float32).astype(np.float64)


@dataclass(frozen=True)
class Case:
    """A convolution to try."""

    channels: tuple[int, int]
    size: tuple[int, int]
    kernel: int = 3
    stride: int = 1
    tile: tuple[int, int] = (1, 4)
    stages: tuple[str, ...] = ("silu",)
    out: str = BFLOAT16
    image: bool = False


CASES = {
    "3x3": Case((32, 48), (6, 8), tile=(3, 4)),
    "3x3 stride 2": Case((32, 32), (5, 6), stride=2, tile=(2, 3)),
    "1x1": Case((64, 64), (4, 8), kernel=1, tile=(4, 4)),
    "tiles that overlap": Case((16, 32), (3, 9), tile=(2, 4)),
    "odd channels": Case((19, 37), (4, 5), tile=(3, 5)),
    "image": Case((3, 32), (6, 8), kernel=6, stride=2, tile=(2, 4), image=True),
    "head": Case((32, 255), (3, 4), kernel=1, stages=(), out="float32", tile=(4, 4)),
    "silu in float": Case((16, 16), (5, 7), out="float32"),
    "residual": Case((16, 16), (5, 7), stages=("silu", "add uint16")),
    "residual of floats": Case((16, 16), (5, 7), stages=("add float32", "sigmoid")),
    "others": Case((16, 16), (5, 7), stages=("per channel", "leaky_relu")),
}
REFERENCE: dict[str, Any] = {
    "silu": lambda x: x / (1 + np.exp(-x)),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.1 * x),
}


@dataclass
class Trial:
    """A case with its memory: what the kernel is given, and what it must make."""

    spec: Bf16Conv
    arguments: list[Array]
    out: Array
    expected: Array


def make_trial(case: Case, rng: np.random.Generator) -> Trial:
    """Random operands, each map inside a larger one."""
    x_channels, channels = case.channels
    lanes = 4 if case.image else 16
    inside = [(extent - 1) * case.stride + case.kernel for extent in case.size]
    x = stored(rng.integers(0, 256, (x_channels, *inside)) if case.image else rng.normal(0, 2, (x_channels, *inside)))
    weight = stored(rng.normal(0, 1 / case.kernel, (channels, x_channels, case.kernel, case.kernel)))
    bias = rng.normal(0, 1, channels).astype(np.float32)
    x_slab = Slab.dense(-(-x_channels // lanes), *inside, lanes, BFLOAT16)
    x_slab, x_memory = padded(packed(x, x_slab), x_slab)
    slab = Slab.dense(-(-channels // 16), *case.size, 16, case.out)
    slab, out = padded(np.zeros(slab.shape, slab.dtype), slab)
    expected = taps(real(x), real(weight), bias.astype(np.float64), case.size, case.stride)
    stages, memory, expected = apply(case, slab, expected, rng)
    square = (case.kernel, case.kernel), (case.stride, case.stride), (1, 1)
    spec = Bf16Conv(x_slab, slab, *square, stages, Tile(*case.tile))
    out_lanes = lanes_for(channels, 16)
    dense = pack_dense(weight, lanes_for(x_channels, lanes), lanes, out_lanes, 16)
    pairs = dense.reshape(*dense.shape[:4], lanes // 2, 2, 16).swapaxes(-1, -2)
    weights = np.ascontiguousarray(pairs).reshape(spec.geometry.weight_shape)
    return Trial(spec, [x_memory, weights, pack_vector(bias, out_lanes, 16), *memory, out], out, expected)


def apply(
    case: Case, slab: Slab, value: Array, rng: np.random.Generator
) -> tuple[tuple[StageSpec, ...], list[Array], Array]:
    """The stages, what their kernels read, and what becomes of the value."""
    stages: list[StageSpec] = []
    memory: list[Array] = []
    for words in case.stages:
        name, _, kind = words.partition(" ")
        if kind == "channel":
            factors = rng.uniform(-2, 2, len(value)).astype(np.float32)
            stages.append(PerChannel("multiply", slab.blocks, 16))
            memory.append(pack_vector(factors, lanes_for(len(value), 16), 16))
            value = value * factors[:, None, None]
        elif kind:
            numbers = stored(rng.normal(0, 2, value.shape)) if kind == BFLOAT16 else rng.normal(0, 2, value.shape)
            other = Slab.dense(slab.blocks, slab.height, slab.width, 16, kind)
            stages.append(Merge(name, other))
            memory.append(packed(numbers, other))
            value = value + (real(numbers) if kind == BFLOAT16 else numbers.astype(np.float32))
        else:
            stages.append(Apply(name, (0.1,) if name == "leaky_relu" else ()))
            value = REFERENCE[name](value)
    return tuple(stages), memory, value


@needs_bf16
def test_every_case_is_close_to_double_precision(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    trials = {name: make_trial(case, rng) for name, case in CASES.items()}
    kernels = compile_kernels([trial.spec for trial in trials.values()], TARGET, tmp_path)
    for (name, trial), kernel in zip(trials.items(), kernels, strict=True):
        kernel(*trial.arguments)
        made = unpacked(trial.out, len(trial.expected))
        values, rounding = (real(made), 2**-8) if made.dtype == np.uint16 else (made, 0.0)
        # Rounding to bf16, 13 bits of a sigmoid, and fp32 sums, of an image's large numbers too.
        absolute = 2e-5 * np.abs(trial.expected).max()
        np.testing.assert_allclose(values, trial.expected, rtol=rounding + 2e-4, atol=absolute, err_msg=name)


@needs_bf16
def test_rounding_is_to_the_nearest_ties_to_even(tmp_path: Path) -> None:
    """Sums are all zero, so that each output is its bias rounded; an odd number of columns takes both instructions."""
    rng = np.random.default_rng(6)
    special = np.array([0x3F808000, 0x3F818000, 0x3F807FFF, 0x3F808001, 0xBF818000, 0x7F7F0000, 0x00800000, 0x00000000])
    patterns = np.concatenate([special, rng.integers(0x00800000, 0x7F000000, 40)]).astype(np.uint32)
    bias = patterns.view(np.float32)
    slab, x = Slab.dense(3, 1, 3, 16, BFLOAT16), Slab.dense(1, 1, 3, 16, BFLOAT16)
    spec = Bf16Conv(x, slab, (1, 1), (1, 1), (1, 1), (), Tile(1, 3))
    out = np.zeros(slab.shape, np.uint16)
    weights = np.zeros(spec.geometry.weight_shape, np.uint16)
    [kernel] = compile_kernels([spec], TARGET, tmp_path)
    kernel(np.zeros(x.shape, np.uint16), weights, bias.reshape(3, 16), out)
    expected = np.repeat(stored(bias)[:, None, None], 3, axis=2)
    np.testing.assert_array_equal(unpacked(out, len(bias)), expected)


def test_processors_without_bf16_are_refused() -> None:
    slab = Slab.dense(1, 2, 2, 16, BFLOAT16)
    spec = Bf16Conv(slab, slab, (1, 1), (1, 1), (1, 1), (), Tile(1, 2))
    with pytest.raises(BuildError, match="bfloat16"):
        spec.build(TARGETS["x86-64-v4"].unit)
