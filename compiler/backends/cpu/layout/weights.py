"""The constants of a program, in the order and layout its kernels read them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np

from zcc.compiler.backends.cpu.kernels.conv_loops import in_words
from zcc.compiler.backends.cpu.kernels.spec import Address
from zcc.compiler.ir.tensors import Array
from zcc.runtime.expansion import UNCHANGED, Order, describe, expand, plan
from zcc.runtime.manifest import Run

ALIGNMENT = 64
ITEM = 4  # bytes of a float in memory


@dataclass(frozen=True)
class Chunk:
    """One constant: as it is stored, and how the runtime makes of it what its kernel reads."""

    data: bytes
    floats: bool
    order: Order | None

    @property
    def room(self) -> int:
        """Bytes in memory."""
        return ITEM * self.order.made if self.order else len(self.data)

    def stored(self, halved: bool) -> tuple[bytes, Run]:
        """The bytes of the file, with floats in half precision or as they are, and the run that they make."""
        if halved and self.floats:
            data = np.frombuffer(self.data, np.float32).astype(np.float16).tobytes()
            return data, describe(np.float16, self.order, len(data))
        return self.data, describe(np.float32 if self.order else np.uint8, self.order, len(self.data))


@dataclass(frozen=True)
class Stored:
    """The file of the weights; no runs when it is what the kernels read."""

    data: bytes
    runs: tuple[Run, ...]

    def expanded(self) -> bytes:
        """What the kernels read, made as the runtime makes it."""
        if not self.runs:
            return self.data
        pieces = plan(self.runs, len(self.data))
        memory = np.empty(sum(piece.room for piece in pieces), np.uint8)
        expand(np.frombuffer(self.data, np.uint8), pieces, memory)
        return memory.tobytes()


@dataclass(frozen=True)
class Constants:
    """All constants, in the order in which they lie in the file and in memory."""

    chunks: tuple[Chunk, ...]
    size: int  # bytes in memory

    @property
    def blob(self) -> bytes:
        """What the kernels read."""
        return self.stored().expanded()

    def stored(self, halved: bool = False) -> Stored:
        """As they are stored; neighbours that are taken alike are one run."""
        pieces = [chunk.stored(halved) for chunk in self.chunks]
        runs: list[Run] = []
        for _, run in pieces:
            if runs and runs[-1].kind == run.kind and not run.parameters:
                runs[-1] = replace(run, size=runs[-1].size + run.size)
            else:
                runs.append(run)
        unchanged = {run.kind for run in runs} <= {UNCHANGED}
        return Stored(b"".join(data for data, _ in pieces), () if unchanged else tuple(runs))


class WeightStore:
    """Collects constants; equal ones that are read alike are stored once."""

    def __init__(self) -> None:
        self.chunks: list[Chunk] = []
        self.size = 0
        self.known: dict[tuple[bool, bytes, Order | None], Address] = {}

    def add(self, array: Array, order: Order | None = None) -> Address:
        """Where the array's bytes lie in memory, or what `order` makes of them."""
        chunk = Chunk(np.ascontiguousarray(array).tobytes(), array.dtype == np.float32, order)
        key = chunk.floats, hashlib.sha256(chunk.data).digest(), order
        if key not in self.known:
            self.known[key] = Address("weights", self.size)
            self._append(chunk)
            if padding := -self.size % ALIGNMENT:
                self._append(Chunk(bytes(padding), chunk.floats, None))
        return self.known[key]

    def constants(self) -> Constants:
        """All constants, one after another."""
        return Constants(tuple(self.chunks), self.size)

    def _append(self, chunk: Chunk) -> None:
        self.chunks.append(chunk)
        self.size += chunk.room


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


def pack_words(weight: Array, x_lanes: Array, x_block: int, out_lanes: Array, out_block: int, per_word: int) -> Array:
    """(O, I, KH, KW) as [O blocks, I blocks, KH, KW, words of I lanes, O lanes x word], zero in the holes."""
    return in_words(pack_dense(weight, x_lanes, x_block, out_lanes, out_block), per_word)


def pack_depthwise(weight: Array, lanes: Array, block: int) -> Array:
    """(C, 1, KH, KW) as [blocks, KH, KW, block], zero in the holes."""
    full = weight[np.maximum(lanes, 0), 0].copy()
    full[lanes < 0] = 0
    _, height, width = full.shape
    return np.ascontiguousarray(full.reshape(-1, block, height, width).transpose(0, 2, 3, 1))
