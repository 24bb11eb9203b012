"""Drawn detections, judged by the pixels."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from zcc.commands.drawing import class_color, save_drawing, text_color
from zcc.commands.label_places import place_labels

RANDOM = np.random.default_rng(20)
PIXELS = RANDOM.integers(0, 256, (24, 40, 3), dtype=np.uint8)


def detections(*rows: tuple[float, float, float, float]) -> Any:
    """Detections of classes 0, 1, … at the given boxes, in falling score."""
    return SimpleNamespace(
        boxes=np.array(rows, np.float32).reshape(-1, 4),
        scores=np.linspace(1, 0.1, len(rows), dtype=np.float32),
        classes=np.arange(len(rows), dtype=np.int32),
    )


@pytest.mark.parametrize("level", [0, 60, 128, 200, 255])
def test_a_box_is_seen_on_any_background(tmp_path: Path, level: int) -> None:
    frame = np.full((240, 320, 3), level, np.uint8)
    save_drawing(frame, detections((60, 80, 200, 180)), ["thing"], tmp_path / "out.jpg")
    drawn = np.asarray(Image.open(tmp_path / "out.jpg")).astype(int)
    edge = drawn[120, 54:70]
    assert np.abs(edge - level).max() > 100
    assert np.abs(drawn[120, 120:180] - level).max() < 16, "the inside stays as it was"


def test_a_box_on_its_own_colour_has_a_rim(tmp_path: Path) -> None:
    frame = np.tile(np.array(class_color(0), np.uint8), (200, 200, 1))
    save_drawing(frame[..., ::-1], detections((60, 60, 140, 140)), ["thing"], tmp_path / "out.png")
    row = np.asarray(Image.open(tmp_path / "out.png"))[100]
    assert (row.sum(axis=1) == 0).sum() >= 2


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (300, 7), (64, 64)])
def test_labels_stay_inside_pictures_of_any_size(tmp_path: Path, size: tuple[int, int]) -> None:
    height, width = size
    boxes = [(0, 0, width, height), (width - 1, height - 1, width, height), (0, 0, 0, 0)]
    frame = np.zeros((height, width, 3), np.uint8)
    save_drawing(frame, detections(*boxes), ["a long name", "b", "c"], tmp_path / "out.jpg")
    assert Image.open(tmp_path / "out.jpg").size == (width, height)


def test_no_detection_leaves_the_picture_alone(tmp_path: Path) -> None:
    save_drawing(PIXELS[..., ::-1], detections(), [], tmp_path / "out.png")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out.png")), PIXELS)


def test_neighbouring_classes_have_colours_apart() -> None:
    colors = np.array([class_color(number) for number in range(12)], int)
    distances = np.abs(colors[1:] - colors[:-1]).sum(axis=1)
    assert distances.min() > 150


def test_labels_do_not_hide_each_other_where_there_is_room() -> None:
    """Boxes whose labels would all lie on each other if each stood above its own."""
    boxes = [(100.0, 100.0 + 4 * step, 180.0, 300.0 + 4 * step) for step in range(4)]
    places = place_labels(boxes, [(70, 20)] * 4, (400, 400))
    for number, one in enumerate(places):
        assert 0 <= one[0] < one[2] <= 400 and 0 <= one[1] < one[3] <= 400
        for other in places[:number]:
            width, height = min(one[2], other[2]) - max(one[0], other[0]), min(one[3], other[3]) - max(one[1], other[1])
            assert width <= 0 or height <= 0


@pytest.mark.parametrize("number", range(40))
def test_letters_stand_out_from_every_class_s_colour(number: int) -> None:
    """WCAG's AA for large letters, by its own formula."""

    def luminance(color: tuple[int, int, int]) -> float:
        parts = [c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in color]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    dark, light = sorted((luminance(class_color(number)), luminance(text_color(class_color(number)))))
    assert (light + 0.05) / (dark + 0.05) >= 4.5
