"""The frames of a race: pictures of real things, in the size a camera would give them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from zcc.compiler.frontend.images import SUFFIXES, read_image
from zcc.compiler.racing.contestant import Pixels
from zcc.runtime.errors import DatasetError, UsageError
from zcc.runtime.frame import LARGEST_SIDE

MOST = 32  # every contestant holds them in memory


def pictures_in(folder: Path) -> list[Path]:
    """The images in a folder, evenly spread ones where there are more than a race takes."""
    if not folder.is_dir():
        raise DatasetError(f"{folder} is not a folder", "give a folder of images")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise DatasetError(f"{folder} holds no images", f"put some there: {', '.join(sorted(SUFFIXES))}")
    chosen = np.linspace(0, len(paths) - 1, min(len(paths), MOST)).round().astype(int)
    return [paths[index] for index in chosen]


def read_frames(paths: Iterable[Path], size: tuple[int, int], color: str) -> list[Pixels]:
    """The pictures as frames of `size` (height, width), scaled to cover it and cut to fit."""
    if not 0 < min(size) <= max(size) <= LARGEST_SIDE:
        raise UsageError(f"there is no frame of {size[0]}x{size[1]}", f"sides are 1 to {LARGEST_SIDE} pixels")
    return [_ordered(fitted(read_image(path), size), color) for path in paths]


def fitted(picture: Pixels, size: tuple[int, int]) -> Pixels:
    """The picture scaled to cover a size (height, width) and cut to fit."""
    if picture.shape[:2] == size:
        return picture
    return np.asarray(ImageOps.fit(Image.fromarray(picture), size[::-1], Image.Resampling.BILINEAR))


def _ordered(picture: Pixels, color: str) -> Pixels:
    return np.ascontiguousarray(picture if color == "bgr" else picture[..., ::-1])
