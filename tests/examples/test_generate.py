"""A generated folder says the same as the scenes it was generated from."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from examples.shapes.generate import write_scenes
from examples.shapes.outlines import CLASSES
from examples.shapes.scenes import make_scene
from zcc.compiler.quality.dataset import load_dataset


def test_the_folder_holds_the_scenes(tmp_path: Path) -> None:
    write_scenes(tmp_path, count=6, seed=4)
    dataset = load_dataset(tmp_path)
    assert dataset.classes == CLASSES
    for index, read in enumerate(dataset.scenes):
        scene = make_scene(4, index)
        np.testing.assert_allclose(read.boxes, scene.boxes, atol=2e-3)
        assert read.classes.tolist() == scene.classes.tolist()
        smooth = [cv2.blur(image, (9, 9)).astype(int) for image in (read.image()[..., ::-1], scene.image)]
        assert np.abs(smooth[0] - smooth[1]).mean() < 2  # JPEG loses some of the noise, no more
