"""The loop that multiplies keeps its sums in registers, whatever else of a kernel would like to have some."""

from __future__ import annotations

import re

import pytest

from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.stages import Apply
from zcc.compiler.backends.cpu.kernels.winograd_choices import WinogradChoice
from zcc.compiler.backends.cpu.kernels.winograd_conv import WinogradConv
from zcc.compiler.backends.cpu.program.build import assembly
from zcc.compiler.backends.cpu.program.single_kernel import kernel_module
from zcc.compiler.backends.cpu.targets.table import TARGETS

LABEL = re.compile(r"^\.?\w[\w.]*:")
BROADCAST = re.compile(r"vbroadcastss\s+\S*\(|\{1to")
VECTOR_ON_STACK = re.compile(r"\(%rsp\).*%[yz]mm|%[yz]mm.*\(%rsp\)")


@pytest.mark.parametrize(("stride", "size"), [(1, 4), (2, 5)])
def test_sums_stay_in_registers_beside_an_activation_with_constants(stride: int, size: int) -> None:
    """AVX2 has sixteen, and these kernels want thirteen of them for what they multiply."""
    target = TARGETS["x86-64-v3"]
    x, out = Slab.dense(8, 82, 82, 8), Slab.dense(8, 80 // stride, 80 // stride, 8)
    tile = WinogradChoice(size, tiles=5, shares=1, blocks=2, columns=5)
    spec = WinogradConv(x, out, (Apply("silu", ()),), tile, stride)
    loop = _block_with_most_broadcasts(assembly(kernel_module(spec, target), target.tvm_target()))
    multiply_adds = sum("vfmadd" in line for line in loop)
    assert multiply_adds >= 10
    assert sum(bool(VECTOR_ON_STACK.search(line)) for line in loop) <= multiply_adds / 8


def _block_with_most_broadcasts(text: str) -> list[str]:
    """Values that are multiplied with whole vectors of weights are in that loop alone."""
    blocks: list[list[str]] = [[]]
    for line in text.splitlines():
        if LABEL.match(line):
            blocks.append([])
        blocks[-1].append(line)
    return max(blocks, key=lambda block: sum(bool(BROADCAST.search(line)) for line in block))
