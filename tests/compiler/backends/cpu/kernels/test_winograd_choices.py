"""Which ways to cut a Winograd convolution are offered, and to which convolutions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from zcc.compiler.backends.cpu.kernels.choices import Tile
from zcc.compiler.backends.cpu.kernels.direct_conv import DirectConv
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.winograd_choices import WinogradChoice, winograd_choices
from zcc.compiler.backends.cpu.targets.table import TARGETS, native_target

WIDTHS = {target.unit.lanes: target for target in TARGETS.values() if target.runs_here()}


def test_choices_are_whole_tasks_that_fit_the_registers() -> None:
    rng = np.random.default_rng(10)
    for target in WIDTHS.values():
        for stride, threads, *size in rng.integers(1, [3, 65, 90, 90], (16, 4)).tolist():
            unit = replace(target.unit, threads=threads)
            x, out = (Slab.dense(int(blocks), *size, unit.lanes) for blocks in rng.integers(1, 40, 2))
            for choice in winograd_choices(x, out, unit, stride):
                assert choice.tiles % choice.columns == 0 and choice.size <= min(size)
                assert out.blocks % (choice.blocks * choice.shares) == 0 and choice.shares <= threads
                # Beside the sums: all weights and a value, or all values, a weight and a product.
                operands = choice.blocks + 1 if unit.fused else choice.columns + 2
                assert choice.blocks * choice.columns + operands <= unit.registers


def test_no_choice_for_maps_smaller_than_a_tile_or_images() -> None:
    unit = native_target().unit
    line, pixel = (Slab.dense(1, *size, unit.lanes) for size in ((1, 40), (3, 3)))
    out, image = Slab.dense(1, 8, 8, unit.lanes), Slab.dense(3, 20, 20, 1)
    for stride, least in ((1, 2), (2, 3)):
        assert not winograd_choices(line, line, unit, stride)
        assert {choice.size for choice in winograd_choices(pixel, pixel, unit, stride)} == {least}
        assert not winograd_choices(image, out, unit, stride)


def direct(kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int]) -> DirectConv:
    """A convolution over a map of twenty rows and columns."""
    lanes = native_target().unit.lanes
    size = [(20 - d * (k - 1) - 1) // s + 1 for k, s, d in zip(kernel, stride, dilation, strict=True)]
    return DirectConv(
        Slab.dense(2, 20, 20, lanes), Slab.dense(4, *size, lanes), kernel, stride, dilation, (), Tile(1, 1)
    )


@pytest.mark.parametrize(("stride", "sizes"), [((1, 1), {2, 4}), ((2, 2), {3, 5})])
def test_direct_convolutions_offer_them(stride: tuple[int, int], sizes: set[int]) -> None:
    unit = native_target().unit
    spec = direct((3, 3), stride, (1, 1))
    offered = [choice for choice in spec.choices(unit) if isinstance(choice, WinogradChoice)]
    assert {choice.size for choice in offered} == sizes
    assert all(spec.chosen(choice).stride == stride[0] for choice in offered)


@pytest.mark.parametrize(
    ("kernel", "stride", "dilation"),
    [
        ((3, 3), (1, 2), (1, 1)),
        ((3, 3), (2, 1), (1, 1)),
        ((3, 3), (3, 3), (1, 1)),
        ((3, 3), (2, 2), (2, 2)),
        ((5, 5), (2, 2), (1, 1)),
        ((3, 1), (1, 1), (1, 1)),
    ],
)
def test_other_convolutions_do_not(kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int]) -> None:
    choices = direct(kernel, stride, dilation).choices(native_target().unit)
    assert choices and not any(isinstance(choice, WinogradChoice) for choice in choices)
