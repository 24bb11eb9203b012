"""What a line of YOLO's text says of an object behind its class, task by task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from zcc.compiler.quality.boxes import Floats
from zcc.compiler.quality.shapes.keypoints import KeypointShapes
from zcc.compiler.quality.shapes.masks import Mask, MaskShapes
from zcc.compiler.quality.shapes.rotated import RotatedShapes
from zcc.compiler.quality.shapes.shapes import Shapes
from zcc.runtime.manifest import TaskInfo

Lines = Sequence[Sequence[float]]


class LabelForm(Protocol):
    """One form of a line."""

    @property
    def what(self) -> str:
        """What a label is called, for messages."""
        ...

    @property
    def thing(self) -> str:
        """What it encloses something with."""
        ...

    @property
    def layout(self) -> str:
        """The values behind the class."""
        ...

    def takes(self, count: int) -> bool:
        """Whether a line may have so many values behind the class."""
        ...

    def places(self, values: Sequence[float]) -> Sequence[float]:
        """Those of them that lie within the picture."""
        ...

    def is_empty(self, values: Sequence[float]) -> bool:
        """Whether they enclose nothing."""
        ...

    def read(self, lines: Lines, size: Floats) -> tuple[Floats, Shapes | None]:
        """Boxes, and what else there is, of a picture of that width and height."""
        ...


def _boxes(lines: Lines, size: Floats) -> Floats:
    rows = np.array([line[:4] for line in lines], np.float64).reshape(-1, 4)
    centers, halves = rows[:, :2], rows[:, 2:] / 2
    return np.concatenate([centers - halves, centers + halves], axis=1) * np.tile(size, 2)


@dataclass(frozen=True)
class BoxForm:
    """Centre, width and height."""

    what: str = "detection label"
    thing: str = "box"
    layout: str = "x y w h"

    def takes(self, count: int) -> bool:
        """Whether a line has so many numbers: exactly four."""
        return count == 4

    def places(self, values: Sequence[float]) -> Sequence[float]:
        """The numbers that lie in 0..1: all four."""
        return values

    def is_empty(self, values: Sequence[float]) -> bool:
        """Whether a side has no length."""
        return not (values[2] > 0 and values[3] > 0)

    def read(self, lines: Lines, size: Floats) -> tuple[Floats, Shapes | None]:
        """Boxes alone."""
        return _boxes(lines, size), None


@dataclass(frozen=True)
class PolygonForm:
    """The corners of an outline, or of a rotated box."""

    corners: int | None  # how many; None for three or more
    what: str
    thing: str
    layout: str

    def takes(self, count: int) -> bool:
        """Two for each corner."""
        return count == 2 * self.corners if self.corners else count >= 6 and count % 2 == 0

    def places(self, values: Sequence[float]) -> Sequence[float]:
        """All of an outline; none of a rotated box, which may reach beyond the picture."""
        return () if self.corners else values

    def is_empty(self, values: Sequence[float]) -> bool:
        """Whether all corners have one x, or one y."""
        return max(values[::2]) <= min(values[::2]) or max(values[1::2]) <= min(values[1::2])

    def read(self, lines: Lines, size: Floats) -> tuple[Floats, Shapes | None]:
        """The boxes around, and the polygons as masks, or as they are."""
        polygons = [np.array(line, np.float64).reshape(-1, 2) * size for line in lines]
        ends = [[*polygon.min(0), *polygon.max(0)] for polygon in polygons]
        boxes = np.array(ends, np.float64).reshape(-1, 4)
        if self.corners:
            return boxes, RotatedShapes(np.array(polygons).reshape(-1, self.corners, 2))
        whole = int(size[1]), int(size[0])
        return boxes, MaskShapes([Mask.of(filled([polygon], whole)) for polygon in polygons])


@dataclass(frozen=True)
class KeypointForm:
    """A box, and keypoints with or without visibility."""

    count: int
    what: str = "pose label"
    thing: str = "box"

    @property
    def layout(self) -> str:
        """A box's values, and how many keypoints follow."""
        return f"x y w h and {self.count} keypoints of x y, or of x y visible"

    def takes(self, count: int) -> bool:
        """Four for the box, and two or three for each keypoint."""
        return count - 4 in (2 * self.count, 3 * self.count)

    def places(self, values: Sequence[float]) -> Sequence[float]:
        """Those of the box."""
        return values[:4]

    def is_empty(self, values: Sequence[float]) -> bool:
        """Whether a side of the box has no length."""
        return not (values[2] > 0 and values[3] > 0)

    def read(self, lines: Lines, size: Floats) -> tuple[Floats, Shapes | None]:
        """Boxes and keypoints; one at 0, 0 without visibility is not labelled."""
        boxes = _boxes(lines, size)
        points = np.zeros((len(lines), self.count, 3))
        for found, line in zip(points, lines, strict=True):
            given = np.array(line[4:]).reshape(self.count, -1)
            found[:, :2] = given[:, :2] * size
            found[:, 2] = given[:, 2] if given.shape[1] > 2 else given.any(1)
        return boxes, KeypointShapes.of(points, boxes)


def filled(polygons: Sequence[NDArray[Any]], size: tuple[int, int]) -> NDArray[np.bool_]:
    """The mask (height, width) that polygons enclose together."""
    whole = Image.new("1", (size[1], size[0]))
    draw = ImageDraw.Draw(whole)
    for polygon in polygons:
        draw.polygon([tuple(corner) for corner in polygon.tolist()], fill=1)
    return np.asarray(whole)


LABEL_FORMS: dict[str, Callable[[TaskInfo], LabelForm]] = {
    "detect": lambda task: BoxForm(),
    "segment": lambda task: PolygonForm(None, "segmentation label", "polygon", "x1 y1 x2 y2 x3 y3 …"),
    "obb": lambda task: PolygonForm(4, "label of rotated boxes", "box", "x1 y1 x2 y2 x3 y3 x4 y4"),
    "pose": lambda task: KeypointForm(task.shape[0]),
}
