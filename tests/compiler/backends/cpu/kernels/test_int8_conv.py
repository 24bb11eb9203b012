"""Integer convolutions equal numpy's integers bit for bit, in every way that this processor can compute them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.compiler.backends.cpu.kernels.integers import (
    Encoding,
    finish,
    lanes_for,
    on_curve,
    packed,
    padded,
    sums,
    unpacked,
)
from tests.compiler.backends.cpu.kernels.ways import best_target, other_ways
from zcc.compiler.backends.common.curves import CURVES
from zcc.compiler.backends.cpu.kernels.byte_dot import BYTE_DOTS, BYTES, fitting_words, short_words
from zcc.compiler.backends.cpu.kernels.direct_conv import Tile
from zcc.compiler.backends.cpu.kernels.dot_tile import choose_tile
from zcc.compiler.backends.cpu.kernels.int8_conv import Int8Conv, ShortSumConv
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit
from zcc.compiler.backends.cpu.kernels.stages import Apply, Merge, PerChannel, StageSpec
from zcc.compiler.backends.cpu.layout.weights import pack_vector, pack_words
from zcc.compiler.backends.cpu.program.single_kernel import Kernel, compile_kernels
from zcc.compiler.backends.cpu.targets.table import TARGETS
from zcc.compiler.backends.cpu.targets.target import CpuTarget
from zcc.compiler.ir.short_sums import in_sums, out_of_sums, rounded_to_fit

Array = NDArray[Any]
SILU = Apply("silu", ())
PLAIN = VectorUnit(8, 16)  # for which all weights are alike


@dataclass(frozen=True)
class Case:
    """A convolution to try."""

    channels: tuple[int, int] = (16, 16)
    size: tuple[int, int] = (5, 7)  # of the output
    kernel: int = 3
    stride: int = 1
    dilation: int = 1
    tile: Tile = field(default_factory=lambda: Tile(1, 4))
    stages: tuple[str, ...] = ("silu",)
    out: Encoding | None = field(default_factory=lambda: Encoding(0.02, 14))
    image: bool = False


CASES = {
    "3x3": Case((32, 48), (6, 8), tile=Tile(3, 4)),
    "3x3 stride 2": Case((32, 32), (5, 6), stride=2, tile=Tile(2, 3)),
    "1x1": Case((64, 64), (4, 8), kernel=1, tile=Tile(4, 4)),
    "tiles that overlap": Case((16, 32), (3, 9), tile=Tile(2, 4)),
    "odd channels": Case((19, 37), (4, 5), tile=Tile(3, 5)),
    "dilated": Case((16, 16), (4, 6), dilation=2),
    "5x5": Case((16, 16), (3, 6), kernel=5),
    "image 3x3 stride 2": Case((3, 32), (6, 8), stride=2, tile=Tile(2, 4), image=True),
    "image 6x6 stride 2": Case((3, 32), (6, 8), kernel=6, stride=2, tile=Tile(2, 4), image=True),
    "head": Case((32, 255), (3, 4), kernel=1, stages=(), out=None, tile=Tile(4, 4)),
    "no activation": Case(stages=()),
    "zero point 0": Case(stages=("relu",), out=Encoding(0.01, 0)),
    "zero point 255": Case(out=Encoding(0.01, 255)),
    "sigmoid": Case(stages=("sigmoid",), out=Encoding(1 / 255, 0)),
    "silu in float": Case(out=None),
    "residual of bytes": Case(stages=("silu", "add bytes")),
    "residual of floats": Case(stages=("silu", "subtract floats", "silu")),
    "gate": Case(stages=("multiply bytes", "sigmoid")),
    "per channel": Case(stages=("per channel", "silu")),
    "leaky relu": Case(stages=("leaky_relu", "add bytes")),
    "clip": Case(stages=("clip",)),
    "hard swish": Case(stages=("hard_swish", "add bytes")),
    "hard sigmoid": Case(stages=("hard_sigmoid",)),
    "tanh": Case(stages=("scale", "shift", "tanh"), out=Encoding(2 / 255, 128)),
    "a map that calibration saw empty": Case((16, 32), (3, 7), tile=Tile(2, 5), out=Encoding(2.0**-100, 7)),
    "the same without a curve": Case((16, 32), (3, 7), tile=Tile(2, 5), stages=(), out=Encoding(2.0**-100, 7)),
    "bounds": Case(stages=("at_least", "at_most", "abs")),
}
PARAMETERS = {
    "leaky_relu": (0.1,),
    "clip": (0.0, 6.0),
    "scale": (0.3,),
    "shift": (-0.7,),
    "at_least": (-1.5,),
    "at_most": (3.0,),
}
OTHER = Encoding(0.05, 31)


@dataclass
class Trial:
    """A case with its memory: what the kernel is given, and what it must make."""

    spec: Int8Conv
    arguments: list[Array]
    out: Array
    expected: Array
    channels: int

    def run(self, kernel: Kernel) -> Array:
        """What the kernel makes, over garbage."""
        self.out[...] = 99
        kernel(*self.arguments)
        return unpacked(self.out, self.channels)


def make_trial(
    case: Case, rng: np.random.Generator, extreme: bool = False, words: int = 0, unit: VectorUnit = PLAIN
) -> Trial:
    """Random operands, or those that give the largest sums there are; with `words`, weights of sums in 16 bits."""
    x_channels, channels = case.channels
    lanes = 4 if case.image else 16
    span = (case.kernel - 1) * case.dilation + 1
    inside = [(extent - 1) * case.stride + span for extent in case.size]
    x_slab = Slab.dense(-(-x_channels // lanes), *inside, lanes, "uint8")
    slab = Slab.dense(-(-channels // 16), *case.size, 16, "uint8" if case.out else "float32")
    x = rng.integers(0, 256, (x_channels, *inside)).astype(np.uint8)
    weight = rng.integers(-128, 128, (channels, x_channels, case.kernel, case.kernel)).astype(np.int8)
    if extreme:
        x[...], weight[...] = 255, np.where(np.arange(channels) % 2, -128, 127)[:, None, None, None]
    if words:
        x[...] = rng.choice([0, 255], x.shape) if extreme else x
        weight = out_of_sums(rounded_to_fit(in_sums(weight, words)).astype(np.int8), words, weight.shape)
    start = rng.integers(-5000, 5000, channels).astype(np.int32)
    scale = (10 ** rng.uniform(-5, -4, channels)).astype(np.float32)
    stages, memory, operands = make_stages(case, slab, channels, rng)
    x_slab, x_memory = padded(packed(x, x_slab), x_slab)
    slab, out = padded(np.zeros(slab.shape, slab.dtype), slab)
    square = (case.kernel, case.kernel), (case.stride, case.stride), (case.dilation, case.dilation)
    out_lanes = lanes_for(channels, 16)
    weights = pack_words(weight, lanes_for(x_channels, lanes), lanes, out_lanes, 16, BYTES)
    short = fitting_words(weights, unit)
    fields = (x_slab, slab, *square, stages, case.tile)
    spec = ShortSumConv(*fields, short) if short else Int8Conv(*fields)
    vectors = [pack_vector(values, out_lanes, 16) for values in (start, scale)]
    arguments = [x_memory, spec.pack(weights), *vectors, *memory, out]
    if case.out:
        arguments.append(case.out.written())
    total = sums(x, weight, start, spec)
    expected = finish(total, scale, list(zip(stages, operands, strict=True)), case.out)
    return Trial(spec, arguments, out, expected, channels)


def make_stages(
    case: Case, slab: Slab, channels: int, rng: np.random.Generator
) -> tuple[tuple[StageSpec, ...], list[Array], list[Any]]:
    """The stages, what their kernels read, and their operands in real numbers."""
    stages: list[StageSpec] = []
    memory: list[Array] = []
    operands: list[Any] = []
    for words in case.stages:
        name, _, kind = words.partition(" ")
        operand: Any = None
        if kind == "channel":
            stages.append(PerChannel("multiply", slab.blocks, 16))
            operand = rng.uniform(-2, 2, channels).astype(np.float32)
            memory.append(pack_vector(operand, lanes_for(channels, 16), 16))
        elif kind == "bytes":
            values = rng.integers(0, 256, (channels, *case.size)).astype(np.uint8)
            stages.append(Merge(name, replace(slab, dtype="uint8")))
            memory += [packed(values, replace(slab, dtype="uint8")), OTHER.read()]
            operand = (values.astype(np.float32) - np.float32(OTHER.zero)) * np.float32(OTHER.scale)
        elif kind == "floats":
            operand = rng.normal(0, 2, (channels, *case.size)).astype(np.float32)
            stages.append(Merge(name, replace(slab, dtype="float32")))
            memory.append(packed(operand, replace(slab, dtype="float32")))
        else:
            stages.append(Apply(name, PARAMETERS.get(name, ())))
            memory += [CURVES[name].table()] if name in CURVES else []
        operands.append(operand)
    return tuple(stages), memory, operands


EXTREME = ("3x3", "head", "sigmoid")
FEW = (
    "3x3",
    "odd channels",
    "image 6x6 stride 2",
    "residual of bytes",
    "gate",
    "leaky relu",
    "a map that calibration saw empty",
)


def check(cases: Sequence[str], extreme: Sequence[str], target: CpuTarget, folder: Path) -> None:
    """Every case in one module."""
    rng = np.random.default_rng(4)
    trials = {name: make_trial(CASES[name], rng) for name in cases}
    trials |= {f"{name}, extreme": make_trial(CASES[name], rng, extreme=True) for name in extreme}
    kernels = compile_kernels([trial.spec for trial in trials.values()], target, folder)
    for (name, trial), kernel in zip(trials.items(), kernels, strict=True):
        np.testing.assert_array_equal(trial.run(kernel), trial.expected, err_msg=name)


def test_every_case_equals_numpy(tmp_path: Path) -> None:
    check(list(CASES), EXTREME, best_target(), tmp_path)


@pytest.mark.parametrize("target", other_ways(), ids=lambda target: target.name)
def test_other_processors_compute_the_same_bytes(target: CpuTarget, tmp_path: Path) -> None:
    check(FEW, EXTREME, target, tmp_path)


SHORT = [target for target in TARGETS.values() if target.runs_here() and short_words(target.unit)]


@pytest.mark.parametrize("target", SHORT, ids=lambda target: target.name)
def test_sums_in_16_bits_are_exact_up_to_their_bounds(target: CpuTarget, tmp_path: Path) -> None:
    rng, unit = np.random.default_rng(7), target.unit
    cases = [(name, words) for words in (1, 2, 4) for name in ("3x3", "odd channels", "image 3x3 stride 2")]
    trials = [make_trial(CASES[name], rng, extreme, words, unit) for name, words in cases for extreme in (True, False)]
    assert {trial.spec.short for trial in trials if isinstance(trial.spec, ShortSumConv)} == {
        dot.short for dot in BYTE_DOTS[unit.dot] if dot.short
    }
    kernels = compile_kernels([trial.spec for trial in trials], target, tmp_path)
    for trial, kernel in zip(trials, kernels, strict=True):
        np.testing.assert_array_equal(trial.run(kernel), trial.expected, err_msg=trial.spec.name)


def test_processors_that_are_not_here_get_code(tmp_path: Path) -> None:
    """AVX-VNNI is in processors without AVX-512; its code can be made anywhere."""
    trials = [make_trial(CASES[name], np.random.default_rng(0)) for name in ("3x3", "sigmoid")]
    compile_kernels([trial.spec for trial in trials], TARGETS["x86-64-v3-vnni"], tmp_path)


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("size", [(1, 1), (1, 3), (16, 13), (7, 20), (2, 320)])
def test_chosen_tiles_fit_the_registers(name: str, size: tuple[int, int]) -> None:
    unit, (blocks, width) = TARGETS[name].unit, size
    tile = choose_tile(Slab.dense(blocks, width, width, 16, "uint8"), unit, BYTE_DOTS[unit.dot][0])
    assert blocks % tile.blocks == 0 and 1 <= tile.columns <= width
    assert tile.blocks * tile.columns * 16 // unit.lanes < unit.registers


@pytest.mark.parametrize(("name", "bound"), [("silu", 1.1e-3), ("sigmoid", 2e-4), ("tanh", 4e-4)])
def test_curves_stay_close_to_their_functions(name: str, bound: float) -> None:
    curve = CURVES[name]
    x = np.linspace(-40, 40, 200_001)
    made = on_curve((x / curve.step).astype(np.float32), curve)
    np.testing.assert_allclose(made, curve.function(x), rtol=0, atol=bound)
