"""Synthetic scenes: shapes over clutter, from a lone one to a crowd, with exact boxes.

A scene is a function of (seed, index) alone. Later shapes cover earlier ones, but never so far that less than
`MIN_VISIBLE` of a labelled shape is left to see.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from examples.shapes import clutter
from examples.shapes.outlines import CLASSES, Mask, Shape, rasterize

TRAIN_SEED = 20_250
VALIDATION_SEED = 77_001
PICTURES_SEED = 77_002

MIN_VISIBLE = 0.6
_FRAMES = ((480, 640), (640, 480), (360, 640), (600, 800), (540, 960), (416, 416))  # height, width
_MIN_CONTRAST = 55.0  # distance of a shape's colour from what lies under it, in RGB


Stretches = tuple[float, float] | None
STRETCHES = (0.4, 1.0)  # of the scenes that samples of tasks are trained and measured on


@dataclass(frozen=True)
class Crowd:
    """How many shapes a scene tries to place, and their radii as fractions of the frame's short side."""

    least: int
    most: int
    radii: tuple[float, float]


QUIET = Crowd(0, 4, (0.08, 0.30))
BUSY = Crowd(4, 14, (0.055, 0.18))
CROWDED = Crowd(25, 60, (0.045, 0.09))
_CROWDS = (QUIET, BUSY, CROWDED)
_CROWD_ODDS = (0.35, 0.45, 0.20)


@dataclass(frozen=True)
class Scene:
    """One labelled picture."""

    image: NDArray[np.uint8]  # (H, W, 3) RGB
    boxes: NDArray[np.float32]  # (n, 4) xyxy in pixels, within the frame
    classes: NDArray[np.int64]  # (n,) indices into CLASSES
    shapes: tuple[Shape, ...]  # what was painted, bottom to top, as the boxes


def make_scene(seed: int, index: int, stretches: Stretches = None) -> Scene:
    """The scene with this number in the series with this seed; with `stretches`, shapes are pressed by so much."""
    rng = np.random.default_rng([seed, index])
    height, width = _FRAMES[int(rng.integers(len(_FRAMES)))]
    place = clutter.strokes(rng, clutter.background(rng, height, width))
    crowd = _CROWDS[int(rng.choice(len(_CROWDS), p=_CROWD_ODDS))]
    pixels, shapes = paint_crowd(rng, place, crowd, stretches)
    return labelled(clutter.sensor(rng, pixels), shapes)


def paint_crowd(
    rng: np.random.Generator, place: clutter.Pixels, crowd: Crowd, stretches: Stretches = None
) -> tuple[clutter.Pixels, tuple[Shape, ...]]:
    """The place with a crowd of shapes in it, and those that were painted."""
    canvas, (height, width) = _Canvas(place), place.shape[:2]
    for _ in range(int(rng.integers(crowd.least, crowd.most + 1))):
        canvas.try_to_paint(_random_shape(rng, crowd, height, width, stretches), rng)
    return canvas.pixels, tuple(canvas.shapes)


def paint_shape(rng: np.random.Generator, place: clutter.Pixels, shape: Shape) -> clutter.Pixels:
    """The place with that shape in it, whatever it covers."""
    canvas = _Canvas(place)
    canvas.try_to_paint(shape, rng)
    return canvas.pixels


def labelled(image: NDArray[np.uint8], shapes: tuple[Shape, ...]) -> Scene:
    """The picture with the boxes and classes of the shapes in it."""
    height, width = image.shape[:2]
    boxes = np.array([shape.box for shape in shapes], np.float32).reshape(-1, 4)
    return Scene(
        image=image,
        boxes=np.clip(boxes, 0, [width, height, width, height]).astype(np.float32),
        classes=np.array([CLASSES.index(shape.kind) for shape in shapes], np.int64),
        shapes=shapes,
    )


def _random_shape(rng: np.random.Generator, crowd: Crowd, height: int, width: int, stretches: Stretches) -> Shape:
    kind = CLASSES[int(rng.integers(len(CLASSES)))]
    least, most = np.log(crowd.radii)
    radius = float(np.exp(rng.uniform(least, most))) * min(height, width)
    return Shape(
        kind=kind,
        x=float(rng.uniform(0.5 * radius, width - 0.5 * radius)),
        y=float(rng.uniform(0.5 * radius, height - 0.5 * radius)),
        radius=radius,
        angle=float(rng.uniform(0, 2 * np.pi)),
        hole=float(rng.uniform(0.45, 0.7)) if kind == "ring" else 0.0,
        stretch=1.0 if stretches is None else float(rng.uniform(*stretches)),
    )


class _Canvas:
    """The picture so far, and which shape is on top at each pixel."""

    def __init__(self, pixels: NDArray[np.float32]) -> None:
        self.pixels = pixels.copy()
        self.shapes: list[Shape] = []
        self._owner: NDArray[np.int32] = np.full(pixels.shape[:2], -1, np.int32)
        self._areas: list[int] = []
        self._visible: list[int] = []

    def try_to_paint(self, shape: Shape, rng: np.random.Generator) -> bool:
        """Paint the shape unless it, or one below it, would be hidden too far."""
        left, top, mask = rasterize(shape)
        area = int((mask > 0.5).sum())
        rows, columns, mask = self._clip(left, top, mask)
        solid = mask > 0.5
        losses = self._losses(solid, rows, columns)
        if solid.sum() < MIN_VISIBLE * area or self._hides_one(losses):
            return False
        for number, loss in losses.items():
            self._visible[number] -= loss
        patch = self.pixels[rows, columns]
        color = _contrasting(rng, patch[solid].mean(axis=0))
        patch += mask[..., None] * (color * _shading(rng, mask.shape)[..., None] - patch)
        self._owner[rows, columns][solid] = len(self.shapes)
        self._areas.append(area)
        self._visible.append(int(solid.sum()))
        self.shapes.append(shape)
        return True

    def _clip(self, left: int, top: int, mask: Mask) -> tuple[slice, slice, Mask]:
        height, width = self._owner.shape
        rows = slice(max(top, 0), min(top + mask.shape[0], height))
        columns = slice(max(left, 0), min(left + mask.shape[1], width))
        within = mask[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        return rows, columns, within

    def _losses(self, solid: NDArray[np.bool_], rows: slice, columns: slice) -> dict[int, int]:
        below = self._owner[rows, columns][solid]
        numbers, counts = np.unique(below[below >= 0], return_counts=True)
        return dict(zip(numbers.tolist(), counts.tolist(), strict=True))

    def _hides_one(self, losses: dict[int, int]) -> bool:
        return any(self._visible[number] - loss < MIN_VISIBLE * self._areas[number] for number, loss in losses.items())


def _contrasting(rng: np.random.Generator, under: NDArray[np.float32]) -> NDArray[np.float32]:
    while True:
        color = rng.uniform(0, 255, 3).astype(np.float32)
        if np.linalg.norm(color - under) >= _MIN_CONTRAST:
            return color


def _shading(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Brightness over the patch: a slope, and for some shapes faint stripes."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    along = (x * np.cos(angle) + y * np.sin(angle)) / max(shape)
    stripes = rng.uniform(0, 0.12) * np.sin(along * rng.uniform(15, 45)) * float(rng.random() < 0.3)
    slope = rng.uniform(0, 0.25) * (along - along.mean())
    shade: NDArray[np.float32] = (1 + slope + stripes).astype(np.float32)
    return shade
