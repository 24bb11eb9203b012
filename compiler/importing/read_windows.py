"""Convolutions and poolings: what slides a window over a map.

Some of them are convolutions in disguise: an average is a depthwise one with equal weights, a transposed convolution
makes all pixels between two of its inputs' at once, and a convolution of a map whose pixels were first moved into
channels is one with a larger window and stride.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from zcc.compiler.importing.read_moved_pixels import Moved, moved_pixels
from zcc.compiler.importing.reader import Reader
from zcc.compiler.ir.ops import Concat, Conv, DepthToSpace, GlobalMean, MaxPool, Op, Resize, Slice
from zcc.compiler.ir.tensors import Array, Tensor

BUNDLE = 16  # channels
# Ways of rounding that, with whole factors, give every source pixel `factor` copies.
COPYING = {("asymmetric", "floor"), ("half_pixel", "round_prefer_floor"), ("half_pixel", "round_prefer_ceil")}
LOWEST = -1e30  # padding with less than this never is a maximum
Sides = tuple[int, int, int, int]  # top, left, bottom, right


def _pair(values: Any) -> tuple[int, int]:
    first, second = (int(value) for value in values)
    return first, second


def _sides(values: Any) -> Sides:
    sides = [int(value) for value in values]
    top, left, bottom, right = sides if len(sides) == 4 else [*sides, *sides]
    return top, left, bottom, right


def _sum(one: Sides, other: Sides) -> Sides:
    top, left, bottom, right = (a + b for a, b in zip(one, other, strict=True))
    return top, left, bottom, right


def _unpadded(reader: Reader, expr: Any) -> tuple[Any, Sides, float]:
    """What an explicit padding around `expr` pads, how wide, and with what."""
    call = reader.call_of(expr, "relax.nn.pad")
    widths = [int(width) for width in call.attrs.pad_width] if call is not None else []
    if call is None or call.attrs.pad_mode != "constant" or len(widths) != 8 or any(widths[:4]):
        return expr, (0, 0, 0, 0), 0.0
    return call.args[0], (widths[4], widths[6], widths[5], widths[7]), float(call.attrs.pad_value)


def read_conv(reader: Reader, call: Any, out: Tensor) -> Op | None:
    """A convolution of a map or of the image."""
    weight, attrs = reader.constant(call.args[1]), call.attrs
    source, border, value = _unpadded(reader, call.args[0])
    moved = moved_pixels(reader, source)
    x = moved.x if moved is not None else reader.tensors.get(source)
    if x is None or weight is None or not x.is_map or attrs.data_layout != "NCHW" or x.dtype != "float32":
        return None
    # A single channel would leave all other lanes of a map empty: where nothing is packed yet, plain loops do no worse.
    packed = x is reader.image or x in reader.maps
    if value != 0 or (weight.shape[0] == 1 and not packed):
        return None
    bias = np.zeros(weight.shape[0], "float32")
    padding = _sum(_sides(attrs.padding), border)
    conv = Conv(out, x, weight, bias, _pair(attrs.strides), padding, _pair(attrs.dilation), int(attrs.groups))
    if moved is not None:
        return _over_pixels(conv, moved)
    if conv.groups == 1 or (conv.depthwise and x is not reader.image):
        return conv
    return _grouped(reader, conv) if packed else None


def _over_pixels(conv: Conv, moved: Moved) -> Op | None:
    """The convolution as one of the map whose pixels went into the channels: larger in proportion."""
    down, across = moved.factor
    if conv.groups > 1 or conv.dilation != (1, 1):
        return None
    outputs, _, height, width = conv.weight.shape
    weight = np.zeros((outputs, moved.x.shape[1], height * down, width * across), np.float32)
    for index, (channel, row, column) in enumerate(moved.sources):
        weight[:, channel, row::down, column::across] += conv.weight[:, index]
    top, left, bottom, right = conv.padding
    padding = (top * down, left * across, bottom * down, right * across)
    stride = (conv.stride[0] * down, conv.stride[1] * across)
    return Conv(conv.out, moved.x, weight, conv.bias, stride, padding, (1, 1), 1)


def _grouped(reader: Reader, conv: Conv) -> Op:
    """A convolution by groups: one for each bundle of groups, of slices of the map, into slices of the result.

    A bundle holds as many groups as a block of lanes would have room for, with zero weights between them.
    """
    outputs, inputs = conv.weight.shape[:2]
    own = outputs // conv.groups
    fitting = max(BUNDLE // max(inputs, own), 1)
    bundle = max(n for n in range(1, fitting + 1) if conv.groups % n == 0)
    parts: list[Tensor] = []
    for first in range(0, conv.groups, bundle):
        x = _channels(reader, conv.x, first * inputs, bundle * inputs)
        weight = _block_diagonal(conv.weight[first * own : (first + bundle) * own], bundle)
        part = Tensor(reader.unique(f"{conv.out.name}_group"), (1, bundle * own, *conv.out.shape[2:]))
        bias = conv.bias[first * own : (first + bundle) * own]
        parts.append(reader.emit(replace(conv, out=part, x=x, weight=weight, bias=bias, groups=1)))
    return Concat(conv.out, parts)


def _channels(reader: Reader, x: Tensor, begin: int, count: int) -> Tensor:
    if count == x.shape[1]:
        return x
    part = Tensor(reader.unique(f"{x.name}_group"), (1, count, *x.shape[2:]), x.dtype)
    return reader.emit(Slice(part, x, begin))


def _block_diagonal(weight: Array, groups: int) -> Array:
    """The weights of a dense convolution that keeps groups apart."""
    outputs, inputs, *window = weight.shape
    dense = np.zeros((groups, outputs // groups, groups, inputs, *window), np.float32)
    for group, rows in enumerate(np.split(weight, groups)):
        dense[group, :, group] = rows
    return dense.reshape(outputs, groups * inputs, *window)


def read_transposed_conv(reader: Reader, call: Any, out: Tensor) -> Op | None:
    """A transposed convolution: all phases of its stride as channels, which are then moved between the pixels."""
    x, weight, attrs = reader.map_of(call.args[0]), reader.constant(call.args[1]), call.attrs
    stride = _pair(attrs.strides)
    even = all(out.shape[2 + axis] % stride[axis] == 0 for axis in (0, 1))
    if x is None or weight is None or not even or _pair(attrs.dilation) != (1, 1):
        return None
    if attrs.data_layout != "NCHW" or attrs.kernel_layout != "IOHW":
        return None
    groups, (top, left, _, _) = int(attrs.groups), _sides(attrs.padding)
    full = weight if groups == 1 else _block_diagonal(weight, groups)
    rows, columns = (_phases(*axis) for axis in zip(full.shape[2:], stride, (top, left), strict=True))
    shape = (*stride, out.shape[1], x.shape[1], rows.extent, columns.extent)
    phases = np.zeros(shape, np.float32)
    for (row, down, i), (column, across, j) in product(rows.taps, columns.taps):
        phases[row, column, :, :, down, across] = full[:, :, i, j].T
    channels = stride[0] * stride[1] * out.shape[1]
    size = (out.shape[2] // stride[0], out.shape[3] // stride[1])
    before = Tensor(reader.unique(f"{out.name}_phases"), (1, channels, *size))
    padding = (-rows.first, -columns.first, 0, 0)
    flat = phases.reshape(channels, x.shape[1], rows.extent, columns.extent)
    bias = np.zeros(channels, "float32")
    reader.emit(Conv(before, x, flat, bias, (1, 1), padding, (1, 1), 1))
    return DepthToSpace(out, before, stride)


@dataclass(frozen=True)
class _Phases:
    """One axis of a transposed convolution as a plain one with a window for each phase of the stride."""

    first: int  # the input that the window's first tap reads, counted from the output's own
    extent: int  # of the window
    taps: list[tuple[int, int, int]]  # phase, tap of its window, tap of the transposed convolution's


def _phases(size: int, stride: int, before: int) -> _Phases:
    """Output `stride * q + phase` is input `q + t` times weight `phase + before - stride * t`."""
    first, last = -((size - 1 - before) // stride), (stride - 1 + before) // stride
    every = [(phase, t - first, phase + before - stride * t) for phase in range(stride) for t in range(first, last + 1)]
    return _Phases(first, last - first + 1, [tap for tap in every if 0 <= tap[2] < size])


def read_max_pool(reader: Reader, call: Any, out: Tensor) -> Op | None:
    """Max pooling; zeros put around the map beforehand count, the pooling's own padding does not."""
    source, border, value = _unpadded(reader, call.args[0])
    x, attrs = reader.map_of(source), call.attrs
    if x is None or _pair(attrs.dilation) != (1, 1) or LOWEST < value < 0 or value > 0:
        return None
    padding = _sides(attrs.padding)
    if value <= LOWEST:
        padding, border = _sum(padding, border), (0, 0, 0, 0)
    pool = MaxPool(out, x, _pair(attrs.pool_size), _pair(attrs.strides), padding[:2], border)
    return pool if _covers_something(pool) else None


def _covers_something(pool: MaxPool) -> bool:
    """Whether every window holds at least one element that counts."""
    top, left, bottom, right = pool.border
    extents = (pool.x.shape[2] + top + bottom, pool.x.shape[3] + left + right)
    axes = zip(extents, pool.out.shape[2:], pool.kernel, pool.stride, pool.padding, strict=True)
    return all(
        padding < kernel and (count - 1) * stride - padding < extent for extent, count, kernel, stride, padding in axes
    )


def read_average_pool(reader: Reader, call: Any, out: Tensor) -> Op | None:
    """An average of as many elements everywhere is a depthwise convolution."""
    source, border, value = _unpadded(reader, call.args[0])
    x, attrs = reader.map_of(source), call.attrs
    if x is None or value != 0 or attrs.ceil_mode or _pair(attrs.dilation) != (1, 1):
        return None
    padding = _sides(attrs.padding)
    if any(padding) and not attrs.count_include_pad:
        return None
    channels, window = x.shape[1], _pair(attrs.pool_size)
    weight = np.full((channels, 1, *window), 1 / (window[0] * window[1]), np.float32)
    bias = np.zeros(channels, "float32")
    return Conv(out, x, weight, bias, _pair(attrs.strides), _sum(padding, border), (1, 1), channels)


def read_mean(reader: Reader, call: Any, out: Tensor) -> Op | None:
    """The mean of each channel over all pixels."""
    x, attrs = reader.map_of(call.args[0]), call.attrs
    axes = sorted(int(axis) % 4 for axis in attrs.axis or ())
    return GlobalMean(out, x) if x is not None and axes == [2, 3] and attrs.keepdims else None


def read_resize(reader: Reader, call: Any, out: Tensor) -> Op | None:
    """Nearest-neighbour enlargement by whole factors."""
    x, attrs = reader.map_of(call.args[0]), call.attrs
    if x is None or attrs.method != "nearest_neighbor" or attrs.layout != "NCHW":
        return None
    factors = (out.shape[2] // x.shape[2], out.shape[3] // x.shape[3])
    exact = (x.shape[2] * factors[0], x.shape[3] * factors[1]) == out.shape[2:]
    rounding = (attrs.coordinate_transformation_mode, attrs.rounding_method)
    return Resize(out, x, factors) if exact and rounding in COPYING else None
