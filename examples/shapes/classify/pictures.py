"""Pictures of one large shape, with smaller ones around it, and folders of them, one for each class."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from examples.shapes import clutter
from examples.shapes.outlines import CLASSES, Shape
from examples.shapes.scenes import VALIDATION_SEED, Crowd, paint_crowd, paint_shape

SIZE = 128  # of the input's sides
AROUND = Crowd(0, 5, (0.04, 0.09))
RADII = (0.18, 0.45)  # of the shape that counts, in short sides
_FRAMES = ((240, 320), (320, 240), (256, 256), (270, 480))  # height, width
_JPEG_QUALITY = 92

Picture = NDArray[np.uint8]


def make_picture(seed: int, index: int) -> tuple[Picture, int]:
    """The picture (H, W, 3) of that number in the series of that seed, and the class of the large shape in it."""
    rng = np.random.default_rng([seed, index])
    height, width = _FRAMES[int(rng.integers(len(_FRAMES)))]
    short = min(height, width)
    place = clutter.strokes(rng, clutter.background(rng, height, width))
    place, _ = paint_crowd(rng, place, AROUND)
    number = int(rng.integers(len(CLASSES)))
    shape = Shape(
        kind=CLASSES[number],
        x=width / 2 + float(rng.uniform(-0.15, 0.15)) * short,
        y=height / 2 + float(rng.uniform(-0.15, 0.15)) * short,
        radius=float(rng.uniform(*RADII)) * short,
        angle=float(rng.uniform(0, 2 * np.pi)),
        hole=float(rng.uniform(0.45, 0.7)) if CLASSES[number] == "ring" else 0.0,
        stretch=float(rng.uniform(0.7, 1.0)),
    )
    return clutter.sensor(rng, paint_shape(rng, place, shape)), number


def to_input(picture: Picture) -> Picture:
    """The middle of a picture, SIZE x SIZE: its short side fitted by averaging, the rest cut off."""
    height, width = picture.shape[:2]
    scale = SIZE / min(height, width)
    size = max(SIZE, int(width * scale)), max(SIZE, int(height * scale))
    small = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR))
    top, left = round((small.shape[0] - SIZE) / 2), round((small.shape[1] - SIZE) / 2)
    return small[top : top + SIZE, left : left + SIZE]


def write_folders(folder: Path, count: int, seed: int) -> None:
    """Write the first `count` pictures of a series, each into the folder of its class."""
    for index in range(count):
        picture, number = make_picture(seed, index)
        place = folder / CLASSES[number]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(place / f"{index:05}.jpg", quality=_JPEG_QUALITY)


def main() -> None:
    """Generate folders of labelled pictures."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pictures", type=int, default=600)
    parser.add_argument("--seed", type=int, default=VALIDATION_SEED)
    options = parser.parse_args()
    write_folders(options.folder, options.pictures, options.seed)


if __name__ == "__main__":
    main()
