"""The six kinds of shape: their outlines, their exact extents and their anti-aliased masks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

CLASSES = ("circle", "ring", "square", "triangle", "star", "cross")

Points = NDArray[np.float64]
Mask = NDArray[np.float32]

SUPERSAMPLE = 4
_ARM = 0.34  # half the width of a cross's arm, in radii
_STAR_INNER = 0.45


def _spokes(count: int, radii: tuple[float, ...]) -> Points:
    angles = np.arange(count) * 2 * np.pi / count - np.pi / 2
    lengths = np.resize(np.asarray(radii), count)
    return np.stack([np.cos(angles) * lengths, np.sin(angles) * lengths], axis=1)


def _cross() -> Points:
    tip = float(np.sqrt(1 - _ARM**2))  # the corners of the arms lie on the unit circle
    arm = np.array([[-_ARM, -_ARM], [-_ARM, -tip], [_ARM, -tip]])
    quarter = np.array([[0.0, 1.0], [-1.0, 0.0]])
    return np.concatenate([arm @ np.linalg.matrix_power(quarter, turn) for turn in range(4)])


# Outlines inscribed in the unit circle. The round kinds are dense polygons, so that all are treated alike.
OUTLINES: dict[str, Points] = {
    "circle": _spokes(96, (1.0,)),
    "ring": _spokes(96, (1.0,)),
    "square": _spokes(4, (1.0,)),
    "triangle": _spokes(3, (1.0,)),
    "star": _spokes(10, (1.0, _STAR_INNER)),
    "cross": _cross(),
}


@dataclass(frozen=True)
class Shape:
    """One shape in a frame, in pixels; `hole` is the radius of a ring's hole in radii, `stretch` a height in widths."""

    kind: str
    x: float
    y: float
    radius: float
    angle: float
    hole: float = 0.0
    stretch: float = 1.0

    @property
    def points(self) -> Points:
        """The outline's corners."""
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        turned: Points = (OUTLINES[self.kind] * (1, self.stretch)) @ np.array([[cos, sin], [-sin, cos]])
        placed: Points = turned * self.radius + np.array([self.x, self.y])
        return placed

    @property
    def box(self) -> NDArray[np.float64]:
        """The exact extents, xyxy; pixel i covers i to i + 1."""
        points = self.points
        return np.concatenate([points.min(axis=0), points.max(axis=0)])


def rasterize(shape: Shape) -> tuple[int, int, Mask]:
    """Left, top and the coverage (0..1) of each pixel of the patch that holds the shape."""
    left, top = np.floor(shape.box[:2]).astype(int)
    right, bottom = np.ceil(shape.box[2:]).astype(int)
    canvas = Image.new("L", ((right - left) * SUPERSAMPLE, (bottom - top) * SUPERSAMPLE))
    draw = ImageDraw.Draw(canvas)
    draw.polygon(_to_canvas(shape.points, left, top), fill=255)
    if shape.hole:
        hole = (shape.points - (shape.x, shape.y)) * shape.hole + (shape.x, shape.y)
        draw.polygon(_to_canvas(hole, left, top), fill=0)
    return int(left), int(top), np.asarray(canvas.reduce(SUPERSAMPLE), np.float32) / np.float32(255)


def _to_canvas(points: Points, left: int, top: int) -> list[tuple[float, float]]:
    # Pillow's coordinates name pixel centres, ours pixel corners: hence the half pixel.
    return [(float(x), float(y)) for x, y in (points - (left, top)) * SUPERSAMPLE - 0.5]
