"""Convolutions of float32 numbers in pieces, in AMX's tile registers: as near double precision as multiply-adds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tvm.tirx import const

from tests.compiler.backends.cpu.kernels.emulated_tiles import in_memory, in_registers, tiled_kernels
from zcc.compiler.backends.cpu.kernels.amx_registers import SPLIT
from zcc.compiler.backends.cpu.kernels.amx_steps import ordered_products
from zcc.compiler.backends.cpu.kernels.choices import AmxChoice, Tile
from zcc.compiler.backends.cpu.kernels.direct_conv import DirectConv, default_tile
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit
from zcc.compiler.backends.cpu.kernels.split_conv import SplitConv
from zcc.compiler.backends.cpu.kernels.split_plan import FIRST_LEVEL, SplitPlan
from zcc.compiler.backends.cpu.kernels.stages import Apply, Merge, PerChannel, StageSpec
from zcc.compiler.backends.cpu.kernels.winograd_choices import AmxWinogradChoice, WinogradChoice
from zcc.compiler.backends.cpu.program.single_kernel import compile_kernels
from zcc.compiler.backends.cpu.targets.table import TARGETS
from zcc.compiler.backends.cpu.targets.target import CpuTarget

Array = NDArray[Any]
TARGET, PLAIN = TARGETS["x86-64-v4-amx"], TARGETS["x86-64-v3"]
MACHINES = [
    in_registers(TARGET),
    *(in_memory(TARGET.with_threads(threads), PLAIN) for threads in (1, 16)),
]


def tile(blocks: int, columns: int) -> AmxChoice:
    """Of tasks that take x apart, as all do."""
    return AmxChoice(blocks, columns, gathered=True)


ONE = tile(1, 8)
GARBAGE = np.float32(7)


@dataclass(frozen=True)
class Case:
    """A convolution of maps of blocks of 16 channels."""

    blocks: tuple[int, int]
    size: tuple[int, int]
    kernel: int = 3
    stride: int = 1
    dilation: int = 1
    tile: AmxChoice = ONE
    stages: tuple[StageSpec, ...] = ()
    between: int = 0  # columns of another map between the rows

    @property
    def spec(self) -> SplitConv:
        """The kernel."""
        inside = [(size - 1) * self.stride + (self.kernel - 1) * self.dilation + 1 for size in self.size]
        x, out = (self._slab(*each) for each in zip(self.blocks, (inside, self.size), strict=True))
        steps = ((each, each) for each in (self.kernel, self.stride, self.dilation))
        return SplitConv(x, out, *steps, self.stages, self.tile)

    def _slab(self, blocks: int, size: Sequence[int]) -> Slab:
        pitch = (size[1] + self.between) * 16
        return replace(Slab.dense(blocks, *size, 16), pitch=pitch, plane=size[0] * pitch)


CASES = {
    "3x3": Case((2, 2), (6, 8)),
    "an odd block": Case((3, 2), (5, 8), tile=tile(2, 8)),
    "one block": Case((1, 1), (3, 7), tile=tile(1, 7)),
    "stride 2, tiles that overlap": Case((3, 4), (5, 39), stride=2, tile=tile(2, 13)),
    "registers side by side": Case((2, 2), (4, 30), tile=tile(1, 30)),
    "dilated": Case((2, 1), (5, 7), dilation=2, tile=tile(1, 7)),
    "1x1, panels of pairs": Case((32, 4), (2, 40), kernel=1, tile=tile(1, 14)),
    "panels of rows of taps": Case((4, 2), (4, 80), stride=2, tile=tile(1, 16)),
    "one column": Case((2, 2), (4, 1), kernel=1, tile=tile(2, 1)),
    "5x5": Case((2, 2), (3, 9), kernel=5, tile=tile(2, 9)),
    "strips one after the other": Case((2, 1), (64, 8), tile=tile(1, 8)),
    "strips in steps of two": Case((1, 1), (128, 7), stride=2, tile=tile(1, 7)),
    "strips that skip rows": Case((4, 1), (96, 3), kernel=1, stride=2, tile=tile(1, 3)),
    "strips of 5x5, dilated": Case((1, 1), (64, 2), kernel=5, dilation=2, tile=tile(1, 2)),
    "pairs of columns": Case((1, 2), (5, 32), stride=2, tile=tile(2, 16)),
    "pairs of columns, an even row of taps": Case((1, 1), (3, 18), kernel=4, stride=2, tile=tile(1, 18)),
    "pairs of columns, two taps": Case((1, 2), (4, 9), kernel=2, stride=2, tile=tile(1, 9)),
    "joined rows": Case((4, 1), (68, 20), kernel=1, tile=tile(1, 16)),
    "joined rows with others between": Case((4, 2), (4, 20), kernel=1, tile=tile(1, 16), between=3),
    "a form that joined rows do not have": Case((4, 2), (4, 20), kernel=1, tile=tile(1, 14), between=3),
    "joined rows, panels": Case((32, 4), (4, 12), kernel=1, tile=tile(2, 8)),
}


def sums_of(spec: SplitConv, x: Array, weights: Array) -> Array:
    """In double precision; weights lie as the dense form has them."""
    total = np.zeros(spec.out.shape)
    for row in range(spec.kernel[0]):
        for column in range(spec.kernel[1]):
            top, left = row * spec.dilation[0], column * spec.dilation[1]
            rows = slice(top, top + (spec.out.height - 1) * spec.stride[0] + 1, spec.stride[0])
            columns = slice(left, left + (spec.out.width - 1) * spec.stride[1] + 1, spec.stride[1])
            total += np.einsum("bhwi,obil->ohwl", x[:, rows, columns], weights[:, :, row, column], optimize=True)
    return total


def window(slab: Slab) -> Array:
    """Memory as the slab lies in it."""
    held = np.full((slab.blocks, slab.height, slab.pitch // slab.lanes, slab.lanes), GARBAGE, np.float32)
    return held[:, :, : slab.width]


@dataclass
class Trial:
    """A kernel with its operands."""

    spec: SplitConv
    x: Array
    weights: Array
    bias: Array

    @classmethod
    def make(cls, spec: SplitConv, seed: int, spread: int = 0) -> Trial:
        """Numbers whose sizes are up to so many powers of ten apart."""
        rng = np.random.default_rng(seed)

        def numbers(shape: Sequence[int]) -> Array:
            sizes = 10.0 ** rng.integers(-spread, spread + 1, shape)
            return (rng.standard_normal(shape) * sizes).astype(np.float32)

        dense = (spec.out.blocks, spec.x.blocks, *spec.kernel, 16, 16)
        x = window(spec.x)
        x[...] = numbers(spec.x.shape)
        return cls(spec, x, numbers(dense), numbers((spec.out.blocks, 16)))

    def run(self, kernel: Any, *operands: Array) -> Array:
        """What the kernel makes of them."""
        out = window(self.spec.out)
        kernel(self.x, self.spec.pack(self.weights), self.bias, *operands, out)
        between = out.base.reshape(-1, out.strides[1] // out.strides[2], 16)[:, out.shape[2] :]
        assert (between == GARBAGE).all()
        return out

    @property
    def sums(self) -> Array:
        """In double precision."""
        wide = self.x.astype(np.float64), self.weights.astype(np.float64)
        return sums_of(self.spec, *wide) + self.bias.astype(np.float64)[:, None, None]

    @property
    def size(self) -> Array:
        """The sums of the sizes of all that is added up."""
        sizes = np.abs(self.x.astype(np.float64)), np.abs(self.weights.astype(np.float64))
        return sums_of(self.spec, *sizes) + np.abs(self.bias)[:, None, None]


@pytest.mark.parametrize(("target", "vectors"), MACHINES)
@pytest.mark.parametrize("spread", [0, 2, 6])
def test_sums_are_as_near_as_those_of_multiply_adds(
    spread: int, target: CpuTarget, vectors: CpuTarget | None, tmp_path: Path
) -> None:
    """However their sizes differ; both errors are told in parts of the sum of what is added up."""
    trials = {name: Trial.make(case.spec, seed, spread) for seed, (name, case) in enumerate(CASES.items())}
    another = tmp_path / "plain"
    another.mkdir()
    plain = compile_kernels([multiply_adds(trial.spec) for trial in trials.values()], PLAIN, another)
    with tiled_kernels([trial.spec for trial in trials.values()], target, vectors, tmp_path) as kernels:
        for (name, trial), kernel, other in zip(trials.items(), kernels, plain, strict=True):
            expected, result = window(trial.spec.out), trial.run(kernel)
            other(trial.x, trial.weights, trial.bias, expected)
            found, allowed = (np.abs(each - trial.sums) / trial.size for each in (result, expected))
            assert found.max() < 2**-20, name
            assert (found**2).mean() < 1.5 * (allowed**2).mean(), name


def multiply_adds(spec: SplitConv) -> DirectConv:
    """The same convolution of float32 numbers as they are."""
    form = default_tile(spec.x, spec.out, spec.kernel, PLAIN.unit)
    return DirectConv(spec.x, spec.out, spec.kernel, spec.stride, spec.dilation, spec.stages, form)


@pytest.mark.parametrize(("target", "vectors"), MACHINES)
def test_few_digits_are_exact(target: CpuTarget, vectors: CpuTarget | None, tmp_path: Path) -> None:
    """Products of twelve digits in all, whose sums float32 holds: no piece is lost, and none is added twice."""
    trial = Trial.make(CASES["an odd block"].spec, 1)
    rng = np.random.default_rng(2)
    trial.x = rng.integers(-2000, 2001, trial.x.shape).astype(np.float32)  # two pieces
    trial.weights = rng.integers(-3, 4, trial.weights.shape).astype(np.float32)
    trial.bias = rng.integers(-9, 10, trial.bias.shape).astype(np.float32)
    swapped = replace(trial, x=trial.x % 4, weights=trial.weights * 667)
    with tiled_kernels([trial.spec], target, vectors, tmp_path) as [kernel]:
        for each in (trial, swapped):
            np.testing.assert_array_equal(each.run(kernel), each.sums)


@pytest.mark.parametrize(("target", "vectors"), MACHINES)
def test_pairs_of_columns_end_with_the_row(target: CpuTarget, vectors: CpuTarget | None, tmp_path: Path) -> None:
    """The last column has none beside it: what is no number at the next row's beginning stays there."""
    trial = Trial.make(CASES["pairs of columns"].spec, 5)
    trial.x[0, 4, 0] = np.nan
    with tiled_kernels([trial.spec], target, vectors, tmp_path) as [kernel]:
        found = np.isnan(trial.run(kernel))
    touched = np.zeros(trial.spec.out.shape, bool)
    touched[:, 1:3, 0] = True
    np.testing.assert_array_equal(found, touched)


@pytest.mark.parametrize(("target", "vectors"), MACHINES)
def test_stages_follow_the_sums(target: CpuTarget, vectors: CpuTarget | None, tmp_path: Path) -> None:
    other = Slab.dense(2, 6, 8, 16)
    stages = (Apply("silu", ()), Merge("add", other), PerChannel("multiply", 2, 16))
    trial = Trial.make(replace(CASES["3x3"], stages=stages).spec, 3)
    rng = np.random.default_rng(4)
    added, factors = (rng.standard_normal(shape).astype(np.float32) for shape in (other.shape, (2, 16)))
    expected = (trial.sums / (1 + np.exp(-trial.sums)) + added) * factors[:, None, None]
    with tiled_kernels([trial.spec], target, vectors, tmp_path) as [kernel]:
        np.testing.assert_allclose(trial.run(kernel, added, factors), expected, rtol=2e-5, atol=2e-5)


def convolution(blocks: tuple[int, int], size: int, kernel: int, stride: int = 1, lanes: int = 16) -> DirectConv:
    """A square one as a network has it."""
    inside, unit = (size - 1) * stride + kernel, TARGET.unit
    x, out = Slab.dense(blocks[0], inside, inside, lanes), Slab.dense(blocks[1], size, size, 16)
    form = default_tile(x, out, (kernel, kernel), unit)
    return DirectConv(x, out, (kernel, kernel), (stride, stride), (1, 1), (Apply("silu", ()),), form)


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        (convolution((16, 16), 40, 1), AmxChoice),
        (convolution((8, 16), 40, 3, stride=2), AmxChoice),
        (convolution((4, 4), 80, 3), AmxWinogradChoice),
        (convolution((1, 1), 160, 3), WinogradChoice),
        (convolution((2, 2), 20, 1), Tile),
        (convolution((3, 2), 320, 6, stride=2, lanes=1), AmxChoice),
    ],
)
def test_tile_registers_are_first_where_they_are_expected_to_be_quicker(spec: DirectConv, kind: type) -> None:
    """1x1, stride 2 and images of many sums; of stride 1 Winograd's way multiplies far less."""
    unit = replace(TARGET.unit, threads=4)
    assert type(spec.preferred(unit)) is kind
    offered = spec.choices(unit)
    assert spec.preferred(unit) == offered[0] or kind is Tile
    assert AmxChoice in {type(each) for each in offered}


def test_targets_without_tile_registers_know_none() -> None:
    spec, unit = convolution((16, 16), 40, 1), TARGETS["x86-64-v4"].unit
    assert AmxChoice not in {type(each) for each in spec.choices(unit)}


@pytest.mark.parametrize("threads", [1, 4, 16])
@pytest.mark.parametrize(
    "spec", [convolution((16, 16), 40, 1), convolution((8, 16), 40, 3, stride=2), convolution((32, 32), 20, 1)]
)
def test_what_a_panel_reads_stays_in_the_first_level(spec: DirectConv, threads: int) -> None:
    cut = plan(spec, replace(TARGET.unit, threads=threads))
    blocks, height, columns, _ = cut.panel
    inside = cut.rows_inside(cut.rows) if height > 1 else cut.rows
    pixels, weights = inside * cut.geometry.x.width, height * columns * cut.geometry.tile.blocks * 16
    assert blocks * 3 * (pixels + weights) * 64 <= FIRST_LEVEL
    assert cut.panels > 1 and cut.panels * blocks * height == cut.run.blocks * spec.kernel[0]


class ByRows(SplitPlan):
    """All groups of a strip come before the next strip."""

    rows_first = True


class ByGroups(SplitPlan):
    """All strips of a group come before the next group."""

    rows_first = False


@pytest.mark.parametrize(("kind", "step"), [(ByRows, 4), (ByGroups, 1)])
def test_a_task_has_strips_one_behind_the_other_and_all_tasks_have_all(kind: type[SplitPlan], step: int) -> None:
    chosen = convolution((2, 8), 80, 1).chosen(tile(1, 16))
    assert isinstance(chosen, SplitConv)
    cut = kind(chosen.in_tiles, SPLIT, 1)
    cut.__dict__.update(_cut=(1, 2), strips_of_task=4)
    assert (cut.shares, cut.strips) == (4, 80)
    found = [[int(cut.strip_of(const(task, "int32"), strip)) for strip in range(4)] for task in range(80)]
    assert all(following - number == step for each in found for number, following in pairwise(each))
    assert sorted(number for each in found for number in each) == list(range(4 * 80))


def plan(spec: DirectConv, unit: VectorUnit) -> SplitPlan:
    """How the first form in tile registers is cut."""
    choice = next(each for each in spec.choices(unit) if isinstance(each, AmxChoice))
    chosen = spec.chosen(choice)
    assert isinstance(chosen, SplitConv)
    return SplitPlan(chosen.in_tiles, SPLIT, unit.threads)


@pytest.mark.parametrize(("columns", "outputs", "loads"), [(1, 1, 7), (1, 2, 13), (2, 1, 13), (2, 2, 25)])
def test_each_product_is_taken_once_and_few_operands_are_loaded_twice(columns: int, outputs: int, loads: int) -> None:
    """One register holds x, and one weights: a product loads one of them more, the first both."""
    ordered = ordered_products(columns, outputs, SPLIT.pieces)
    assert len(set(ordered)) == len(ordered) == 6 * columns * outputs
    assert {(x[1], weights[1]) for x, weights in ordered} == set(SPLIT.pieces)
    changed = [sum(one != other for one, other in zip(*pair, strict=True)) for pair in pairwise(ordered)]
    assert 2 + sum(changed) == loads
