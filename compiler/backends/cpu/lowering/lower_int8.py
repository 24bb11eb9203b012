"""How convolutions of bytes, and conversions from and to bytes, become kernel calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from zcc.compiler.backends.common.curves import CURVES
from zcc.compiler.backends.cpu.kernels.byte_dot import fitting_words
from zcc.compiler.backends.cpu.kernels.choices import Tile
from zcc.compiler.backends.cpu.kernels.convert import ConvertKernel
from zcc.compiler.backends.cpu.kernels.int8_conv import Int8Conv, MatrixConv, ShortSumConv, by_matrices
from zcc.compiler.backends.cpu.kernels.int8_depthwise import Int8Depthwise
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.spec import Address, KernelCall, KernelSpec
from zcc.compiler.backends.cpu.kernels.stages import StageSpec
from zcc.compiler.backends.cpu.layout.place import reach
from zcc.compiler.backends.cpu.layout.weights import pack_depthwise, pack_vector, pack_words
from zcc.compiler.backends.cpu.lowering.lowering import Lowering
from zcc.compiler.ir.ops import Convert, QuantisedConv
from zcc.compiler.ir.tensors import Activation, Array, Combine, Stage, Tensor
from zcc.compiler.precision.int8 import integer_start

Pair = tuple[int, int]
Shape = tuple[Slab, Slab, Pair, Pair, Pair, tuple[StageSpec, ...]]  # maps, kernel, stride, dilation, stages


def lower_quantised_conv(op: QuantisedConv, lowering: Lowering) -> KernelCall:
    """An integer convolution; its operands in the order that Int8Conv declares them."""
    out = lowering.channels(op.out)
    slab = lowering.view(op.out).slab()
    stages, _ = lowering.stages(op.stages, op.out)
    shape = (
        lowering.view(op.x).slab().grown(*reach(op)),
        slab,
        (op.weight.shape[2], op.weight.shape[3]),
        op.stride,
        op.dilation,
        stages,
    )
    spec: KernelSpec
    begin, unit = integer_start(op)
    if op.depthwise:
        spec = Int8Depthwise(*shape)
        weight = pack_depthwise(op.quantised.values, out.lanes(), out.block)
    else:
        conv, weight = _dense(op, shape, lowering)
        tuned = lowering.tuned(replace(conv, tile=conv.choices(lowering.unit)[0]))
        spec, weight = tuned, tuned.pack(weight)
        begin = _given_back(begin, op, conv.taken_off(lowering.unit))
    start, units = (pack_vector(values, out.lanes(), out.block) for values in (begin, unit))
    top, left, _, _ = reach(op)
    arguments = [
        lowering.address(op.x, top, left),
        *(lowering.weights.add(array) for array in (weight, start, units)),
        *operand_addresses(op.stages, op.out, lowering),
        lowering.address(op.out),
        *written_encoding(op.out, lowering),
    ]
    return KernelCall(spec, tuple(arguments), op.out.name)


def _dense(op: QuantisedConv, shape: Shape, lowering: Lowering) -> tuple[Int8Conv, Array]:
    """The kernel that multiplies quickest what the weights hold, and the weights as it reads them."""
    x, out, unit = lowering.channels(op.x), lowering.channels(op.out), lowering.unit
    lanes = x.lanes(), x.block, out.lanes(), out.block
    if by_matrices(shape[0], unit):
        return MatrixConv(*shape, Tile(1, 1)), pack_words(op.quantised.values, *lanes, MatrixConv.per_word)
    weight = pack_words(op.quantised.values, *lanes, Int8Conv.per_word)
    short = fitting_words(weight, unit)
    return ShortSumConv(*shape, Tile(1, 1), short) if short else Int8Conv(*shape, Tile(1, 1)), weight


def _given_back(start: Array, op: QuantisedConv, taken_off: int) -> Array:
    """Where sums start when so much is taken off every input; like the sums, it wraps around."""
    missing = taken_off * op.quantised.values.astype(np.int64).sum(axis=(1, 2, 3))
    return (start.astype(np.int64) + missing).astype(np.int32)


def lower_convert(op: Convert, lowering: Lowering) -> KernelCall:
    """A map in another format."""
    spec = ConvertKernel(lowering.view(op.x).slab(), lowering.view(op.out).slab())
    arguments = [
        lowering.address(op.x),
        *read_encoding(op.x, lowering),
        lowering.address(op.out),
        *written_encoding(op.out, lowering),
    ]
    return KernelCall(spec, tuple(arguments), op.out.name)


def operand_addresses(stages: Sequence[Stage], out: Tensor, lowering: Lowering) -> list[Address]:
    """What quantised stages read: maps with their encodings, tables of curves, values per channel."""
    addresses: list[Address] = []
    for stage in stages:
        if isinstance(stage, Combine):
            addresses += [lowering.address(stage.other), *read_encoding(stage.other, lowering)]
        elif not isinstance(stage, Activation):
            addresses.append(lowering.per_channel(stage.values, out))
        elif stage.name in CURVES:
            addresses.append(lowering.weights.add(CURVES[stage.name].table()))
    return addresses


def read_encoding(tensor: Tensor, lowering: Lowering) -> list[Address]:
    """The scale and the zero point of a map of bytes that is read; nothing for others."""
    known = tensor.quantisation
    return [_pair(lowering, known.scale, known.zero_point)] if known else []


def written_encoding(tensor: Tensor, lowering: Lowering) -> list[Address]:
    """The reciprocal of the scale and the zero point of a map of bytes that is written."""
    known = tensor.quantisation
    return [_pair(lowering, float(known.factor), known.zero_point)] if known else []


def _pair(lowering: Lowering, factor: float, zero_point: int) -> Address:
    return lowering.weights.add(np.array([factor, zero_point], np.float32))
