"""Winograd convolutions with products in AMX's tile registers: as near double precision as those of vector units."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.compiler.backends.cpu.kernels.emulated_tiles import in_memory, in_registers, tiled_kernels
from tests.compiler.backends.cpu.kernels.integers import unpacked
from tests.compiler.backends.cpu.kernels.test_winograd_conv import Case, Trial, make_trial
from zcc.compiler.backends.cpu.kernels.direct_conv import DirectConv, default_tile
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.split_winograd import SplitWinogradConv
from zcc.compiler.backends.cpu.kernels.split_winograd_choices import MOST_HELD, split_winograd_choices
from zcc.compiler.backends.cpu.kernels.stages import Apply
from zcc.compiler.backends.cpu.kernels.winograd_choices import AmxWinogradChoice, WinogradChoice
from zcc.compiler.backends.cpu.program.single_kernel import compile_kernels
from zcc.compiler.backends.cpu.targets.table import TARGETS
from zcc.compiler.backends.cpu.targets.target import CpuTarget

TARGET, PLAIN = TARGETS["x86-64-v4-amx"], TARGETS["x86-64-v3"]
MACHINES = [in_registers(TARGET), in_memory(TARGET, PLAIN)]
LANES = 16

CASES = {
    "whole tiles": Case((32, 32), (8, 12), AmxWinogradChoice(4, 6, 1, 2, 3)),
    "registers side by side": Case((48, 64), (20, 20), AmxWinogradChoice(4, 26, 1, 2, 26)),
    "all at once, nothing woven": Case((32, 16), (16, 16), AmxWinogradChoice(4, 16, 1, 1, 16)),
    "several times of a task": Case((64, 48), (39, 41), AmxWinogradChoice(4, 48, 1, 3, 16)),
    "fewer tiles than a task": Case((16, 32), (5, 5), AmxWinogradChoice(4, 12, 1, 1, 12)),
    "tasks that do not divide": Case((32, 32), (20, 20), AmxWinogradChoice(4, 7, 1, 2, 7)),
    "shares": Case((16, 64), (9, 9), AmxWinogradChoice(4, 9, 2, 2, 9)),
    "one tile": Case((32, 32), (4, 4), AmxWinogradChoice(4, 1, 1, 2, 1)),
    "odd channels": Case((19, 37), (9, 6), AmxWinogradChoice(4, 4, 1, 1, 4)),
    "residual": Case((32, 32), (6, 7), AmxWinogradChoice(4, 4, 1, 1, 4), ("silu", "add map")),
    "small tiles": Case((32, 48), (6, 8), AmxWinogradChoice(2, 12, 1, 3, 12)),
}


def error(trial: Trial) -> float:
    """The root of the mean square of what a kernel made is off by."""
    return float(np.sqrt(np.mean((unpacked(trial.out, len(trial.expected)) - trial.expected) ** 2)))


def trial_of(case: Case, seed: int) -> Trial:
    """With products in tile registers."""
    return make_trial(case, LANES, np.random.default_rng(seed), SplitWinogradConv)


def in_vectors(case: Case, seed: int) -> Trial:
    """The same numbers, multiplied by vector units."""
    return make_trial(
        replace(case, choice=WinogradChoice(case.choice.size, 4, 1, 1, 4)), LANES, np.random.default_rng(seed)
    )


@pytest.mark.parametrize(("target", "vectors"), MACHINES)
def test_cases_are_as_near_as_those_of_vector_units(
    target: CpuTarget, vectors: CpuTarget | None, tmp_path: Path
) -> None:
    trials = {name: trial_of(case, seed) for seed, (name, case) in enumerate(CASES.items())}
    others = [in_vectors(case, seed) for seed, case in enumerate(CASES.values())]
    (beside := tmp_path / "beside").mkdir()
    plain = compile_kernels([other.spec for other in others], PLAIN, beside)
    with tiled_kernels([trial.spec for trial in trials.values()], target, vectors, tmp_path) as kernels:
        for (name, trial), other, kernel, by_vectors in zip(trials.items(), others, kernels, plain, strict=True):
            kernel(*trial.arguments)
            by_vectors(*other.arguments)
            assert error(trial) <= 1.2 * error(other), name
            trial.check(kernel, name)


@pytest.mark.parametrize(("target", "vectors"), MACHINES)
def test_every_choice_offered_is_right(target: CpuTarget, vectors: CpuTarget | None, tmp_path: Path) -> None:
    size, channels = (16, 20), (48, 96)
    x, out = (Slab.dense(n // LANES, *size, LANES) for n in channels)
    choices = [choice for _, choice in split_winograd_choices(x, out, 1)]
    assert 1 < len(choices) == len(set(choices)) <= 3
    trials = [trial_of(Case(channels, size, choice), 8) for choice in choices]
    with tiled_kernels([trial.spec for trial in trials], target, vectors, tmp_path) as kernels:
        for trial, kernel in zip(trials, kernels, strict=True):
            trial.check(kernel, str(trial.spec.tile))


@pytest.mark.parametrize(("target", "vectors"), MACHINES)
def test_runs_repeat_to_the_last_bit(target: CpuTarget, vectors: CpuTarget | None, tmp_path: Path) -> None:
    """Outputs of tiles that overlap in two tasks are written by one."""
    trial = trial_of(Case((32, 32), (39, 41), AmxWinogradChoice(4, 5, 1, 1, 5)), 9)
    with tiled_kernels([trial.spec], target, vectors, tmp_path) as [kernel]:
        kernel(*trial.arguments)
        first = trial.out.copy()
        for _ in range(20):
            kernel(*trial.arguments)
            np.testing.assert_array_equal(trial.out, first)


def convolution(blocks: tuple[int, int], size: int, stride: int = 1) -> DirectConv:
    """A square one of 3x3 taps, as a network has it."""
    inside = (size - 1) * stride + 3
    x, out = Slab.dense(blocks[0], inside, inside, LANES), Slab.dense(blocks[1], size, size, LANES)
    form = default_tile(x, out, (3, 3), TARGET.unit)
    return DirectConv(x, out, (3, 3), (stride, stride), (1, 1), (Apply("silu", ()),), form)


@pytest.mark.parametrize(
    ("spec", "threads", "first"),
    [
        (convolution((4, 4), 80), 1, True),
        (convolution((4, 4), 80), 4, True),
        (convolution((2, 2), 160), 16, True),
        (convolution((4, 4), 80), 16, False),  # each thread has few tiles and reads all weights
        (convolution((8, 8), 20), 1, True),
        (convolution((1, 1), 160), 1, False),  # half of a pair is zeros
        (convolution((8, 8), 40), 4, False),
        (convolution((2, 4), 80, stride=2), 1, False),  # as many products, and more weights
    ],
)
def test_they_are_first_where_they_are_expected_to_be_quicker(spec: DirectConv, threads: int, first: bool) -> None:
    unit = replace(TARGET.unit, threads=threads)
    offered = spec.choices(unit)
    assert spec.preferred(unit) == offered[0]
    assert isinstance(offered[0], AmxWinogradChoice) == first
    assert isinstance(spec.chosen(offered[0]), SplitWinogradConv) == first


def test_targets_without_tile_registers_know_none() -> None:
    spec, unit = convolution((4, 4), 80), TARGETS["x86-64-v4"].unit
    assert not any(isinstance(choice, AmxWinogradChoice) for choice in spec.choices(unit))


@pytest.mark.parametrize("blocks", [(4, 4), (5, 5), (16, 16)])
@pytest.mark.parametrize("threads", [1, 4])
def test_what_a_task_holds_is_bounded_and_its_registers_are_full(blocks: tuple[int, int], threads: int) -> None:
    spec = convolution(blocks, 80)
    for _, choice in split_winograd_choices(spec.x, spec.out, threads):
        assert 36 * choice.tiles * max(blocks) * 64 <= MOST_HELD
        assert choice.rows * choice.registers == choice.columns and choice.rows <= LANES
        assert choice.blocks * choice.registers <= 6 and choice.tiles % choice.columns == 0
        tasks = -(-400 // choice.tiles)
        assert tasks * choice.tiles <= 1.25 * 400
