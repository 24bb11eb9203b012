"""The constants of a program, in the order and layout its kernels read them."""

from __future__ import annotations

import hashlib

import numpy as np

from zcc.compiler.kernels.spec import Address
from zcc.compiler.network.ops import Array

ALIGNMENT = 64


class WeightStore:
    """Collects constants into one blob; equal ones are stored once."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.size = 0
        self.known: dict[bytes, Address] = {}

    def add(self, array: Array) -> Address:
        """Where the array's bytes lie in the blob."""
        data = np.ascontiguousarray(array).tobytes()
        key = hashlib.sha256(data).digest()
        if key not in self.known:
            self.known[key] = Address("weights", self.size)
            padding = -len(data) % ALIGNMENT
            self.chunks.append(data + bytes(padding))
            self.size += len(data) + padding
        return self.known[key]

    def blob(self) -> bytes:
        """All constants, one after another."""
        return b"".join(self.chunks)


def pack_vector(values: Array, lanes: Array, block: int) -> Array:
    """Values per channel as [blocks, block], zero in the holes."""
    packed = np.where(lanes >= 0, values[lanes], 0).astype(values.dtype)
    return packed.reshape(-1, block)


def pack_dense(weight: Array, x_lanes: Array, x_block: int, out_lanes: Array, out_block: int) -> Array:
    """(O, I, KH, KW) as [O blocks, I blocks, KH, KW, I lanes, O lanes], zero in the holes."""
    full = weight[np.maximum(out_lanes, 0)][:, np.maximum(x_lanes, 0)].copy()
    full[out_lanes < 0] = 0
    full[:, x_lanes < 0] = 0
    _, _, height, width = full.shape
    split = full.reshape(-1, out_block, len(x_lanes) // x_block, x_block, height, width)
    return np.ascontiguousarray(split.transpose(0, 2, 4, 5, 3, 1))


def pack_depthwise(weight: Array, lanes: Array, block: int) -> Array:
    """(C, 1, KH, KW) as [blocks, KH, KW, block], zero in the holes."""
    full = weight[np.maximum(lanes, 0), 0].copy()
    full[lanes < 0] = 0
    _, height, width = full.shape
    return np.ascontiguousarray(full.reshape(-1, block, height, width).transpose(0, 2, 3, 1))
