"""Pictures in and out, against Pillow's own decoding and by looking at pixels."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from zcc.cli.images import class_color, read_frame, save_drawing
from zcc.runtime.errors import DatasetError

RANDOM = np.random.default_rng(20)
PIXELS = RANDOM.integers(0, 256, (24, 40, 3), dtype=np.uint8)


def detections(*rows: tuple[float, float, float, float]) -> Any:
    """Detections of classes 0, 1, … at the given boxes, in falling score."""
    return SimpleNamespace(
        boxes=np.array(rows, np.float32).reshape(-1, 4),
        scores=np.linspace(1, 0.1, len(rows), dtype=np.float32),
        classes=np.arange(len(rows), dtype=np.int32),
    )


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "ppm"])
def test_lossless_files_come_back_to_the_bit(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"picture.{suffix}"
    Image.fromarray(PIXELS).save(path)
    assert np.array_equal(read_frame(path, "rgb"), PIXELS)
    frame = read_frame(path, "bgr")
    assert np.array_equal(frame[..., ::-1], PIXELS)
    assert frame.flags.c_contiguous
    assert frame.dtype == np.uint8


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "LA", "CMYK", "I;16", "F"])
def test_every_kind_of_pixel_becomes_three_bytes(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "picture.tiff"
    gray = Image.fromarray(PIXELS[..., 0])
    image = Image.fromarray(PIXELS[..., 0].astype(np.uint16)) if mode == "I;16" else gray.convert(mode)
    image.save(path)
    assert read_frame(path, "bgr").shape == PIXELS.shape


def test_a_photo_taken_on_its_side_stands_up(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by 90 degrees
    Image.fromarray(PIXELS).save(path, exif=exif)
    assert np.array_equal(read_frame(path, "rgb"), np.rot90(PIXELS, -1))


def test_what_is_no_image_is_named(tmp_path: Path) -> None:
    text, empty, cut = (tmp_path / name for name in ("text.jpg", "empty.jpg", "cut.jpg"))
    text.write_text("not a picture")
    empty.write_bytes(b"")
    Image.fromarray(RANDOM.integers(0, 256, (200, 200, 3), dtype=np.uint8)).save(cut)
    cut.write_bytes(cut.read_bytes()[:3000])
    for path in (text, empty, cut):
        with pytest.raises(DatasetError, match=path.name):
            read_frame(path, "bgr")
    for path in (tmp_path, tmp_path / "absent.jpg"):
        with pytest.raises(OSError, match=path.name):
            read_frame(path, "bgr")


@pytest.mark.parametrize("level", [0, 60, 128, 200, 255])
def test_a_box_is_seen_on_any_background(tmp_path: Path, level: int) -> None:
    frame = np.full((240, 320, 3), level, np.uint8)
    save_drawing(frame, "bgr", detections((60, 80, 200, 180)), ["thing"], tmp_path / "out.jpg")
    drawn = np.asarray(Image.open(tmp_path / "out.jpg")).astype(int)
    edge = drawn[120, 54:70]
    assert np.abs(edge - level).max() > 100
    assert np.abs(drawn[120, 120:180] - level).max() < 16, "the inside stays as it was"


def test_a_box_on_its_own_colour_has_a_rim(tmp_path: Path) -> None:
    frame = np.tile(np.array(class_color(0), np.uint8), (200, 200, 1))
    save_drawing(frame, "rgb", detections((60, 60, 140, 140)), ["thing"], tmp_path / "out.png")
    row = np.asarray(Image.open(tmp_path / "out.png"))[100]
    assert (row.sum(axis=1) == 0).sum() >= 2


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (300, 7), (64, 64)])
def test_labels_stay_inside_pictures_of_any_size(tmp_path: Path, size: tuple[int, int]) -> None:
    height, width = size
    boxes = [(0, 0, width, height), (width - 1, height - 1, width, height), (0, 0, 0, 0)]
    frame = np.zeros((height, width, 3), np.uint8)
    save_drawing(frame, "bgr", detections(*boxes), ["a long name", "b", "c"], tmp_path / "out.jpg")
    assert Image.open(tmp_path / "out.jpg").size == (width, height)


def test_no_detection_leaves_the_picture_alone(tmp_path: Path) -> None:
    save_drawing(PIXELS, "rgb", detections(), [], tmp_path / "out.png")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out.png")), PIXELS)


def test_neighbouring_classes_have_colours_apart() -> None:
    colors = np.array([class_color(number) for number in range(12)], int)
    distances = np.abs(colors[1:] - colors[:-1]).sum(axis=1)
    assert distances.min() > 150
