"""Heads with anchors and objectness, of YOLOv3 and v5: three boxes in every cell of a map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from zcc.compiler.ir.heads.decoding import Array, DecodeMaps, HeadDecode, Level, Maps, RawHead, RawScale, sigmoid
from zcc.compiler.ir.heads.family import Family, scores_within_one
from zcc.compiler.ir.heads.head import Head
from zcc.compiler.ir.tensors import Tensor


@dataclass(eq=False)
class AnchorDecode(HeadDecode):
    """The plain decoded output (1, candidates, attributes) of a head with anchors, from its packed maps."""

    maps: list[Tensor]
    strides: tuple[int, ...]
    anchors: tuple[tuple[tuple[float, float], ...], ...]  # of each map: widths and heights in input pixels

    @property
    def inputs(self) -> list[Tensor]:
        return list(self.maps)


@dataclass(frozen=True)
class AnchorDecoding:
    """One map per stride that holds box, objectness and classes of each anchor.

    Sigmoids of everything; centres within 1.5 cells of their own, sizes up to four times the anchor.
    """

    name: str = "anchors"
    candidates_last: bool = False

    def readings(self, head: Head, levels: Sequence[Level]) -> list[RawHead]:
        """One, where every map holds a whole number of anchors."""
        if head.details or not levels or any(len(maps) != 1 or maps[0][1] % head.attributes for _, maps in levels):
            return []
        scales = tuple(
            RawScale(stride, (name,), ((0.0, 0.0),) * (channels // head.attributes))
            for stride, ((name, channels),) in levels
        )
        return [RawHead(self, head.classes, scales)]

    def completed(self, raw: RawHead, maps: Maps, decode: DecodeMaps) -> RawHead:
        """The head with its anchors, which are the sizes of the boxes that maps of zeros give."""
        rows = decode({name: np.zeros_like(values) for name, values in maps.items()})
        scales, first = [], 0
        for scale in raw.scales:
            cells = maps[scale.maps[0]][0, 0].size
            sizes = [rows[first + index * cells, 2:4] for index in range(len(scale.anchors))]
            scales.append(replace(scale, anchors=tuple((float(width), float(height)) for width, height in sizes)))
            first += len(scale.anchors) * cells
        return replace(raw, scales=tuple(scales))

    def decode(self, raw: RawHead, maps: Maps) -> Array:
        """Candidates by scale, anchor, row and column."""
        rows = []
        for scale in raw.scales:
            _, channels, height, width = maps[scale.maps[0]].shape
            count = len(scale.anchors)
            values = sigmoid(maps[scale.maps[0]]).reshape(count, channels // count, height, width)
            grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)))  # x, y
            centre = (2 * values[:, :2] - 0.5 + grid) * scale.stride
            size = (2 * values[:, 2:4]) ** 2 * np.asarray(scale.anchors)[:, :, None, None]
            level = np.concatenate([centre, size, values[:, 4:]], axis=1)
            rows.append(level.transpose(0, 2, 3, 1).reshape(-1, channels // count))
        return np.concatenate(rows).astype(np.float32)

    def operation(self, raw: RawHead, output: Tensor, maps: Sequence[Tensor]) -> AnchorDecode:
        """A map of every stride."""
        strides, anchors = tuple(s.stride for s in raw.scales), tuple(s.anchors for s in raw.scales)
        return AnchorDecode(output, list(maps), strides, anchors)


ANCHOR_BASED = Family(
    "anchor-based",
    "(1, N, 5+classes)",
    objectness=True,
    candidates_last=False,
    per_cell=3,
    plausible=scores_within_one,
    decoding=AnchorDecoding(),
)
