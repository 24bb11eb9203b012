"""Convolutions of pairs to try, in any of their formats, and what numpy makes of them in double precision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.compiler.backends.cpu.kernels.integers import lanes_for, packed, padded, taps, unpacked
from zcc.compiler.backends.cpu.kernels.bf16_conv import Bf16Conv
from zcc.compiler.backends.cpu.kernels.choices import Tile
from zcc.compiler.backends.cpu.kernels.half_conv import HalfConv
from zcc.compiler.backends.cpu.kernels.pair_conv import PairConv
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.stages import Apply, Merge, PerChannel, StageSpec
from zcc.compiler.backends.cpu.layout.weights import pack_dense, pack_vector
from zcc.compiler.ir.tensors import BFLOAT16, FLOAT16

Array = NDArray[Any]


def stored(values: Array) -> Array:
    """Bfloat16 numbers as uint16: the nearest, ties to even."""
    bits = values.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def real(numbers: Array) -> Array:
    """What stored numbers stand for."""
    return (numbers.astype(np.uint32) << 16).view(np.float32).astype(np.float64)


@dataclass(frozen=True)
class Format:
    """A format of pairs, as numpy has it."""

    kind: type[PairConv]
    dtype: str
    stored: Callable[[Array], Array]
    real: Callable[[Array], Array]
    rounding: float  # of a stored number, at most


BFLOATS = Format(Bf16Conv, BFLOAT16, stored, real, 2**-8)
HALVES = Format(
    HalfConv, FLOAT16, lambda values: values.astype(FLOAT16), lambda halves: halves.astype(np.float64), 2**-11
)


@dataclass(frozen=True)
class Case:
    """A convolution to try."""

    channels: tuple[int, int]
    size: tuple[int, int]
    kernel: int = 3
    stride: int = 1
    tile: tuple[int, int] = (1, 4)
    stages: tuple[str, ...] = ("silu",)
    out: str = "stored"
    image: bool = False


REFERENCE: dict[str, Any] = {
    "silu": lambda x: x / (1 + np.exp(-x)),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.1 * x),
}


@dataclass
class Trial:
    """A case with its memory: what the kernel is given, and what it must make."""

    numbers: Format
    spec: PairConv
    arguments: list[Array]
    out: Array
    expected: Array

    def check(self, name: str) -> None:
        """What the kernel made is near, but for rounding, 13 bits of a sigmoid, and fp32 sums of large numbers."""
        made = unpacked(self.out, len(self.expected))
        stored = made.dtype == self.numbers.dtype
        values, rounding = (self.numbers.real(made), self.numbers.rounding) if stored else (made, 0.0)
        absolute = 2e-5 * np.abs(self.expected).max()
        np.testing.assert_allclose(values, self.expected, rtol=rounding + 2e-4, atol=absolute, err_msg=name)


def make_trial(case: Case, rng: np.random.Generator, numbers: Format = BFLOATS) -> Trial:
    """Random operands, each map inside a larger one."""
    stored, real = numbers.stored, numbers.real
    x_channels, channels = case.channels
    lanes = 4 if case.image else 16
    inside = [(extent - 1) * case.stride + case.kernel for extent in case.size]
    x = stored(rng.integers(0, 256, (x_channels, *inside)) if case.image else rng.normal(0, 2, (x_channels, *inside)))
    weight = stored(rng.normal(0, 1 / case.kernel, (channels, x_channels, case.kernel, case.kernel)))
    bias = rng.normal(0, 1, channels).astype(np.float32)
    x_slab = Slab.dense(-(-x_channels // lanes), *inside, lanes, numbers.dtype)
    x_slab, x_memory = padded(packed(x, x_slab), x_slab)
    slab = Slab.dense(-(-channels // 16), *case.size, 16, _dtype(case.out, numbers))
    slab, out = padded(np.zeros(slab.shape, slab.dtype), slab)
    expected = taps(real(x), real(weight), bias.astype(np.float64), case.size, case.stride)
    stages, memory, expected = apply(case, slab, expected, rng, numbers)
    square = (case.kernel, case.kernel), (case.stride, case.stride), (1, 1)
    spec = numbers.kind(x_slab, slab, *square, stages, Tile(*case.tile))
    out_lanes = lanes_for(channels, 16)
    dense = pack_dense(weight, lanes_for(x_channels, lanes), lanes, out_lanes, 16)
    pairs = dense.reshape(*dense.shape[:4], lanes // 2, 2, 16).swapaxes(-1, -2)
    weights = np.ascontiguousarray(pairs).reshape(spec.geometry.weight_shape)
    return Trial(numbers, spec, [x_memory, weights, pack_vector(bias, out_lanes, 16), *memory, out], out, expected)


def apply(
    case: Case, slab: Slab, value: Array, rng: np.random.Generator, numbers: Format
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
            other = Slab.dense(slab.blocks, slab.height, slab.width, 16, _dtype(kind, numbers))
            added = rng.normal(0, 2, value.shape).astype(np.float32)
            held = numbers.stored(added) if kind == "stored" else added
            stages.append(Merge(name, other))
            memory.append(packed(held, other))
            value = value + (numbers.real(held) if kind == "stored" else held)
        else:
            stages.append(Apply(name, (0.1,) if name == "leaky_relu" else ()))
            value = REFERENCE[name](value)
    return tuple(stages), memory, value


def _dtype(told: str, numbers: Format) -> str:
    return numbers.dtype if told == "stored" else told
