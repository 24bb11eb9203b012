"""How convolutions of bfloat16, and conversions from and to it, become kernel calls."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from zcc.compiler.backends.cpu.kernels.bf16_conv import Bf16Conv, Bf16MatrixConv
from zcc.compiler.backends.cpu.kernels.choices import Tile
from zcc.compiler.backends.cpu.kernels.convert import Bf16ConvertKernel
from zcc.compiler.backends.cpu.kernels.lane_conv import SHORT
from zcc.compiler.backends.cpu.kernels.pairs import PAIR
from zcc.compiler.backends.cpu.kernels.spec import KernelCall
from zcc.compiler.backends.cpu.layout.place import reach
from zcc.compiler.backends.cpu.layout.weights import pack_words
from zcc.compiler.backends.cpu.lowering.lowering import Lowering
from zcc.compiler.ir.ops import Bf16Convolution, Convert
from zcc.compiler.ir.tensors import BFLOAT16, Array


def lower_bf16_conv(op: Bf16Convolution, lowering: Lowering) -> KernelCall:
    """A convolution of pairs; its operands in the order that Bf16Conv declares them."""
    x, out = lowering.channels(op.x), lowering.channels(op.out)
    slab = lowering.view(op.out).slab()
    stages, operands = lowering.stages(op.stages, op.out)
    kind, per_word = (Bf16MatrixConv, SHORT) if lowering.unit.by_lane else (Bf16Conv, PAIR)
    kernel = (op.weight.shape[2], op.weight.shape[3])
    held = lowering.view(op.x).slab().grown(*reach(op))
    spec = kind(held, slab, kernel, op.stride, op.dilation, stages, Tile(1, 1))
    spec = lowering.tuned(replace(spec, tile=spec.choices(lowering.unit)[0]))
    weight = pack_words(to_bf16(op.weight), x.lanes(), x.block, out.lanes(), out.block, per_word)
    top, left, _, _ = reach(op)
    arguments = [
        lowering.address(op.x, top, left),
        lowering.weights.add(spec.pack(weight)),
        lowering.per_channel(op.bias, op.out),
        *operands,
        lowering.address(op.out),
    ]
    return KernelCall(spec, tuple(arguments), op.out.name)


def lower_bf16_convert(op: Convert, lowering: Lowering) -> KernelCall:
    """A map of floats in bfloat16, or the other way round."""
    spec = Bf16ConvertKernel(lowering.view(op.x).slab(), lowering.view(op.out).slab())
    return KernelCall(spec, (lowering.address(op.x), lowering.address(op.out)), op.out.name)


def to_bf16(values: Array) -> Array:
    """The nearest bfloat16 numbers, ties to even, as they are stored."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(BFLOAT16)
