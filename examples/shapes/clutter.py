"""What stands around the shapes: uneven backgrounds, and strokes that are none of the six kinds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Pixels = NDArray[np.float32]


def background(rng: np.random.Generator, height: int, width: int) -> Pixels:
    """A coarse random colour field, stretched to the frame: slopes and soft patches, no edges."""
    rows, columns = rng.integers(2, 7, 2)
    base = rng.uniform(30, 225, 3)
    field = np.clip(base + rng.normal(0, rng.uniform(5, 45), (rows, columns, 3)), 0, 255)
    image = Image.fromarray(field.astype(np.uint8)).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(image, np.float32)


def strokes(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    """Lay thin lines, arcs, half discs and blurred patches over the background."""
    height, width = pixels.shape[:2]
    image = Image.fromarray(pixels.astype(np.uint8))
    _patches(rng, image, int(rng.integers(0, 8)))
    draw = ImageDraw.Draw(image)
    painters = (_line, _arc, _half_disc, _scribble)
    for _ in range(int(rng.integers(0, 25))):
        painters[int(rng.integers(len(painters)))](rng, draw, width, height)
    return np.asarray(image, np.float32)


def sensor(rng: np.random.Generator, pixels: Pixels, moment: np.random.Generator | None = None) -> NDArray[np.uint8]:
    """What a cheap camera does to the picture: some blur, some noise, some loss of contrast.

    Where a `moment` is given, `rng` stands for the camera, and only the noise is the moment's own.
    """
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0, 1.2))))
    noise = (moment or rng).standard_normal(pixels.shape, dtype=np.float32) * np.float32(rng.uniform(0, 10))
    gain, lift = rng.uniform(0.75, 1.0), rng.uniform(0, 30)
    dulled: Pixels = np.asarray(image, np.float32) * gain + lift + noise
    return np.clip(dulled, 0, 255).astype(np.uint8)


def _color(rng: np.random.Generator) -> tuple[int, ...]:
    return tuple(int(level) for level in rng.integers(0, 256, 3))


def _spot(rng: np.random.Generator, width: int, height: int) -> tuple[float, float]:
    return float(rng.uniform(0, width)), float(rng.uniform(0, height))


def _patches(rng: np.random.Generator, image: Image.Image, count: int) -> None:
    width, height = image.size
    for _ in range(count):
        x, y = _spot(rng, width, height)
        w, h = rng.uniform(0.05, 0.3, 2) * min(width, height)
        mask = Image.new("L", image.size)
        ImageDraw.Draw(mask).ellipse((x - w, y - h, x + w, y + h), fill=int(rng.integers(60, 200)))
        image.paste(_color(rng), mask=mask.filter(ImageFilter.BoxBlur(float(min(w, h) * 0.5))))


def _line(rng: np.random.Generator, draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    ends = _spot(rng, width, height) + _spot(rng, width, height)
    draw.line(ends, fill=_color(rng), width=int(rng.integers(1, 5)))


def _arc(rng: np.random.Generator, draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    x, y = _spot(rng, width, height)
    radius = float(rng.uniform(0.05, 0.3)) * min(width, height)
    start = float(rng.uniform(0, 360))
    extent = (x - radius, y - radius, x + radius, y + radius)
    sweep = float(rng.uniform(40, 200))
    draw.arc(extent, start, start + sweep, fill=_color(rng), width=int(rng.integers(2, 6)))


def _half_disc(rng: np.random.Generator, draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    x, y = _spot(rng, width, height)
    radius = float(rng.uniform(0.03, 0.1)) * min(width, height)
    start = float(rng.uniform(0, 360))
    draw.chord((x - radius, y - radius, x + radius, y + radius), start, start + 180, fill=_color(rng))


def _scribble(rng: np.random.Generator, draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    steps = rng.normal(0, 0.04 * min(width, height), (int(rng.integers(4, 12)), 2))
    path = np.asarray(_spot(rng, width, height)) + np.cumsum(steps, axis=0)
    draw.line([(float(x), float(y)) for x, y in path], fill=_color(rng), width=int(rng.integers(1, 4)))
