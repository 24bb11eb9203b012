"""A classifier's input is what torchvision makes of a picture: resized by Pillow, the middle cut out."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.compiler.backends.cpu.frame import yuv
from tests.compiler.backends.cpu.frame.harness import HOST, NARROW, Machine, preprocess
from tests.runtime.samples import noise
from zcc.runtime.manifest import InputSpec

SIZES = [(64, 64), (480, 640), (33, 70), (17, 15), (300, 1001), (1, 5), (700, 64)]


def cut(rgb: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Resize(short side) and CenterCrop; an input that is no square is filled."""
    image = Image.fromarray(np.ascontiguousarray(rgb))
    across, down = image.size
    if height == width:
        size = (width, int(width * down / across)) if across < down else (int(width * across / down), height)
    else:
        size = (width, height)
    image = image.resize(size, Image.Resampling.BILINEAR)
    left, top = (round((whole - part) / 2) for whole, part in zip(image.size, (width, height), strict=True))
    return np.asarray(image.crop((left, top, left + width, top + height)))


def frame(size: tuple[int, int]) -> NDArray[np.uint8]:
    """A frame of noise, soft where it is large enough."""
    pixels = noise(*size)
    return cv2.GaussianBlur(pixels, (0, 0), 2).astype(np.uint8) if min(size) > 100 else pixels


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("input_size", "color", "machine"), [((64, 64), "bgr", HOST), ((40, 72), "rgb", HOST), ((64, 64), "rgb", NARROW)]
)
def test_within_a_grey_level(size: tuple[int, int], input_size: tuple[int, int], color: str, machine: Machine) -> None:
    pixels = frame(size)
    made = preprocess(InputSpec(*input_size, color, "crop"), machine)(pixels)
    wanted = cut(pixels[..., ::-1] if color == "bgr" else pixels, *input_size)
    assert np.abs(np.round(made * 255) - wanted.transpose(2, 0, 1)).max() <= 1


@pytest.mark.parametrize("name", ["nv12", "i420", "gray"])
def test_every_format(name: str) -> None:
    buffer = yuv.noise(name, 200, 300)
    made = preprocess(InputSpec(64, 64, "bgr", "crop"), HOST, "float32", name)(*yuv.planes(name, buffer))
    wanted = cut(yuv.as_bgr(name, buffer)[..., ::-1], 64, 64)
    assert np.abs(np.round(made * 255) - wanted.transpose(2, 0, 1)).max() <= 1
