"""Heads and what lies in their memory: the same numbers as the CPU's kernels and a card's read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.backends.cpu.frame import anchor_head, dfl_head
from zcc.compiler.backends.cpu.frame.raw import PackedMap
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cuda.frame import heads
from zcc.compiler.ir.heads.head import Head
from zcc.runtime.executors.plan import Place
from zcc.runtime.manifest import InputSpec

Array = NDArray[Any]
STRIDES = (8, 16, 32)
ANCHORS = (
    ((10.0, 13.0), (16.0, 30.0), (33.0, 23.0)),
    ((30.0, 61.0), (62.0, 45.0), (59.0, 119.0)),
    ((116.0, 90.0), (156.0, 198.0), (373.0, 326.0)),
)
LANES = 16
LOW = -9.0  # a logit that no threshold lets pass


@dataclass(frozen=True)
class Both:
    """A head, and how arrays [channels, height, width] become its memory."""

    cpu: Any
    cuda: heads.FrameHead
    shapes: tuple[tuple[int, ...], ...]
    dtype: str

    def pack(self, maps: list[Array]) -> Array:
        """For the CPU: blocks of channels."""
        return np.concatenate([_packed(each) for each in maps]) if len(maps) > 1 else maps[0].reshape(-1)

    def lay(self, maps: list[Array]) -> Array:
        """For a card: NHWC, in the head's own type; a decoded output as it is."""
        if self.dtype == "decoded":
            return maps[0].astype(np.float32).reshape(-1).view(np.uint8)
        return np.concatenate([_pixels(each, self.dtype) for each in maps])


def _packed(planes: Array) -> Array:
    channels, height, width = planes.shape
    blocks = -(-channels // LANES)
    room = np.zeros((blocks * LANES, height, width), np.float32)
    room[:channels] = planes
    return room.reshape(blocks, LANES, height, width).transpose(0, 2, 3, 1).reshape(-1)


def _pixels(planes: Array, dtype: str) -> Array:
    pixels = np.ascontiguousarray(planes.transpose(1, 2, 0)).astype(dtype)
    return pixels.reshape(-1).view(np.uint8)


class _Room:
    """Where maps come to lie, for both."""

    def __init__(self, dtype: str) -> None:
        self.dtype, self.floats, self.bytes = dtype, 0, 0
        self.shapes: list[tuple[int, int, int]] = []

    def put(self, channels: int, height: int, width: int) -> tuple[PackedMap, heads.HeadMap]:
        blocks = -(-channels // LANES)
        cpu = PackedMap(Slab.dense(blocks, height, width, LANES), self.floats)
        cuda = heads.HeadMap(Place("arena", self.bytes), channels)
        self.floats += blocks * height * width * LANES
        self.bytes += channels * height * width * np.dtype(self.dtype).itemsize
        self.shapes.append((channels, height, width))
        return cpu, cuda


def dfl(spec: InputSpec, classes: int, dtype: str) -> Both:
    """Raw maps without anchors."""
    room, cpu, cuda = _Room(dtype), [], []
    for stride in STRIDES:
        height, width = spec.height // stride, spec.width // stride
        boxes, scores = room.put(64, height, width), room.put(classes, height, width)
        cpu.append(dfl_head.DflScale(stride, boxes[0], scores[0]))
        cuda.append(heads.DflScale(stride, height, width, boxes[1], scores[1]))
    return Both(
        dfl_head.DflHead(classes, tuple(cpu)), heads.DflHead(classes, dtype, tuple(cuda)), tuple(room.shapes), dtype
    )


def anchored(spec: InputSpec, classes: int, dtype: str) -> Both:
    """Raw maps with anchors."""
    room, cpu, cuda = _Room(dtype), [], []
    for stride, anchors in zip(STRIDES, ANCHORS, strict=True):
        height, width = spec.height // stride, spec.width // stride
        held = room.put(3 * (5 + classes), height, width)
        cpu.append(anchor_head.AnchorScale(stride, held[0], anchors))
        cuda.append(heads.AnchorScale(stride, height, width, held[1], anchors))
    return Both(
        anchor_head.AnchorHead(classes, tuple(cpu)),
        heads.AnchorHead(classes, dtype, tuple(cuda)),
        tuple(room.shapes),
        dtype,
    )


def decoded(head: Head) -> Both:
    """A decoded output."""
    return Both(head, heads.DecodedHead(head, Place("arena", 0)), (head.shape,), "decoded")


def scene(both: Both, found: int, labels: int, seed: int) -> list[Array]:
    """Maps in which about so many candidates pass a threshold of 0.25, spread over so many classes."""
    rng = np.random.default_rng(seed)
    if both.dtype == "decoded":
        return [_rows(both.cpu, found, labels, rng)]
    anchors = isinstance(both.cuda, heads.AnchorHead)
    classes = both.cuda.classes  # type: ignore[attr-defined]
    maps = []
    chosen = rng.permutation(both.cuda.candidates)[:found]
    begin = 0
    for channels, height, width in both.shapes:
        kinds = 3 if anchors else 1
        planes = rng.normal(0, 1, (channels, height, width))
        if channels == kinds * (5 + classes) if anchors else channels == classes:
            cells = kinds * height * width
            mine = chosen[(chosen >= begin) & (chosen < begin + cells)] - begin
            begin += cells
            each = planes.reshape(kinds, -1, height * width)
            first = 5 if anchors else 0
            each[:, first:] = LOW + np.round(rng.random(each[:, first:].shape), 2)
            kind, cell = np.divmod(mine, height * width)
            level = np.round(rng.uniform(0.0, 4.0, len(mine)), 2)
            each[kind, first + rng.integers(0, labels, len(mine)), cell] = level
            if anchors:
                each[:, 4] = LOW
                each[kind, 4, cell] = 3.0
        maps.append(planes.reshape(channels, height, width).astype(both.dtype).astype(np.float32))
    return maps


def _rows(head: Head, found: int, labels: int, rng: np.random.Generator) -> Array:
    rows = np.zeros((head.candidates, head.attributes), np.float32)
    rows[:, :2] = rng.integers(0, 640, (len(rows), 2))
    rows[:, 2:4] = rng.integers(4, 200, (len(rows), 2))
    chosen = rng.permutation(len(rows))[:found]
    score = np.round(rng.uniform(0.3, 1, len(chosen)), 2)
    if head.final:
        rows[:, 2:4] += rows[:, :2]
        rows[chosen, 4], rows[:, 5] = score, rng.integers(0, labels, len(rows))
    else:
        rows[:, head.attributes - head.classes :] = rng.integers(0, 4, (len(rows), head.classes)) / 32
        rows[chosen, head.attributes - head.classes + rng.integers(0, labels, len(chosen))] = score
        if head.objectness:
            rows[:, 4] = 0.05
            rows[chosen, 4] = 0.95
    return np.ascontiguousarray((rows.T if head.candidates_last else rows)[None])
