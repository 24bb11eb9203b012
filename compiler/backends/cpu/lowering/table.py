"""Which kernel computes which operation.

A convolution goes to the first template of CONVOLUTIONS that fits it; every other kind of operation has one template.
A new template is one file and one entry here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from zcc.compiler.backends.cpu.kernels.attention import AttentionKernel
from zcc.compiler.backends.cpu.kernels.decode_anchors import DecodeAnchors, anchor_factors
from zcc.compiler.backends.cpu.kernels.decode_distributed import DecodeDistributed
from zcc.compiler.backends.cpu.kernels.depthwise_conv import DepthwiseConv, depthwise_tile
from zcc.compiler.backends.cpu.kernels.direct_conv import DirectConv, default_tile
from zcc.compiler.backends.cpu.kernels.elementwise import PackedOperand
from zcc.compiler.backends.cpu.kernels.generic import GenericKernel
from zcc.compiler.backends.cpu.kernels.half_conv import HalfConv
from zcc.compiler.backends.cpu.kernels.mapped import (
    DepthToSpaceKernel,
    MoveKernel,
    PointwiseKernel,
    ResizeKernel,
    ShuffleKernel,
)
from zcc.compiler.backends.cpu.kernels.packing import PackKernel, UnpackKernel
from zcc.compiler.backends.cpu.kernels.pool import GlobalMeanKernel, MaxPoolKernel
from zcc.compiler.backends.cpu.kernels.sampled_mean import SampledMeanKernel
from zcc.compiler.backends.cpu.kernels.softmax import SoftmaxKernel, SoftmaxRows
from zcc.compiler.backends.cpu.kernels.spec import Address, KernelCall, KernelSpec
from zcc.compiler.backends.cpu.kernels.split_conv import SplitConv
from zcc.compiler.backends.cpu.kernels.split_image_conv import SplitImageConv
from zcc.compiler.backends.cpu.kernels.winograd_conv import WinogradConv
from zcc.compiler.backends.cpu.layout.place import reach
from zcc.compiler.backends.cpu.layout.weights import pack_dense, pack_depthwise, pack_vector
from zcc.compiler.backends.cpu.lowering.lower_bf16 import lower_bf16_conv, lower_bf16_convert
from zcc.compiler.backends.cpu.lowering.lower_int8 import lower_convert, lower_quantised_conv
from zcc.compiler.backends.cpu.lowering.lowering import Lowering
from zcc.compiler.ir.heads.anchor_based import AnchorDecode
from zcc.compiler.ir.heads.anchor_free import DistributedDecode
from zcc.compiler.ir.ops import (
    Attention,
    Bf16Convolution,
    Conv,
    Convert,
    Copy,
    DepthToSpace,
    GlobalMean,
    MaxPool,
    Op,
    Pointwise,
    QuantisedConv,
    Resize,
    Shuffle,
)
from zcc.compiler.ir.plain_ops import Lowered, SampledMean, Softmax
from zcc.compiler.ir.tensors import BFLOAT16, FLOAT16, Array, Tensor


def lower_op(op: Op, lowering: Lowering) -> KernelCall:
    """The kernel call that computes one operation, with the work it cannot do without."""
    call = LOWERINGS[type(op)](op, lowering)
    constants = op.weight.nbytes if isinstance(op, Conv) else 0
    tensors = sum(prod(tensor.shape) * np.dtype(tensor.dtype).itemsize for tensor in (*op.inputs, *op.outputs))
    return replace(call, flops=op.flops, bytes=constants + tensors)


@dataclass(frozen=True)
class ConvTemplate:
    """One way to compute a convolution."""

    name: str
    fits: Callable[[Conv], bool]
    lower: Callable[[Conv, Lowering], KernelCall]


def _conv(op: Conv, lowering: Lowering) -> KernelCall:
    template = next(template for template in CONVOLUTIONS if template.fits(op))
    return template.lower(op, lowering)


def _direct(op: Conv, lowering: Lowering) -> KernelCall:
    x, out = lowering.channels(op.x), lowering.channels(op.out)
    dense = pack_dense(op.weight, x.lanes(), x.block, out.lanes(), out.block)
    slab = lowering.view(op.out).slab()
    stages, addresses = lowering.stages(op.stages, op.out)
    bordered, kernel = lowering.view(op.x).slab().grown(*reach(op)), (op.weight.shape[2], op.weight.shape[3])
    tile = default_tile(bordered, slab, kernel, lowering.unit)
    direct = DirectConv(bordered, slab, kernel, op.stride, op.dilation, stages, tile)
    spec: DirectConv | HalfConv | SplitConv | SplitImageConv | WinogradConv = lowering.tuned(direct)
    weight = spec.stored(dense) if spec.expansion else spec.pack(dense)
    return _conv_call(op, lowering, spec, lowering.weights.add(weight, spec.expansion), addresses)


def _depthwise(op: Conv, lowering: Lowering) -> KernelCall:
    out = lowering.channels(op.out)
    weight = lowering.weights.add(pack_depthwise(op.weight, out.lanes(), out.block))
    stages, addresses = lowering.stages(op.stages, op.out)
    spec = DepthwiseConv(
        lowering.view(op.x).slab().grown(*reach(op)),
        lowering.view(op.out).slab(),
        (op.weight.shape[2], op.weight.shape[3]),
        op.stride,
        op.dilation,
        stages,
        depthwise_tile(lowering.view(op.out).slab()),
    )
    return _conv_call(op, lowering, lowering.tuned(spec), weight, addresses)


def _conv_call(op: Conv, lowering: Lowering, spec: KernelSpec, weight: Address, operands: list[Address]) -> KernelCall:
    top, left, _, _ = reach(op)
    x, bias, out = (
        lowering.address(op.x, top, left),
        lowering.per_channel(op.bias, op.out),
        lowering.address(op.out),
    )
    return KernelCall(spec, (x, weight, bias, *operands, out), op.out.name)


def _pointwise(op: Pointwise, lowering: Lowering) -> KernelCall:
    stages, addresses = lowering.stages(op.stages, op.out)
    spec = PointwiseKernel(lowering.view(op.x).slab(), lowering.view(op.out).slab(), stages)
    return KernelCall(spec, (lowering.address(op.x), *addresses, lowering.address(op.out)), op.out.name)


def _resize(op: Resize, lowering: Lowering) -> KernelCall:
    spec = ResizeKernel(lowering.view(op.x).slab(), lowering.view(op.out).slab(), op.factor)
    return _unary(op.x, op.out, spec, lowering)


def _max_pool(op: MaxPool, lowering: Lowering) -> KernelCall:
    x, out = lowering.view(op.x).slab().grown(*op.border), lowering.view(op.out).slab()
    spec = MaxPoolKernel(x, out, op.kernel, op.stride, op.padding)
    return KernelCall(spec, (lowering.address(op.x, *op.border[:2]), lowering.address(op.out)), op.out.name)


def _global_mean(op: GlobalMean, lowering: Lowering) -> KernelCall:
    return _unary(op.x, op.out, GlobalMeanKernel(lowering.view(op.x).slab(), lowering.view(op.out).slab()), lowering)


def _depth_to_space(op: DepthToSpace, lowering: Lowering) -> KernelCall:
    spec = DepthToSpaceKernel(lowering.view(op.x).slab(), lowering.view(op.out).slab(), op.factor)
    return _unary(op.x, op.out, spec, lowering)


def _copy(op: Copy, lowering: Lowering) -> KernelCall:
    """Packed to packed, plain to packed, or packed to plain."""
    x, out = (lowering.placement.channels.get(tensor) for tensor in (op.x, op.out))
    if x is None and out is not None:
        return _unary(op.x, op.out, PackKernel(out.segments, lowering.view(op.out).slab()), lowering)
    if out is None and x is not None:
        return _unary(op.x, op.out, UnpackKernel(x.segments, lowering.view(op.x).slab()), lowering)
    return _unary(op.x, op.out, MoveKernel(lowering.view(op.x).slab(), lowering.view(op.out).slab()), lowering)


def _attention(op: Attention, lowering: Lowering) -> KernelCall:
    tensors = (op.query, op.key, op.value, op.out)
    query, key, value, out = (lowering.view(tensor).slab() for tensor in tensors)
    channels = lowering.channels(op.key).within(op.key.shape[1] // op.heads)
    spec = AttentionKernel(query, key, value, out, op.heads, op.areas, channels, op.scale)
    return KernelCall(spec, tuple(lowering.address(tensor) for tensor in tensors), op.out.name)


def _shuffle(op: Shuffle, lowering: Lowering) -> KernelCall:
    """Each lane of the result knows the lane it is taken from."""
    lanes = lowering.channels(op.x).lanes()
    place = np.zeros(op.x.shape[1], np.int32)
    place[lanes[lanes >= 0]] = np.flatnonzero(lanes >= 0)
    sources = pack_vector(place[op.order], lowering.channels(op.out).lanes(), lowering.channels(op.out).block)
    spec = ShuffleKernel(lowering.view(op.x).slab(), lowering.view(op.out).slab())
    arguments = (lowering.address(op.x), lowering.weights.add(sources), lowering.address(op.out))
    return KernelCall(spec, arguments, op.out.name)


def _unary(x: Tensor, out: Tensor, spec: Any, lowering: Lowering) -> KernelCall:
    return KernelCall(spec, (lowering.address(x), lowering.address(out)), out.name)


def _lowered(op: Lowered, lowering: Lowering) -> KernelCall:
    addresses = [
        lowering.address(operand) if isinstance(operand, Tensor) else lowering.weights.add(operand)
        for operand in op.operands
    ]
    addresses += [lowering.address(tensor) for tensor in op.made]
    operands = [_packed_operand(operand, lowering) for operand in (*op.operands, *op.made)]
    spec = lowering.tuned(GenericKernel(op.function, op.title, tuple(operands)))
    return KernelCall(spec, tuple(addresses), op.out.name)


def _softmax(op: Softmax, lowering: Lowering) -> KernelCall:
    shape = op.x.shape
    outer, extent, inner = prod(shape[: op.axis]), shape[op.axis], prod(shape[op.axis + 1 :])
    along = inner == 1 and op.weights is None
    spec = SoftmaxRows(outer, extent) if along else SoftmaxKernel(outer, extent, inner, op.weights is not None)
    weights = [] if op.weights is None else [lowering.weights.add(op.weights)]
    return KernelCall(spec, (lowering.address(op.x), *weights, lowering.address(op.out)), op.out.name)


def _sampled_mean(op: SampledMean, lowering: Lowering) -> KernelCall:
    groups, channels, queries = op.out.shape
    spec = SampledMeanKernel(groups, channels, queries, op.grids[0].shape[3], op.values.shape[1], op.levels)
    return KernelCall(spec, tuple(lowering.address(tensor) for tensor in (*op.inputs, op.out)), op.out.name)


def _packed_operand(operand: Tensor | Array, lowering: Lowering) -> PackedOperand | None:
    channels = lowering.placement.channels.get(operand) if isinstance(operand, Tensor) else None
    if channels is None or not isinstance(operand, Tensor):
        return None
    lanes = channels.lanes()
    places = np.zeros(operand.shape[1], int)
    places[lanes[lanes >= 0]] = np.flatnonzero(lanes >= 0)
    return PackedOperand(lowering.view(operand).slab(), tuple(places.tolist()))


def _anchor_decode(op: AnchorDecode, lowering: Lowering) -> KernelCall:
    slabs = [lowering.view(tensor).slab() for tensor in op.maps]
    attributes = op.out.shape[2]
    spec = DecodeAnchors(tuple(slabs), tuple(len(anchors) for anchors in op.anchors), attributes)
    arguments: list[Address] = []
    for tensor, slab, stride, anchors in zip(op.maps, slabs, op.strides, op.anchors, strict=True):
        factors = anchor_factors(stride, anchors, attributes, slab)
        arguments += [lowering.address(tensor), lowering.weights.add(factors)]
    return KernelCall(spec, (*arguments, lowering.address(op.out)), op.out.name)


def _distributed_decode(op: DistributedDecode, lowering: Lowering) -> KernelCall:
    boxes, scores = (tuple(lowering.view(x).slab() for x in maps) for maps in (op.boxes, op.scores))
    spec = DecodeDistributed(boxes, scores, op.strides, op.scores[0].shape[1])
    maps = [lowering.address(tensor) for pair in zip(op.boxes, op.scores, strict=True) for tensor in pair]
    return KernelCall(spec, (*maps, lowering.address(op.out)), op.out.name)


def _convert(op: Convert, lowering: Lowering) -> KernelCall:
    dtypes = {op.x.dtype, op.out.dtype}
    if FLOAT16 in dtypes or (BFLOAT16 in dtypes and lowering.unit.by_lane):
        return _unary(
            op.x, op.out, PointwiseKernel(lowering.view(op.x).slab(), lowering.view(op.out).slab(), ()), lowering
        )
    return lower_bf16_convert(op, lowering) if BFLOAT16 in dtypes else lower_convert(op, lowering)


CONVOLUTIONS = (
    ConvTemplate("depthwise", lambda conv: conv.depthwise, _depthwise),
    ConvTemplate("direct", lambda conv: conv.groups == 1, _direct),
)

LOWERINGS: dict[type[Op], Callable[[Any, Lowering], KernelCall]] = {
    Conv: _conv,
    QuantisedConv: lower_quantised_conv,
    Bf16Convolution: lower_bf16_conv,
    Convert: _convert,
    Pointwise: _pointwise,
    Resize: _resize,
    MaxPool: _max_pool,
    GlobalMean: _global_mean,
    DepthToSpace: _depth_to_space,
    Shuffle: _shuffle,
    Attention: _attention,
    Copy: _copy,
    Lowered: _lowered,
    Softmax: _softmax,
    SampledMean: _sampled_mean,
    AnchorDecode: _anchor_decode,
    DistributedDecode: _distributed_decode,
}
