"""The forms in which a network can hand over its candidates, and what the kernels need to know of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol

from zcc.compiler.backends.cuda.frame.frame_source import constant, table
from zcc.compiler.backends.cuda.frame.image_layout import ELEMENTS
from zcc.compiler.ir.heads.anchor_free import BINS
from zcc.compiler.ir.heads.head import Head
from zcc.runtime.executors.plan import Place, Range

MOST_SCALES = 4
SIDES = 4


class FrameHead(Protocol):
    """Something that candidates can be read from."""

    @property
    def candidates(self) -> int:
        """How many there are."""

    @property
    def suppress(self) -> bool:
        """Whether they overlap and need suppression."""

    @property
    def collector(self) -> str:
        """Which function of collect.cuh finds those above the threshold."""

    @property
    def header(self) -> str:
        """The file that says how they are read."""

    @property
    def lanes(self) -> int:
        """Threads that share a candidate."""

    def constants(self) -> list[str]:
        """What that file wants to know."""

    def maps(self) -> tuple[Place | None, ...]:
        """Where the maps lie: eight places, boxes before scores."""

    def reads(self) -> tuple[Range, ...]:
        """What of them is read."""


@dataclass(frozen=True)
class HeadMap:
    """The map of a convolution, NHWC."""

    place: Place
    pitch: int  # elements from pixel to pixel

    def range(self, cells: int, channels: int, dtype: str) -> Range:
        """The bytes from its first pixel to its last."""
        size = ((cells - 1) * self.pitch + channels) * ELEMENTS[dtype][1]
        return Range(self.place.region, self.place.offset, self.place.offset + size)


@dataclass(frozen=True)
class DflScale:
    """The maps of one stride: 64 channels of boxes, a channel per class of scores."""

    stride: int
    height: int
    width: int
    boxes: HeadMap
    scores: HeadMap

    @property
    def cells(self) -> int:
        """Pixels of its maps."""
        return self.height * self.width


@dataclass(frozen=True)
class DflHead:
    """Raw maps of v8 and 11; candidates are ordered by scale, row and column."""

    classes: int
    dtype: str
    scales: tuple[DflScale, ...]
    suppress: bool = True
    collector: str = "collect_rows"
    header: str = "head_dfl.cuh"
    lanes: int = 8

    @property
    def candidates(self) -> int:
        """One for each cell."""
        return sum(scale.cells for scale in self.scales)

    def constants(self) -> list[str]:
        """Tables by scale."""
        return [
            *_common(self.dtype, self.classes, [scale.cells for scale in self.scales]),
            table("int", "STRIDE", [scale.stride for scale in self.scales]),
            table("int", "MAP_WIDTH", [scale.width for scale in self.scales]),
            table("int", "BOXES_PITCH", [scale.boxes.pitch for scale in self.scales]),
            table("int", "SCORES_PITCH", [scale.scores.pitch for scale in self.scales]),
        ]

    def maps(self) -> tuple[Place | None, ...]:
        """Boxes of every scale, then scores."""
        boxes, scores = ([getattr(scale, kind).place for scale in self.scales] for kind in ("boxes", "scores"))
        return (*_padded(boxes), *_padded(scores))

    def reads(self) -> tuple[Range, ...]:
        """All maps, whole."""
        return tuple(
            head_map.range(scale.cells, channels, self.dtype)
            for scale in self.scales
            for head_map, channels in ((scale.boxes, SIDES * BINS), (scale.scores, self.classes))
        )


@dataclass(frozen=True)
class AnchorScale:
    """The map of one stride: box, objectness and classes of each anchor; anchors in input pixels."""

    stride: int
    height: int
    width: int
    map: HeadMap
    anchors: tuple[tuple[float, float], ...]

    @property
    def cells(self) -> int:
        """Pixels of its map."""
        return self.height * self.width


@dataclass(frozen=True)
class AnchorHead:
    """Raw maps of v3 and v5; candidates are ordered by scale, anchor, row and column."""

    classes: int
    dtype: str
    scales: tuple[AnchorScale, ...]
    suppress: bool = True
    collector: str = "collect_rows"
    header: str = "head_anchors.cuh"
    lanes: int = 8

    @property
    def candidates(self) -> int:
        """One for each anchor of each cell."""
        return sum(len(scale.anchors) * scale.cells for scale in self.scales)

    def constants(self) -> list[str]:
        """Tables by scale, and the anchors."""
        most = max(len(scale.anchors) for scale in self.scales)
        sides = [pair for scale in self.scales for pair in (*scale.anchors, *[(0.0, 0.0)] * most)[:most]]
        return [
            *_common(self.dtype, self.classes, [len(scale.anchors) * scale.cells for scale in self.scales]),
            table("int", "STRIDE", [scale.stride for scale in self.scales]),
            table("int", "MAP_WIDTH", [scale.width for scale in self.scales]),
            table("int", "MAP_CELLS", [scale.cells for scale in self.scales]),
            table("int", "BOXES_PITCH", [scale.map.pitch for scale in self.scales]),
            constant("int", "MOST_ANCHORS", most),
            f"constexpr float ANCHORS[{len(sides)}][2] = {{{', '.join(f'{{{w!r}f, {h!r}f}}' for w, h in sides)}}};",
        ]

    def maps(self) -> tuple[Place | None, ...]:
        """One map for every scale."""
        return (*_padded([scale.map.place for scale in self.scales]), *_padded([]))

    def reads(self) -> tuple[Range, ...]:
        """All of them."""
        return tuple(
            scale.map.range(scale.cells, len(scale.anchors) * (5 + self.classes), self.dtype) for scale in self.scales
        )


@dataclass(frozen=True)
class DecodedHead:
    """A decoded output, float32, as the model file lays it out."""

    head: Head
    output: Place
    header: str = "head_decoded.cuh"

    @property
    def candidates(self) -> int:
        """Boxes, or pairs of a class and a box."""
        return self.head.candidates * (self.head.classes if self.head.every_class else 1)

    @property
    def suppress(self) -> bool:
        """Finished detections need no suppression."""
        return not self.head.finished

    @property
    def collector(self) -> str:
        """By how the output is read."""
        if self.head.final:
            return "collect_final"
        if self.head.every_class:
            return "collect_pairs"
        return "collect_columns" if self.head.candidates_last else "collect_rows"

    @property
    def lanes(self) -> int:
        """Those that search the classes of a box share it."""
        return 8 if self.collector in ("collect_columns", "collect_rows") else 1

    def constants(self) -> list[str]:
        """How a number of a candidate is found."""
        return [
            "typedef float Element;",
            constant("int", "CLASSES", self.head.classes),
            constant("int", "BOXES", self.head.candidates),
            constant("int", "ATTRIBUTES", self.head.attributes),
            constant("bool", "CANDIDATES_LAST", self.head.candidates_last),
            constant("bool", "HAS_OBJECTNESS", self.head.objectness),
            constant("bool", "CORNERS", self.head.corners or self.head.final),
            constant("bool", "EVERY_CLASS", self.head.every_class),
        ]

    def maps(self) -> tuple[Place | None, ...]:
        """The output alone."""
        return (*_padded([self.output]), *_padded([]))

    def reads(self) -> tuple[Range, ...]:
        """All of it."""
        size = 4 * self.head.candidates * self.head.attributes
        return (Range(self.output.region, self.output.offset, self.output.offset + size),)


def _common(dtype: str, classes: int, cells: Sequence[int]) -> list[str]:
    return [
        f"typedef {ELEMENTS[dtype][0]} Element;",
        f"#define SCALES {len(cells)}",
        constant("int", "CLASSES", classes),
        table("int", "CELL_ENDS", list(accumulate(cells))),
    ]


def _padded(places: Sequence[Place]) -> tuple[Place | None, ...]:
    return (*places, *[None] * MOST_SCALES)[:MOST_SCALES]
