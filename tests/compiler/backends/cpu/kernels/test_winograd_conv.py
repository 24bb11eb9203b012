"""Winograd convolutions against sums of taps in double precision, in maps that lie within memory full of NaN."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from tests.compiler.backends.cpu.kernels.integers import lanes_for, packed, taps, unpacked
from tests.compiler.harness import compile_network, reference
from tests.onnx_models.graph import Graph
from zcc.compiler.backends.cpu.kernels.choices import Tunable
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit
from zcc.compiler.backends.cpu.kernels.stages import Apply, Merge, PerChannel, StageSpec
from zcc.compiler.backends.cpu.kernels.winograd_choices import WinogradChoice, winograd_choices
from zcc.compiler.backends.cpu.kernels.winograd_conv import WinogradConv
from zcc.compiler.backends.cpu.layout.weights import pack_dense, pack_vector
from zcc.compiler.backends.cpu.program.single_kernel import Kernel, compile_kernels
from zcc.compiler.backends.cpu.targets.table import TARGETS, native_target
from zcc.runtime.aligned import aligned_bytes

Array = NDArray[Any]
F = np.float32
WIDTHS = {target.unit.lanes: target for target in TARGETS.values() if target.runs_here()}


@dataclass(frozen=True)
class Case:
    """A convolution to try, and how it is cut."""

    channels: tuple[int, int]
    size: tuple[int, int]
    choice: WinogradChoice
    stages: tuple[str, ...] = ("silu",)
    stride: int = 1

    @property
    def inside(self) -> tuple[int, int]:
        """Rows and columns that the taps reach."""
        height, width = (self.stride * (outputs - 1) + 3 for outputs in self.size)
        return height, width


CASES = {
    "whole tiles": Case((32, 32), (8, 12), WinogradChoice(4, 6, 1, 2, 3)),
    "small tiles": Case((32, 48), (6, 8), WinogradChoice(2, 4, 1, 3, 4)),
    "rows hang over": Case((16, 16), (7, 8), WinogradChoice(4, 2, 1, 1, 2)),
    "columns hang over": Case((16, 16), (8, 9), WinogradChoice(4, 2, 1, 1, 2)),
    "both hang over": Case((16, 32), (11, 13), WinogradChoice(4, 1, 1, 2, 1)),
    "odd map of small tiles": Case((16, 16), (5, 3), WinogradChoice(2, 3, 1, 1, 3)),
    "one tile": Case((16, 16), (4, 4), WinogradChoice(4, 1, 1, 1, 1)),
    "more room than tiles": Case((16, 32), (5, 5), WinogradChoice(4, 12, 1, 1, 6)),
    "tasks that do not divide": Case((16, 16), (20, 20), WinogradChoice(4, 7, 1, 1, 7)),
    "shares": Case((16, 64), (9, 9), WinogradChoice(4, 9, 2, 2, 3)),
    "shares of one group": Case((32, 64), (9, 9), WinogradChoice(4, 3, 4, 1, 3)),
    "odd channels": Case((19, 37), (9, 6), WinogradChoice(4, 4, 1, 1, 4)),
    "residual": Case((16, 16), (6, 7), WinogradChoice(4, 4, 1, 1, 2), ("silu", "add map")),
    "gate": Case((16, 16), (6, 7), WinogradChoice(4, 4, 1, 1, 2), ("multiply map", "leaky_relu")),
    "per channel": Case((16, 32), (5, 6), WinogradChoice(2, 9, 1, 2, 9), ("multiply channel",)),
    "nothing behind it": Case((16, 16), (4, 5), WinogradChoice(2, 2, 1, 1, 2), ()),
    "whole tiles in steps": Case((32, 32), (10, 15), WinogradChoice(5, 6, 1, 2, 3), stride=2),
    "small tiles in steps": Case((32, 48), (6, 9), WinogradChoice(3, 4, 1, 3, 4), stride=2),
    "both hang over in steps": Case((16, 32), (11, 13), WinogradChoice(5, 1, 1, 2, 1), stride=2),
    "one tile in steps": Case((16, 16), (5, 5), WinogradChoice(5, 1, 1, 1, 1), stride=2),
    "more room than tiles in steps": Case((16, 32), (6, 6), WinogradChoice(5, 12, 1, 1, 6), stride=2),
    "shares in steps": Case((16, 64), (7, 9), WinogradChoice(5, 9, 2, 2, 3), stride=2),
    "odd channels in steps": Case((19, 37), (9, 6), WinogradChoice(5, 4, 1, 1, 4), stride=2),
    "residual in steps": Case((16, 16), (6, 7), WinogradChoice(5, 4, 1, 1, 2), ("silu", "add map"), 2),
}
REFERENCE: dict[str, Any] = {
    "silu": lambda x: x / (1 + np.exp(-x)),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.1 * x),
    "add": np.add,
    "multiply": np.multiply,
}


@dataclass
class Trial:
    """A case with its memory: what the kernel is given, and what it must make."""

    spec: WinogradConv
    arguments: list[Array]
    out: Array
    room: Array  # the memory that `out` lies in
    expected: Array

    def check(self, kernel: Kernel, name: str) -> None:
        """Run it; around the result nothing may change."""
        kernel(*self.arguments)
        made = unpacked(self.out, len(self.expected)).copy()
        np.testing.assert_allclose(made, self.expected, rtol=0, atol=1e-5 * np.abs(self.expected).max(), err_msg=name)
        self.out[...] = np.nan
        assert np.isnan(self.room).all(), name


def aligned(array: Array) -> Array:
    """The same numbers where vectors may begin."""
    memory = aligned_bytes(array.nbytes).view(array.dtype).reshape(array.shape)
    memory[...] = array
    return memory


def within_nan(array: Array, slab: Slab) -> tuple[Slab, Array, Array]:
    """The slab inside a larger one, its window there, and all of it."""
    room = aligned(np.full((slab.blocks + 2, slab.height + 3, slab.width + 5, slab.lanes), np.nan, F))
    window = room[1:-1, 1 : 1 + slab.height, 2 : 2 + slab.width]
    window[...] = array
    pitch, plane = room.strides[1] // room.itemsize, room.strides[0] // room.itemsize
    return replace(slab, pitch=pitch, plane=plane), window, room


def make_trial(case: Case, lanes: int, rng: np.random.Generator, kind: type[WinogradConv] = WinogradConv) -> Trial:
    """Random operands, each map inside a larger one."""
    (inputs, outputs), (height, width) = case.channels, case.size
    # Cases are written for 16 lanes; with fewer there are more blocks of them.
    channels = inputs * lanes // 16, outputs * lanes // 16
    x = rng.normal(0, 1, (channels[0], *case.inside)).astype(F)
    weight = rng.normal(0, 1 / np.sqrt(9 * channels[0]), (channels[1], channels[0], 3, 3)).astype(F)
    bias = rng.normal(0, 1, channels[1]).astype(F)
    x_slab = Slab.dense(-(-channels[0] // lanes), *case.inside, lanes)
    x_slab, x_memory, _ = within_nan(packed(x, x_slab), x_slab)
    slab = Slab.dense(-(-channels[1] // lanes), height, width, lanes)
    slab, out, room = within_nan(np.full(slab.shape, 3, F), slab)
    expected = taps(x.astype(np.float64), weight.astype(np.float64), bias.astype(np.float64), case.size, case.stride)
    stages, memory, expected = apply(case, slab, expected, rng)
    out_lanes = lanes_for(channels[1], lanes)
    dense = pack_dense(weight, lanes_for(channels[0], lanes), lanes, out_lanes, lanes)
    spec = kind(x_slab, slab, stages, case.choice, case.stride)
    weights, biases = spec.pack(dense), pack_vector(bias, out_lanes, lanes)
    operands = [aligned(values) for values in (weights, biases, *memory)]
    return Trial(spec, [x_memory, *operands, out], out, room, expected)


def apply(
    case: Case, slab: Slab, value: Array, rng: np.random.Generator
) -> tuple[tuple[StageSpec, ...], list[Array], Array]:
    """The stages, what their kernels read, and what becomes of the value."""
    stages: list[StageSpec] = []
    memory: list[Array] = []
    for words in case.stages:
        name, _, kind = words.partition(" ")
        if not kind:
            stages.append(Apply(name, (0.1,) if name == "leaky_relu" else ()))
            value = REFERENCE[name](value)
            continue
        size = {"map": value.shape[1:], "channel": (1, 1)}[kind]
        numbers = rng.normal(0, 1, (len(value), *size)).astype(F)
        if kind == "channel":
            stages.append(PerChannel(name, slab.blocks, slab.lanes))
            memory.append(pack_vector(numbers.ravel(), lanes_for(len(value), slab.lanes), slab.lanes))
        else:
            other = Slab.dense(slab.blocks, *size, slab.lanes)
            stages.append(Merge(name, other))
            memory.append(packed(numbers, other))
        value = REFERENCE[name](value, numbers)
    return tuple(stages), memory, value


@pytest.mark.parametrize("lanes", WIDTHS)
def test_cases_are_close_to_double_precision(lanes: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    few = (
        "small tiles",
        "both hang over",
        "shares",
        "odd channels",
        "residual",
        "small tiles in steps",
        "shares in steps",
    )
    names = CASES if lanes == max(WIDTHS) else few
    trials = {name: make_trial(CASES[name], lanes, rng) for name in names}
    kernels = compile_kernels([trial.spec for trial in trials.values()], WIDTHS[lanes], tmp_path)
    for (name, trial), kernel in zip(trials.items(), kernels, strict=True):
        trial.check(kernel, name)


@pytest.mark.parametrize(
    ("size", "channels", "stride"),
    [((9, 7), (48, 96), 1), ((3, 12), (16, 32), 1), ((9, 7), (48, 96), 2), ((4, 12), (16, 32), 2)],
)
def test_every_choice_offered_is_right(
    size: tuple[int, int], channels: tuple[int, int], stride: int, tmp_path: Path
) -> None:
    rng, target = np.random.default_rng(8), native_target()
    lanes = target.unit.lanes
    x, out = (Slab.dense(-(-n // 16), *size, lanes) for n in channels)
    choices = winograd_choices(x, out, target.unit, stride)
    assert 1 <= len(choices) == len(set(choices)) <= 8
    trials = [make_trial(Case(channels, size, choice, stride=stride), lanes, rng) for choice in choices]
    for trial, kernel in zip(trials, compile_kernels([trial.spec for trial in trials], target, tmp_path), strict=True):
        trial.check(kernel, str(trial.spec.tile))


@pytest.mark.parametrize(("size", "stride"), [(4, 1), (5, 2)])
def test_runs_repeat_to_the_last_bit(size: int, stride: int, tmp_path: Path) -> None:
    """Outputs of tiles that overlap in two tasks are written by one."""
    case = Case((16, 16), (39, 41), WinogradChoice(size, 1, 1, 1, 1), stride=stride)
    trial = make_trial(case, 16, np.random.default_rng(9))
    target = native_target()
    if target.unit.lanes != 16:
        pytest.skip("cut for 16 lanes")
    [kernel] = compile_kernels([trial.spec], target, tmp_path)
    kernel(*trial.arguments)
    first = trial.out.copy()
    for _ in range(50):
        kernel(*trial.arguments)
        np.testing.assert_array_equal(trial.out, first)


@dataclass
class Everywhere:
    """Takes Winograd's form, with tiles of some sizes, wherever it is offered."""

    unit: VectorUnit
    sizes: tuple[int, ...]
    taken: int = 0

    def find(self, spec: Tunable) -> WinogradChoice | None:
        """The first of its forms."""
        forms = [form for form in spec.choices(self.unit) if isinstance(form, WinogradChoice)]
        fitting = [form for form in forms if form.size in self.sizes]
        self.taken += bool(fitting)
        return fitting[0] if fitting else None


def windows_of_three() -> onnx.ModelProto:
    """Twelve convolutions in residual blocks, on maps of odd sizes, some of them parts of a concat."""
    g = Graph((154, 218), 13, 3)
    x = g.silu(g.conv(g.images, 16, kernel=3, stride=2))
    for channels in (16, 24, 32, 48):
        x = g.silu(g.conv(x, channels, kernel=3, stride=2))
        deep = g.silu(g.conv(g.silu(g.conv(x, channels, kernel=3)), channels, kernel=3))
        x = g.add(x, deep) if channels != 32 else g.concat([x, deep])
    return g.finish({"output": g.conv(x, 12)})


@pytest.mark.parametrize(("lanes", "sizes"), [(max(WIDTHS), (4, 5)), (min(WIDTHS), (2, 3))])
def test_networks_of_them_equal_onnx_runtime(lanes: int, sizes: tuple[int, int], tmp_path: Path) -> None:
    proto = windows_of_three()
    image = np.random.default_rng(4).random((1, 3, 154, 218), np.float32)
    expected = reference(proto, image)
    target = WIDTHS[lanes]
    choices = Everywhere(target.unit, sizes)
    compiled = compile_network(proto, tmp_path, target.name, choices=choices, optimised=True)
    made = [[n for n in compiled.kernels if n.startswith(f"winograd{size}s{s}_")] for s, size in enumerate(sizes, 1)]
    assert sum(map(len, made)) == choices.taken and len(made[0]) > 5 and len(made[1]) > 3
    np.testing.assert_allclose(compiled.run(image), expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())
