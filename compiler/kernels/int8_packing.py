"""The constants of an integer convolution, as its kernels read them.

A weight stands for weight * scale of its output channel, an input byte for (byte - zero point) * scale of its map.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.kernels.int8_conv import DOT

Array = NDArray[Any]

MOST_WEIGHT = 127
# The sums of a convolution stay below 2**30 for up to 30000 taps; so must what they start at.
MOST_START = 2.0**30


def weight_scales(weight: Array, bias: Array, x_scale: float) -> Array:
    """A scale per output channel that uses all of a signed byte, and under which the bias fits into an int32."""
    largest = np.abs(weight.reshape(len(weight), -1)).max(axis=1) / MOST_WEIGHT
    room = np.abs(bias) / (x_scale * MOST_START)
    return np.maximum(np.maximum(largest, room), np.finfo(np.float32).tiny / x_scale).astype(np.float32)


def quantise_weights(weight: Array, scales: Array) -> Array:
    """(O, I, KH, KW) as signed bytes, -127 to 127."""
    steps = np.rint(weight.astype(np.float64) / scales.astype(np.float64)[:, None, None, None])
    return np.clip(steps, -MOST_WEIGHT, MOST_WEIGHT).astype(np.int8)


def start_values(weight: Array, bias: Array, sum_scales: Array, zero_point: int) -> Array:
    """Where the sums of each output channel start: its bias, less what the input's zero point adds to every sum.

    `weight` is the signed bytes, `sum_scales` what one unit of each channel's sum stands for.
    """
    offset = weight.reshape(len(weight), -1).sum(axis=1, dtype=np.int64) * zero_point
    start = np.rint(bias.astype(np.float64) / sum_scales.astype(np.float64)) - offset
    limits = np.iinfo(np.int32)
    return np.clip(start, limits.min, limits.max).astype(np.int32)


def pack_int8(weight: Array, x_lanes: Array, x_block: int, out_lanes: Array, out_block: int) -> Array:
    """(O, I, KH, KW) as [O blocks, I blocks, KH, KW, fours of I lanes, O lanes, 4], zero in the holes."""
    full = weight[np.maximum(out_lanes, 0)][:, np.maximum(x_lanes, 0)].copy()
    full[out_lanes < 0] = 0
    full[:, x_lanes < 0] = 0
    _, _, height, width = full.shape
    split = full.reshape(-1, out_block, len(x_lanes) // x_block, x_block // DOT, DOT, height, width)
    return np.ascontiguousarray(split.transpose(0, 2, 5, 6, 3, 1, 4))
