"""How convolutions of bfloat16, and conversions from and to it, become kernel calls."""

from __future__ import annotations

import numpy as np

from zcc.compiler.backends.cpu.kernels.bf16 import PAIR, PAIR_DOT
from zcc.compiler.backends.cpu.kernels.bf16_conv import Bf16Conv
from zcc.compiler.backends.cpu.kernels.convert import Bf16ConvertKernel
from zcc.compiler.backends.cpu.kernels.dot_tile import choose_tile
from zcc.compiler.backends.cpu.kernels.spec import KernelCall
from zcc.compiler.backends.cpu.layout.place import reach
from zcc.compiler.backends.cpu.layout.weights import pack_dense
from zcc.compiler.backends.cpu.lowering.lowering import Lowering
from zcc.compiler.ir.ops import Bf16Convolution, Convert
from zcc.compiler.ir.tensors import BFLOAT16, Array


def lower_bf16_conv(op: Bf16Convolution, lowering: Lowering) -> KernelCall:
    """A convolution of pairs; its operands in the order that Bf16Conv declares them."""
    x, out = lowering.channels(op.x), lowering.channels(op.out)
    slab = lowering.view(op.out).slab()
    stages, operands = lowering.stages(op.stages, op.out)
    spec = Bf16Conv(
        lowering.view(op.x).slab().grown(*reach(op)),
        slab,
        (op.weight.shape[2], op.weight.shape[3]),
        op.stride,
        op.dilation,
        stages,
        choose_tile(slab, lowering.unit, PAIR_DOT),
    )
    weight = pack_pairs(op.weight, x.lanes(), x.block, out.lanes(), out.block)
    top, left, _, _ = reach(op)
    arguments = [
        lowering.address(op.x, top, left),
        lowering.weights.add(weight),
        lowering.per_channel(op.bias, op.out),
        *operands,
        lowering.address(op.out),
    ]
    return KernelCall(lowering.tuned(spec), tuple(arguments), op.out.name)


def lower_bf16_convert(op: Convert, lowering: Lowering) -> KernelCall:
    """A map of floats in bfloat16, or the other way round."""
    spec = Bf16ConvertKernel(lowering.view(op.x).slab(), lowering.view(op.out).slab())
    return KernelCall(spec, (lowering.address(op.x), lowering.address(op.out)), op.out.name)


def pack_pairs(weight: Array, x_lanes: Array, x_block: int, out_lanes: Array, out_block: int) -> Array:
    """(O, I, KH, KW) as [O blocks, I blocks, KH, KW, pairs of I lanes, O lanes x 2] of bfloat16, zero in the holes."""
    dense = to_bf16(pack_dense(weight, x_lanes, x_block, out_lanes, out_block))
    outs, ins, height, width, lanes, filled = dense.shape
    pairs = dense.reshape(outs, ins, height, width, lanes // PAIR, PAIR, filled)
    return np.ascontiguousarray(pairs.swapaxes(-1, -2)).reshape(outs, ins, height, width, lanes // PAIR, filled * PAIR)


def to_bf16(values: Array) -> Array:
    """The nearest bfloat16 numbers, ties to even, as they are stored."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(BFLOAT16)
