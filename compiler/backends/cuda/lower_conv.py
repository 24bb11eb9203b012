"""Convolutions into launches: their kernel, its tile, packed weights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.backends.common.curves import CURVES
from zcc.compiler.backends.cuda.draft import Argument, Draft, LaunchScratch
from zcc.compiler.backends.cuda.kernels.conv_mma import SUMS, ConvMma, Geometry
from zcc.compiler.backends.cuda.kernels.conv_plain import ConvPlain, Depthwise
from zcc.compiler.backends.cuda.kernels.formats import Map, encode, to_tf32
from zcc.compiler.backends.cuda.kernels.stages import Ending, Enlarged, OnCurve
from zcc.compiler.backends.cuda.lowering import Lowering
from zcc.compiler.backends.cuda.tile_records import Product
from zcc.compiler.ir.ops import Conv, QuantisedConv, Resize
from zcc.compiler.ir.tensors import Activation
from zcc.compiler.precision.int8 import integer_start

Weights = NDArray[Any]
Kernel = ConvMma | ConvPlain | Depthwise
GREY_LEVELS = 255
PLAIN_TILE, SMALL_TILE = (64, 64), (32, 32)
FEW = 6400  # pixels of a map up to which smaller tiles keep more of the card busy: `benchmarks.gpu.networks`


def lower_conv(op: Conv, lowering: Lowering, enlarged: Resize | None = None) -> Draft:
    """One convolution, and the enlargement of what it makes where one is asked for."""
    integers = isinstance(op, QuantisedConv)
    stages, operands, read = lowering.stages(op.stages, op.out, curves=integers)
    in_steps = bool(stages) and isinstance(stages[-1], OnCurve)
    ending = Ending(lowering.placement.map(op.out), stages, scaled=integers, in_steps=in_steps)
    writes = [lowering.view(op.out)]
    if enlarged is not None:
        ending = replace(ending, enlarged=Enlarged(enlarged.factor, lowering.placement.map(enlarged.out)))
        writes.append(lowering.view(enlarged.out))
    spec, weight, x_lanes = _kernel_of(op, ending, lowering)
    y_lanes = lowering.placement.lanes(op.out)
    arguments: list[Argument] = [lowering.view(op.x), *_weights(op, spec, weight, x_lanes, y_lanes, lowering)]
    if isinstance(spec, ConvMma) and spec.meets_in_memory:
        arguments += [LaunchScratch(spec.partial_bytes), LaunchScratch(4 * spec.counters, counters=True)]
    arguments += writes
    if isinstance(op, QuantisedConv):
        units = integer_start(op)[1] * _first_factor(op)
        arguments.append(lowering.constants.add(spec.pack_vector(units, y_lanes)))
    return Draft(spec, op.out.name, [*arguments, *operands], [lowering.view(op.x), *read], writes, op.flops)


def _first_factor(op: Conv) -> np.float32:
    """What the sums' unit is multiplied by for a curve that comes first, which takes its own steps."""
    first = op.stages[0] if op.stages else None
    curve = CURVES.get(first.name) if isinstance(first, Activation) else None
    return np.float32(1) if curve is None else np.float32(1 / curve.step)


def _kernel_of(op: Conv, ending: Ending, lowering: Lowering) -> tuple[Kernel, Weights, Weights]:
    """The kernel, the weights that it takes, and which of their inputs each lane of its map holds."""
    weight = op.quantised.values if isinstance(op, QuantisedConv) else op.weight
    x, lanes = lowering.placement.map(op.x), lowering.placement.lanes(op.x)
    geometry = Geometry((op.weight.shape[2], op.weight.shape[3]), op.stride, op.padding[:2], op.dilation)
    if op.depthwise:
        return Depthwise(x, geometry, ending), weight, lanes
    if not fits_tensor_cores(op, lowering):
        return ConvPlain(x, geometry, ending, PLAIN_TILE if ending.y.pixels > FEW else SMALL_TILE), weight, lanes
    x, geometry, weight, lanes = _read_as(op, x, geometry, weight, lanes)
    depth = geometry.window[0] * geometry.window[1] * x.channels
    tile = lowering.choose(Product(ending.y.pixels, ending.y.channels, depth, x.format.bytes))
    spec = ConvMma(x, geometry, ending, tile, tile.split > 1 and lowering.capability.clusters)
    return spec.within(lowering.capability.shared_bytes), weight, lanes


def _weights(
    op: Conv, spec: Kernel, weight: Weights, x_lanes: Weights, y_lanes: Weights, lowering: Lowering
) -> list[Argument]:
    if isinstance(op, QuantisedConv):
        start = integer_start(op)[0]
        arrays = [spec.pack_weight(weight, x_lanes, y_lanes), spec.pack_vector(start, y_lanes)]
    else:
        dtype = spec.weight_dtype if isinstance(spec, Depthwise) else spec.x.dtype
        if op.x is lowering.placement.network.image:
            weight = weight * np.float32(image_unit(spec.x.dtype))
        packed = encode(spec.pack_weight(weight.astype(np.float32), x_lanes, y_lanes), dtype)
        if isinstance(spec, ConvMma) and dtype == "float32":
            packed = to_tf32(packed)
        arrays = [packed, spec.pack_vector(op.bias.astype(np.float32), y_lanes)]
    return [lowering.constants.add(array) for array in arrays]


def image_scale(dtype: str) -> float:
    """What a picture's grey levels are multiplied by: bytes and bfloat16 hold them as they are, exactly."""
    return 1.0 if dtype in ("uint8", "bfloat16") else 1 / GREY_LEVELS


def image_unit(dtype: str) -> float:
    """The part of white that one of a stored picture stands for: networks know colours of 0..1."""
    return 1 / (GREY_LEVELS * image_scale(dtype))


def _read_as(
    op: Conv, x: Map, geometry: Geometry, weight: Weights, lanes: Weights
) -> tuple[Map, Geometry, Weights, Weights]:
    """The same convolution of whole chunks.

    A picture's pixels are half a chunk: two neighbours are read as one, which a stride by twos allows.
    """
    window = geometry.window
    if x.channels % x.format.block == 0:
        return x, geometry, weight, lanes
    pairs, begin = -(-op.padding[1] // 2), op.padding[1] % 2
    columns = -(-(window[1] + begin) // 2)
    wide = np.zeros((len(weight), 2, x.channels, window[0], columns), weight.dtype)
    for column in range(window[1]):
        pair, half = divmod(column + begin, 2)
        wide[:, half, lanes >= 0, :, pair] = weight[:, lanes[lanes >= 0], :, column]
    paired = Map(x.height, x.width // 2, 2 * x.channels, 2 * x.pitch, x.dtype, x.quantisation)
    geometry = Geometry((window[0], columns), (op.stride[0], op.stride[1] // 2), (op.padding[0], pairs))
    flat = wide.reshape(len(weight), 2 * x.channels, window[0], columns)
    return paired, geometry, flat, np.arange(2 * x.channels)


def fits_tensor_cores(op: Conv, lowering: Lowering) -> bool:
    """Whether conv_mma.cuh can compute it."""
    x = lowering.placement.map(op.x)
    paired = op.stride[1] % 2 == 0 and x.width % 2 == 0 and 2 * x.channels == x.format.block and op.dilation == (1, 1)
    return (
        lowering.capability.matrices
        and x.dtype in SUMS
        and (x.dtype != "float32" or lowering.rounding)
        and op.groups == 1
        and (x.channels % x.format.block == 0 or paired)
        and not (x.dtype == "bfloat16" and not lowering.capability.bf16)
    )
