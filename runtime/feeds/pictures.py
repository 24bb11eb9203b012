"""Picture files as frames, through whichever decoder is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from zcc.runtime import limits
from zcc.runtime.errors import FrameError, InputError
from zcc.runtime.feeds.packages import OPENCV, PILLOW, installed, opencv
from zcc.runtime.feeds.shot import Feed, Shot
from zcc.runtime.frame import Pixels
from zcc.runtime.regular import open_regular, read_regular

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
# What files of these formats begin with, whatever their names.
MARKS = (b"\xff\xd8\xff", b"\x89PNG", b"BM", b"RIFF", b"II*\0", b"MM\0*")
FORMATS = "give a JPEG, PNG, WebP, BMP or TIFF"
PILLOW_FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF")  # of others, some are handed to other programs
SMALLER = f"give a picture of at most {limits.PICTURE_PIXELS // 1_000_000} million pixels"


def is_picture(path: Path) -> bool:
    """Whether a file says, by its name or its first bytes, that it is a picture."""
    if path.suffix.lower() in SUFFIXES:
        return True
    try:
        with open_regular(path) as file:
            begin = file.read(12)
    except OSError as error:
        raise FrameError(f"{path} cannot be read ({error.strerror})", "check the path") from error
    return looks_like_picture(begin)


def read_picture(path: Path, color: str = "bgr") -> Pixels:
    """The picture as uint8 (H, W, 3), turned as its EXIF says, its channels in the order of `color`."""
    try:
        encoded = read_regular(path, limits.PICTURE)
    except OSError as error:
        raise FrameError(f"{path} cannot be read ({error.strerror})", "check the path") from error
    return decode_picture(encoded, str(path), color)


def decode_picture(encoded: bytes, name: str, color: str = "bgr") -> Pixels:
    """The same of a file's bytes; `name` is what errors call it."""
    for package, decode in DECODERS.items():
        if installed(package):
            pixels = decode(encoded, name)
            return pixels if color == "bgr" else np.ascontiguousarray(pixels[..., ::-1])
    raise InputError("no decoder for pictures is installed", "pip install pillow, or opencv-python-headless")


def looks_like_picture(begin: bytes) -> bool:
    """Whether these are the first bytes of a picture, of a dozen at least."""
    return begin.startswith(MARKS) and (not begin.startswith(b"RIFF") or begin[8:12] == b"WEBP")


def pictures(paths: Iterable[Path], color: str) -> Feed:
    """The pictures in the order of their paths, each decoded when its turn comes."""
    return (Shot(read_picture(path, color), str(path)) for path in paths)


def pictures_in(path: Path) -> list[Path]:
    """The pictures of a folder, by name; an InputError where there are none."""
    found = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)
    if not found:
        raise InputError(f"{path} holds no pictures", f"put some there: {', '.join(sorted(SUFFIXES))}")
    return found


def folder(path: Path, color: str) -> Feed:
    """The frames of a folder's pictures, by name."""
    return pictures(pictures_in(path), color)


def _with_pillow(encoded: bytes, name: str) -> Pixels:
    image, operations = import_module("PIL.Image"), import_module("PIL.ImageOps")
    # What Pillow raises on damaged files depends on the format's plugin.
    damage = (OSError, SyntaxError, ValueError)
    try:
        with image.open(BytesIO(encoded), formats=PILLOW_FORMATS) as opened:
            if opened.mode.startswith(("I", "F")):  # these become bytes by clipping, which leaves a white picture
                raise FrameError(f"{name} has more than 8 bits per channel", "convert it to 8 bits")
            if opened.width * opened.height > limits.PICTURE_PIXELS:
                raise FrameError(f"{name} has {opened.width}x{opened.height} pixels, which is too large", SMALLER)
            operations.exif_transpose(opened, in_place=True)
            return _bgr(opened if opened.mode == "RGB" else opened.convert("RGB"))
    except import_module("PIL").UnidentifiedImageError as error:
        raise FrameError(f"{name} is not an image", FORMATS) from error
    except image.DecompressionBombError as error:
        raise FrameError(f"{name} has too many pixels", SMALLER) from error
    except damage as error:
        raise FrameError(f"{name} is a damaged image ({error})", "fetch it again") from error


def _bgr(picture: Any) -> Pixels:
    """The pixels of Pillow's RGB picture, turned around by its own copying out: numpy takes twice as long."""
    pixels = np.frombuffer(bytearray(picture.tobytes("raw", "BGR")), np.uint8)
    return pixels.reshape(picture.height, picture.width, 3)


def _with_opencv(encoded: bytes, name: str) -> Pixels:
    cv2 = opencv("reading pictures")
    try:
        pixels: Pixels | None = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR) if encoded else None
    except cv2.error as error:  # of what is damaged it makes nothing; this is its limit of pixels
        raise FrameError(f"{name} has too many pixels", SMALLER) from error
    if pixels is None:
        raise FrameError(f"{name} is not an image, or a damaged one", FORMATS)
    return pixels


# Package -> what decodes a file's bytes with it, into BGR; the first that is installed is taken.
DECODERS: Mapping[str, Callable[[bytes, str], Pixels]] = {PILLOW: _with_pillow, OPENCV: _with_opencv}
