"""Convolutions in AMX's tile registers: bytes as numpy has them bit for bit, pairs near double precision."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.compiler.backends.cpu.kernels import pair_trials
from tests.compiler.backends.cpu.kernels import test_int8_conv as integers
from tests.compiler.backends.cpu.kernels.emulated_tiles import in_memory, in_registers, tiled_kernels
from zcc.compiler.backends.cpu.kernels.amx_choices import amx_choices, beside_vectors
from zcc.compiler.backends.cpu.kernels.amx_conv import AmxConv
from zcc.compiler.backends.cpu.kernels.amx_registers import AMX_PRODUCTS
from zcc.compiler.backends.cpu.kernels.amx_runs import gathering_helps, run_of
from zcc.compiler.backends.cpu.kernels.amx_steps import rounds_of
from zcc.compiler.backends.cpu.kernels.bf16_conv import Bf16Conv
from zcc.compiler.backends.cpu.kernels.choices import AmxChoice, Tile
from zcc.compiler.backends.cpu.kernels.conv_loops import ConvGeometry
from zcc.compiler.backends.cpu.kernels.half_conv import HalfConv
from zcc.compiler.backends.cpu.kernels.int8_conv import Int8Conv
from zcc.compiler.backends.cpu.kernels.pair_conv import PairConv
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.program.build import assembly
from zcc.compiler.backends.cpu.program.single_kernel import kernel_module
from zcc.compiler.backends.cpu.targets.table import TARGETS
from zcc.compiler.backends.cpu.targets.target import CpuTarget
from zcc.compiler.ir.tensors import BFLOAT16, FLOAT16

TARGET = TARGETS["x86-64-v4-amx"]
HALVES_TARGET = TARGETS["x86-64-v4-amx-fp16"]
VECTORS = {"int8": TARGETS["x86-64-v4"], "bf16": TARGETS["x86-64-v4-bf16"], "fp16": TARGETS["x86-64-v4"]}

BYTES = {
    "3x3": integers.Case((32, 48), (6, 8), tile=AmxChoice(3, 8)),
    "stride 2, tiles that overlap": integers.Case((48, 32), (5, 39), stride=2, tile=AmxChoice(1, 33)),
    "a group after the other": integers.Case((64, 64), (3, 8), tile=AmxChoice(1, 8)),
    "gathered, all groups in a task": integers.Case((64, 64), (3, 8), tile=AmxChoice(1, 8, gathered=True)),
    "gathered, some groups in a task": integers.Case((80, 128), (24, 9), tile=AmxChoice(1, 9, gathered=True)),
    "gathered, stride 2": integers.Case((64, 32), (6, 19), stride=2, tile=AmxChoice(2, 18, gathered=True)),
    "gathered, dilated": integers.Case((64, 32), (6, 7), dilation=2, tile=AmxChoice(2, 7, gathered=True)),
    "1x1, gathered": integers.Case((64, 64), (4, 11), kernel=1, tile=AmxChoice(4, 7, gathered=True)),
    "1x1, as it lies": integers.Case((48, 32), (4, 11), kernel=1, tile=AmxChoice(2, 11)),
    "2 by 2 registers, one channel too few": integers.Case((80, 63), (64, 23), kernel=1, tile=AmxChoice(2, 22)),
    "one column, dilated": integers.Case((19, 16), (4, 1), dilation=2, tile=AmxChoice(1, 1)),
    "image": integers.Case((3, 32), (6, 20), kernel=6, stride=2, tile=AmxChoice(2, 20), image=True),
    "head": integers.Case((32, 255), (3, 4), kernel=1, stages=(), out=None, tile=AmxChoice(4, 4)),
    "residual": integers.Case(kernel=5, stages=("silu", "add bytes"), tile=AmxChoice(1, 7)),
}
EXTREME = ("3x3", "stride 2, tiles that overlap")
PAIRS = {
    "3x3": pair_trials.Case((19, 48), (6, 8)),
    "stride 2": pair_trials.Case((32, 32), (5, 39), stride=2),
    "image": pair_trials.Case((3, 32), (6, 20), kernel=6, stride=2, image=True),
    "head": pair_trials.Case((32, 255), (3, 4), kernel=1, stages=(), out="float32"),
    "residual": pair_trials.Case((16, 16), (5, 7), kernel=1, stages=("silu", "add stored")),
}


def machines(target: CpuTarget, dtype: str) -> list[Any]:
    """The ways to run the target's kernels of a dtype."""
    return [in_registers(target), in_memory(target, VECTORS[dtype])]


def in_tiles(spec: Int8Conv | PairConv, target: CpuTarget) -> Int8Conv | PairConv:
    """The convolution in the first form of tile registers."""
    return replace(spec, tile=next(tile for tile in spec.choices(target.unit) if isinstance(tile, AmxChoice)))


def in_both_ways(spec: PairConv, target: CpuTarget) -> list[PairConv]:
    """The convolution in the first forms of tile registers that read x as it lies, and gathered."""
    tiles = [tile for tile in spec.choices(target.unit) if isinstance(tile, AmxChoice)]
    first = {tile.gathered: tile for tile in reversed(tiles)}
    return [replace(spec, tile=tile) for tile in first.values()]


@pytest.mark.parametrize(("target", "vectors"), machines(TARGET, "int8"))
def test_bytes_equal_numpy(target: CpuTarget, vectors: CpuTarget | None, tmp_path: Path) -> None:
    """The largest sums there are among them: they wrap around nowhere, and nothing saturates."""
    rng = np.random.default_rng(11)
    trials = {name: integers.make_trial(case, rng) for name, case in BYTES.items()}
    trials |= {f"{name}, extreme": integers.make_trial(BYTES[name], rng, extreme=True) for name in EXTREME}
    with tiled_kernels([trial.spec for trial in trials.values()], target, vectors, tmp_path) as kernels:
        for (name, trial), kernel in zip(trials.items(), kernels, strict=True):
            np.testing.assert_array_equal(trial.run(kernel), trial.expected, err_msg=name)


@pytest.mark.parametrize(
    ("target", "vectors"), [in_memory(TARGET.with_threads(threads), TARGETS["x86-64-v3"]) for threads in (1, 16)]
)
def test_sums_alone_equal_numpy(target: CpuTarget, vectors: CpuTarget, tmp_path: Path) -> None:
    """Without stages, whose instructions are AVX-512's; with work cut for one thread and for many."""
    rng = np.random.default_rng(17)
    trials = {name: integers.make_trial(replace(case, stages=(), out=None), rng) for name, case in BYTES.items()}
    with tiled_kernels([trial.spec for trial in trials.values()], target, vectors, tmp_path) as kernels:
        for (name, trial), kernel in zip(trials.items(), kernels, strict=True):
            np.testing.assert_array_equal(trial.run(kernel), trial.expected, err_msg=name)


@pytest.mark.parametrize(("target", "vectors"), machines(TARGET, "bf16"))
def test_bfloat16_is_close_to_double_precision(target: CpuTarget, vectors: CpuTarget | None, tmp_path: Path) -> None:
    try_pairs(pair_trials.BFLOATS, target, vectors, tmp_path)


@pytest.mark.parametrize(("target", "vectors"), machines(HALVES_TARGET, "fp16"))
def test_halves_are_close_to_double_precision(target: CpuTarget, vectors: CpuTarget | None, tmp_path: Path) -> None:
    try_pairs(pair_trials.HALVES, target, vectors, tmp_path)


@pytest.mark.parametrize(("target", "vectors"), machines(HALVES_TARGET, "fp16"))
def test_halves_are_stored_as_numpy_rounds(target: CpuTarget, vectors: CpuTarget | None, tmp_path: Path) -> None:
    """Sums are all zero, so that each output is its bias rounded: ties to even, and infinite where a half cannot be."""
    edges = [1 + 2**-11, 1 + 3 * 2**-11, 65519.996, 65520, -65520, 1e30, 2**-14, 2**-24, 2**-25, 3 * 2**-26, -1e-9, 0]
    rng = np.random.default_rng(13)
    bias = np.concatenate([edges, rng.normal(size=36) * 10.0 ** rng.integers(-6, 6, 36)]).astype(np.float32)
    x, slab = Slab.dense(1, 1, 3, 16, FLOAT16), Slab.dense(3, 1, 3, 16, FLOAT16)
    spec = HalfConv(x, slab, (1, 1), (1, 1), (1, 1), (), AmxChoice(1, 3))
    out, weights = np.zeros(slab.shape, np.float16), np.zeros(spec.weight_shape, np.float16)
    with tiled_kernels([spec], target, vectors, tmp_path) as [kernel]:
        kernel(np.zeros(x.shape, np.float16), weights, bias.reshape(3, 16), out)
    with np.errstate(over="ignore"):
        expected = bias.astype(np.float16)
    np.testing.assert_array_equal(out, np.repeat(expected.reshape(3, 1, 1, 16), 3, axis=2))


def try_pairs(numbers: pair_trials.Format, target: CpuTarget, vectors: CpuTarget | None, folder: Path) -> None:
    """All cases are near what numpy makes of them, gathered and as they lie."""
    rng = np.random.default_rng(12)
    trials = {name: pair_trials.make_trial(case, rng, numbers) for name, case in PAIRS.items()}
    tried = [(name, spec) for name, trial in trials.items() for spec in in_both_ways(trial.spec, target)]
    assert {spec.tile.gathered for _, spec in tried} == {False, True}
    with tiled_kernels([spec for _, spec in tried], target, vectors, folder) as kernels:
        for (name, spec), kernel in zip(tried, kernels, strict=True):
            x, weights, *others, out = trials[name].arguments
            out[...] = 7
            kernel(x, AmxConv.pack(spec, weights), *others, out)  # they are pairs already
            trials[name].check(f"{name}, {spec.tile}")


@pytest.mark.parametrize(
    ("kind", "stored", "instruction"),
    [(Int8Conv, "uint8", "tdpbusd"), (Bf16Conv, BFLOAT16, "tdpbf16ps"), (HalfConv, FLOAT16, "tdpfp16ps")],
)
def test_tiles_are_configured_and_given_back_around_products(
    kind: type[Int8Conv | PairConv], stored: str, instruction: str
) -> None:
    """On every host: what is compiled. A thread that kept the registers would have them saved at every switch."""
    x, out = (Slab.dense(2, size, size, 16, stored) for size in (12, 10))
    spec = in_tiles(kind(x, out, (3, 3), (1, 1), (1, 1), (), Tile(1, 1)), HALVES_TARGET)
    text = assembly(kernel_module(spec, HALVES_TARGET), HALVES_TARGET.tvm_target())
    multiplied = rf"{instruction}|vpdpbusd|vdpbf16ps|vfmadd\w+p[hs]"
    order = re.findall(rf"^\t(ldtilecfg|{multiplied}|tilerelease)\b", text, re.MULTILINE)
    assert order[0] == "ldtilecfg" and order[-1] == "tilerelease"
    assert set(order[1:-1]) == {instruction}


def geometry(lanes: int = 16, kernel: int = 3, dilation: int = 1, per_word: int = 4, blocks: int = 1) -> ConvGeometry:
    """A convolution of small maps."""
    x, out = Slab.dense(blocks, 9, 9, lanes, "uint8"), Slab.dense(2, 7, 7, 16, "uint8")
    return ConvGeometry(x, out, (kernel, kernel), (1, 1), (dilation, dilation), Tile(1, 1), per_word)


@pytest.mark.parametrize(
    ("held", "item", "expected"),
    [
        (geometry(), 1, (1, 1, 1, 12)),
        (geometry(per_word=2, blocks=2), 2, (2, 1, 2, 12)),
        (geometry(kernel=5), 1, (1, 1, 2, 10)),
        (geometry(kernel=5, per_word=2), 2, (1, 1, 4, 10)),
        (geometry(dilation=2), 1, (1, 3, 1, 4)),
        (geometry(lanes=64), 1, (1, 1, 3, 16)),
        (geometry(lanes=4), 1, (1, 1, 1, 3)),
        (geometry(kernel=1), 1, (1, 1, 1, 4)),
    ],
)
def test_runs_are_neighbouring_taps_in_equal_steps(
    held: ConvGeometry, item: int, expected: tuple[int, int, int, int]
) -> None:
    run = run_of(held, item, gathered=False)
    assert (run.blocks, run.taps, run.steps, run.words) == expected


@pytest.mark.parametrize(
    ("held", "item", "expected", "helps"),
    [
        (geometry(per_word=2, blocks=2), 2, (1, 1, 3, 16), True),
        (geometry(blocks=3), 1, (1, 1, 3, 12), False),
        (geometry(blocks=4, dilation=2), 1, (1, 3, 1, 16), True),
        (geometry(kernel=1, blocks=5), 1, (1, 1, 2, 10), True),
        (geometry(kernel=1, blocks=5, lanes=64), 1, (1, 1, 5, 16), False),
    ],
)
def test_blocks_are_gathered_where_that_makes_fewer_steps(
    held: ConvGeometry, item: int, expected: tuple[int, int, int, int], helps: bool
) -> None:
    run = run_of(held, item, gathered=True)
    assert (run.blocks, run.taps, run.steps, run.words) == expected
    assert gathering_helps(held, item) == helps
    offered = amx_choices(held, TARGET.unit, AMX_PRODUCTS["int8" if item == 1 else "bf16"])
    assert {tile.gathered for tile in offered} <= ({False, True} if helps else {False})


def test_only_what_fits_the_registers_is_offered() -> None:
    held = geometry()
    offered = amx_choices(held, TARGET.unit, AMX_PRODUCTS["int8"])
    assert offered
    for tile in offered:
        across = -(-tile.columns // 16)
        assert tile.columns % across == 0 and held.out.blocks % tile.blocks == 0
        assert across * tile.blocks + 2 <= 8
    assert not amx_choices(held, TARGETS["x86-64-v4-bf16"].unit, AMX_PRODUCTS["int8"])
    assert not amx_choices(replace(held, out=Slab.dense(4, 7, 7, 8, "uint8")), TARGET.unit, AMX_PRODUCTS["int8"])


@pytest.mark.parametrize(("size", "kind"), [(7, AmxChoice), (1, Tile)])
def test_of_maps_with_few_columns_dot_products_are_taken_first(size: int, kind: type[Tile]) -> None:
    """A product waits 52 cycles for the one before, with one column as with sixteen."""
    x, out = Slab.dense(4, size + 2, size + 2, 16, "uint8"), Slab.dense(4, size, size, 16, "uint8")
    held, dot = ConvGeometry(x, out, (3, 3), (1, 1), (1, 1), Tile(1, 1), 4), Tile(1, 1)
    offered = beside_vectors(held, TARGET.unit, AMX_PRODUCTS["int8"], [dot])
    assert type(offered[0]) is kind
    assert {type(tile) for tile in offered} == {Tile, AmxChoice}


@pytest.mark.parametrize(
    ("tile", "loads"), [(AmxChoice(1, 10), 2), (AmxChoice(2, 10), 3), (AmxChoice(1, 20), 3), (AmxChoice(2, 20), 5)]
)
def test_a_step_uses_one_register_of_x_and_one_of_weights(tile: AmxChoice, loads: int) -> None:
    """Every name in use leaves the processor one register less to rename others to."""
    x, out = Slab.dense(1, 7, 22, 16, BFLOAT16), Slab.dense(2, 5, 20, 16, BFLOAT16)
    spec = Bf16Conv(x, out, (3, 3), (1, 1), (1, 1), (), tile)
    text = assembly(kernel_module(spec, TARGET), TARGET.tvm_target())
    products = re.findall(r"\ttdpbf16ps\t%(tmm\d), %(tmm\d), %(tmm\d)", text)
    sums = tile.blocks * -(-tile.columns // 16)
    assert len({names[2] for names in products}) == sums
    assert {names[:2] for names in products} == {(f"tmm{sums + 1}", f"tmm{sums}")}
    loaded = re.findall(r"\ttileloadd\t[^\n]*%(tmm\d)", text)
    operands = [name for name in loaded if name in (f"tmm{sums}", f"tmm{sums + 1}")]
    assert len(operands) * sums == loads * len(products), "to and fro: what is in its register is not loaded again"


def test_vectors_come_between_the_instructions_of_tile_registers() -> None:
    """Those that come one right after the other wait for registers to be renamed to."""
    case = integers.Case((64, 64), (3, 32), tile=AmxChoice(2, 16))
    spec = integers.make_trial(case, np.random.default_rng(1)).spec
    text = assembly(kernel_module(spec, TARGET), TARGET.tvm_target())
    woven = max(re.split(r"\n\.LBB", text), key=lambda block: len(re.findall("tdpbusd", block)) * ("vpermps" in block))
    kinds = ["t" if word[:3] in ("til", "tdp") else "v" for word in re.findall(r"\n\t(til|tdp|v)", woven)]
    runs = [len(run) for run in re.split("v+", "".join(kinds)) if run]
    assert sum(runs) == 3 * 5, "three steps, of one load of x, and two loads of weights and two products"
    assert max(runs) <= 3


@pytest.mark.parametrize(
    ("steps", "chunks", "expected"),
    [
        (12, 8, (4, 3, 2)),
        (9, 8, (8, 1, 1)),
        (18, 8, (2, 9, 4)),
        (2, 8, (2, 1, 4)),
        (1, 8, (0, 1, 1)),
        (1, 3, (1, 1, 3)),
    ],
)
def test_steps_and_chunks_go_together_in_rounds(steps: int, chunks: int, expected: tuple[int, int, int]) -> None:
    assert rounds_of(steps, chunks) == expected


def test_of_all_steps_and_chunks_few_are_left_over() -> None:
    for steps, chunks in product(range(1, 80), range(1, 25)):
        rounds, of_steps, of_chunks = rounds_of(steps, chunks)
        assert rounds * of_steps <= steps and rounds * of_chunks <= chunks
        assert not rounds or steps - rounds * of_steps < rounds * of_steps
        assert bool(rounds) == (chunks <= 4 * steps)
