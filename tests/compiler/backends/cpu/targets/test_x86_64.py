"""What LLVM makes of kernels for x86 without multiply-adds, and in tiles of halves: nothing on the stack there."""

from __future__ import annotations

import onnx

from benchmarks.instructions import convolutions, network_of, row_of
from zcc.compiler.backends.cpu.targets.x86_64 import X86_64_V2, X86_64_V4_AMX_FP16

HEAVIEST = 5
# Alone, a product, its sum and the copy that the product overwrites take 0.75 for each multiply-add. Where weights are
# fetched ahead, that is an instruction a channel.
MOST = 1.11


def test_a_product_that_takes_a_register_leaves_the_sums_theirs(proto: onnx.ModelProto) -> None:
    for call, flops in convolutions(network_of(proto), "fp32", X86_64_V2)[:HEAVIEST]:
        row, loop = row_of(call, flops, "fp32", X86_64_V2)
        assert loop.spills == 0, row
        assert loop.per_product <= MOST, row
        assert set(loop.multiply_adds) == {"mulps xmm"}, row


def test_halves_are_multiplied_in_tile_registers(proto: onnx.ModelProto) -> None:
    for call, flops in convolutions(network_of(proto), "fp16", X86_64_V4_AMX_FP16)[:HEAVIEST]:
        row, loop = row_of(call, flops, "fp16", X86_64_V4_AMX_FP16)
        assert loop.spills == 0, row
        assert loop.multiplies_most == "tdpfp16ps", row
