"""Image files as the pixels a detector is given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from zcc.runtime import limits
from zcc.runtime.errors import DatasetError
from zcc.runtime.feeds.pictures import PILLOW_FORMATS, SMALLER
from zcc.runtime.regular import open_regular

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})

_SIDEWAYS = frozenset({5, 6, 7, 8})  # EXIF orientations that swap height and width
_EXIF_ORIENTATION = 0x0112
# What Pillow raises on damaged files depends on the format's plugin.
_DAMAGE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


def read_image(path: Path) -> NDArray[np.uint8]:
    """The picture as uint8 (H, W, 3) BGR, turned as its EXIF says."""
    try:
        with open_regular(path) as file, Image.open(file, formats=PILLOW_FORMATS) as image:
            _refuse_deep(path, image)
            _refuse_large(path, image)
            upright = ImageOps.exif_transpose(image)
            return np.ascontiguousarray(np.asarray(upright.convert("RGB"))[..., ::-1])
    except _DAMAGE as error:
        raise _unreadable(path, error) from error


def image_size(path: Path) -> tuple[int, int]:
    """Width and height as `read_image` will give them, from the header alone."""
    try:
        with open_regular(path) as file, Image.open(file, formats=PILLOW_FORMATS) as image:
            _refuse_deep(path, image)
            _refuse_large(path, image)
            sideways = image.getexif().get(_EXIF_ORIENTATION) in _SIDEWAYS
            return (image.height, image.width) if sideways else (image.width, image.height)
    except _DAMAGE as error:
        raise _unreadable(path, error) from error


def _refuse_deep(path: Path, image: Image.Image) -> None:
    # Pillow turns these into bytes by clipping, which leaves a white picture.
    if image.mode.startswith(("I", "F")):
        raise DatasetError(f"{path} has more than 8 bits per channel", "convert it to 8 bits")


def _refuse_large(path: Path, image: Image.Image) -> None:
    if image.width * image.height > limits.PICTURE_PIXELS:
        raise DatasetError(f"{path} has {image.width}x{image.height} pixels, which is too large", SMALLER)


def _unreadable(path: Path, error: Exception) -> DatasetError:
    if isinstance(error, UnidentifiedImageError):
        return DatasetError(f"{path} is not an image", "give a JPEG, PNG, WebP, BMP or TIFF")
    if isinstance(error, Image.DecompressionBombError):
        return DatasetError(f"{path} has too many pixels", SMALLER)
    if isinstance(error, OSError) and error.strerror:
        return DatasetError(f"{path} cannot be read ({error.strerror})", "check the path")
    return DatasetError(f"{path} is a damaged image ({error})", "fetch it again")
