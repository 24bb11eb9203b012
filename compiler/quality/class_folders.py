"""Labels of whole pictures: a folder for each class, with the pictures of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from zcc.compiler.frontend.images import SUFFIXES
from zcc.compiler.quality.labelled_scene import LabelledScene
from zcc.runtime.errors import DatasetError

WHOLE = np.array([[0.0, 0.0, 1.0, 1.0]])  # the box of a class that a whole picture shows
SPLITS = ("val", "test")  # folders of class folders, the first that is there


def read_scenes(folder: Path) -> tuple[tuple[LabelledScene, ...], tuple[str, ...]]:
    """Every picture with its class, and the names of the classes in order."""
    place = next((folder / split for split in SPLITS if (folder / split).is_dir()), folder)
    folders = sorted(path for path in place.iterdir() if path.is_dir())
    scenes = tuple(
        LabelledScene(picture, WHOLE, np.array([number], np.int64), np.zeros(1, bool))
        for number, each in enumerate(folders)
        for picture in sorted(each.iterdir())
        if picture.suffix.lower() in SUFFIXES
    )
    if not scenes:
        problem = f"{folder} holds no folders of pictures, one for each class"
        raise DatasetError(problem, "classifiers are measured on such: DIR/CLASS/PICTURE, or DIR/val/CLASS/PICTURE")
    return scenes, tuple(each.name for each in folders)
