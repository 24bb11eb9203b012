"""Heads without anchors or objectness, of YOLOv8 and 11: one box in every cell of a map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from zcc.compiler.ir.heads.decoding import Array, DecodeMaps, HeadDecode, Level, Maps, RawHead, RawScale, sigmoid
from zcc.compiler.ir.heads.family import Family, scores_within_one
from zcc.compiler.ir.heads.head import Head
from zcc.compiler.ir.tensors import Tensor

BINS = 16  # distances, in cells, over which a side is distributed


@dataclass(eq=False)
class DistributedDecode(HeadDecode):
    """The plain decoded output (1, attributes, candidates) of a head without anchors, from its packed maps."""

    boxes: list[Tensor]
    scores: list[Tensor]
    strides: tuple[int, ...]

    @property
    def inputs(self) -> list[Tensor]:
        return [*self.boxes, *self.scores]


def turned(points: Array, angle: Array) -> Array:
    """Points (2, n) turned around the origin by an angle each."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.stack([points[0] * cosine - points[1] * sine, points[0] * sine + points[1] * cosine])


@dataclass(frozen=True)
class DistributedDecoding:
    """Two maps per stride: 16 bins for each side of the box, and a logit per class; a third where a task has details.

    Each side's distance from the cell's centre is the mean of its distribution over the bins; where boxes are rotated,
    from there along their own sides.
    """

    name: str = "distributed"
    candidates_last: bool = True

    def readings(self, head: Head, levels: Sequence[Level]) -> list[RawHead]:
        """One, or where maps look alike, as with 64 classes, every way round."""
        wanted = (4 * BINS, head.classes, *([head.details] if head.details else []))
        if not levels or any(sorted(channels for _, channels in maps) != sorted(wanted) for _, maps in levels):
            return []
        found = []
        for order in permutations(range(len(wanted))):
            if all(tuple(maps[i][1] for i in order) == wanted for _, maps in levels):
                scales = tuple(RawScale(stride, tuple(maps[i][0] for i in order)) for stride, maps in levels)
                found.append(RawHead(self, head.classes, scales))
        return found

    def completed(self, raw: RawHead, maps: Maps, decode: DecodeMaps) -> RawHead:
        """Nothing is left to find out."""
        return raw

    def decode(self, raw: RawHead, maps: Maps) -> Array:
        """Candidates by scale, row and column."""
        rows = []
        for scale in raw.scales:
            boxes, scores, *rest = (maps[name][0].reshape(maps[name].shape[1], -1) for name in scale.maps)
            height, width = maps[scale.maps[0]].shape[2:]
            powers = np.exp(boxes.reshape(4, BINS, -1))
            mean = (powers * np.arange(BINS)[:, None]).sum(1) / powers.sum(1)
            cells = np.stack(np.meshgrid(np.arange(width), np.arange(height))).reshape(2, -1).astype(np.float32)
            shift, details = (mean[2:] - mean[:2]) / 2, []
            if raw.details is not None:
                details = [raw.details.decode(rest[0], cells[0], cells[1], scale.stride)]
                shift = turned(shift, details[0][0]) if raw.details.rotates else shift
            places = [(cells + 0.5 + shift) * scale.stride, (mean[:2] + mean[2:]) * scale.stride]
            rows.append(np.concatenate([*places, sigmoid(scores), *details]).T)
        return np.concatenate(rows).astype(np.float32)

    def operation(self, raw: RawHead, output: Tensor, maps: Sequence[Tensor]) -> DistributedDecode:
        """The maps of boxes and of scores take turns."""
        return DistributedDecode(output, list(maps[::2]), list(maps[1::2]), tuple(s.stride for s in raw.scales))


ANCHOR_FREE = Family(
    "anchor-free",
    "(1, 4+classes, N)",
    objectness=False,
    candidates_last=True,
    per_cell=1,
    plausible=scores_within_one,
    decoding=DistributedDecoding(),
)
ANCHOR_FREE_ROWS = Family(
    "anchor-free-rows",
    "(1, N, 4+classes)",
    objectness=False,
    candidates_last=False,
    per_cell=1,
    plausible=scores_within_one,
    decoding=DistributedDecoding(),
)
