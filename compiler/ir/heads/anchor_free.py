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


@dataclass(frozen=True)
class DistributedDecoding:
    """Two maps per stride: 16 bins for each side of the box, and a logit per class.

    Each side's distance from the cell's centre is the mean of its distribution over the bins.
    """

    name: str = "distributed"
    candidates_last: bool = True

    def readings(self, head: Head, levels: Sequence[Level]) -> list[RawHead]:
        """One, or with 64 classes, where the two maps look alike, both ways round."""
        wanted = (4 * BINS, head.classes)
        if not levels or any(sorted(channels for _, channels in maps) != sorted(wanted) for _, maps in levels):
            return []
        found = []
        for order in permutations((0, 1)):
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
            boxes, scores = (maps[name][0] for name in scale.maps)
            _, height, width = boxes.shape
            powers = np.exp(boxes.reshape(4, BINS, height, width))
            mean = (powers * np.arange(BINS)[:, None, None]).sum(1) / powers.sum(1)
            centre = np.stack(np.meshgrid(np.arange(width), np.arange(height))) + 0.5
            low, high = centre - mean[:2], centre + mean[2:]
            level = np.concatenate([(low + high) / 2 * scale.stride, (high - low) * scale.stride, sigmoid(scores)])
            rows.append(level.reshape(len(level), -1).T)
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
