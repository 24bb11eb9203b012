"""Scenes are the same every time, and their labels are what the pixels show."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from examples.shapes.outlines import CLASSES, rasterize
from examples.shapes.scenes import MIN_VISIBLE, Scene, make_scene

SEED = 31_337
COUNT = 40
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [make_scene(SEED, index) for index in range(COUNT)]


def digest(scene: Scene) -> str:
    parts = (scene.image, scene.boxes, scene.classes)
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


def test_another_process_draws_the_same_scene(scenes: list[Scene]) -> None:
    program = (
        "from tests.examples.test_scenes import digest, make_scene\n"
        f"print(*(digest(make_scene({SEED}, index)) for index in range(3)))"
    )
    there = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert there.stdout.split() == [digest(scene) for scene in scenes[:3]]


def test_scenes_differ_by_index_and_by_seed(scenes: list[Scene]) -> None:
    assert len({digest(scene) for scene in [*scenes, make_scene(SEED + 1, 0)]}) == COUNT + 1


def test_quiet_and_crowded_scenes_of_several_sizes_and_all_classes(scenes: list[Scene]) -> None:
    counts = [len(scene.boxes) for scene in scenes]
    assert min(counts) <= 1
    assert max(counts) >= 25
    assert len({scene.image.shape for scene in scenes}) >= 5
    assert set(np.concatenate([scene.classes for scene in scenes])) == set(range(len(CLASSES)))


def test_boxes_lie_within_the_frame_and_have_area(scenes: list[Scene]) -> None:
    for scene in scenes:
        height, width = scene.image.shape[:2]
        assert (scene.boxes >= 0).all()
        assert (scene.boxes <= [width, height, width, height]).all()
        assert ((scene.boxes[:, 2:] - scene.boxes[:, :2]) > 4).all()
        assert len(scene.boxes) == len(scene.classes) == len(scene.shapes)


def owners(scene: Scene) -> NDArray[np.int64]:
    """Which shape is on top at each pixel, drawn anew from the list of shapes; -1 for background."""
    owner = np.full(scene.image.shape[:2], -1)
    for number, shape in enumerate(scene.shapes):
        left, top, mask = rasterize(shape)
        rows, columns = np.nonzero(mask > 0.5)
        rows, columns = rows + top, columns + left
        seen = (rows >= 0) & (rows < owner.shape[0]) & (columns >= 0) & (columns < owner.shape[1])
        owner[rows[seen], columns[seen]] = number
    return owner


def visible_parts(scene: Scene) -> NDArray[np.float64]:
    """How much of each shape is in the frame and on top, as a part of the whole shape."""
    areas = [(rasterize(shape)[2] > 0.5).sum() for shape in scene.shapes]
    owner = owners(scene)
    return np.bincount(owner[owner >= 0], minlength=len(areas)) / areas


def test_enough_of_every_labelled_shape_can_be_seen_though_many_overlap(scenes: list[Scene]) -> None:
    parts = np.concatenate([visible_parts(scene) for scene in scenes if scene.shapes])
    assert parts.min() >= MIN_VISIBLE
    assert 0.1 < (parts < 0.95).mean() < 0.6


def test_the_picture_shows_a_shape_where_the_label_says(scenes: list[Scene]) -> None:
    """Just inside the outline another colour than just outside it, as good as always."""
    contrasts = [contrast for scene in scenes for contrast in edge_contrasts(scene)]
    assert len(contrasts) > 200
    assert np.mean(np.array(contrasts) > 25) > 0.9


def edge_contrasts(scene: Scene) -> Iterator[float]:
    """Distance of the median colours on both sides of each shape's outline, where enough of it is free."""
    owner, kernel = owners(scene), np.ones((3, 3), np.uint8)
    for number, shape in enumerate(scene.shapes):
        reach = int(shape.radius) + 8
        rows = slice(max(int(shape.y) - reach, 0), int(shape.y) + reach)
        columns = slice(max(int(shape.x) - reach, 0), int(shape.x) + reach)
        patch, around = scene.image[rows, columns], owner[rows, columns]
        mine = (around == number).astype(np.uint8)
        inside = cv2.erode(mine, kernel, iterations=3) > 0
        outside = (cv2.dilate(mine, kernel, iterations=5) > 0) & (cv2.dilate(mine, kernel, iterations=2) == 0)
        outside &= around == -1
        if min(inside.sum(), outside.sum()) >= 20:
            yield float(np.linalg.norm(np.median(patch[inside], axis=0) - np.median(patch[outside], axis=0)))
