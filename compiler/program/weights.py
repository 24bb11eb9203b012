"""The constants of a program, in the order and layout its kernels read them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from zcc.compiler.kernels.spec import Address
from zcc.compiler.network.tensors import Array

ALIGNMENT = 64


@dataclass(frozen=True)
class Constants:
    """The constants as they lie in memory, in runs that hold nothing but float32, or anything."""

    runs: tuple[tuple[bool, bytes], ...]

    @property
    def blob(self) -> bytes:
        """What the kernels read."""
        return b"".join(data for _, data in self.runs)

    def halved(self) -> tuple[bytes, list[tuple[str, int]]]:
        """The same with floats in half precision, and how to make the whole of it again: kinds and sizes in bytes."""
        stored = [np.frombuffer(data, np.float32).astype(np.float16).tobytes() if f else data for f, data in self.runs]
        kinds = [("half" if floats else "same", len(data)) for (floats, _), data in zip(self.runs, stored, strict=True)]
        return b"".join(stored), kinds


class WeightStore:
    """Collects constants into one blob; equal ones are stored once."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.floats: list[bool] = []  # which chunks hold float32
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
            self.floats.append(array.dtype == np.float32)
            self.size += len(data) + padding
        return self.known[key]

    def constants(self) -> Constants:
        """All constants, one after another."""
        runs: list[tuple[bool, bytes]] = [
            (floats, b"".join(data for _, data in group))
            for floats, group in groupby(zip(self.floats, self.chunks, strict=True), lambda pair: pair[0])
        ]
        return Constants(tuple(runs))


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
