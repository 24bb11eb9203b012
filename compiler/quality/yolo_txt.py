"""Labels as YOLO text: a folder `labels/` beside `images/`, a line `class x y w h` per box, in 0..1."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from zcc.compiler.frontend.images import SUFFIXES, image_size
from zcc.compiler.quality.class_names import TEXT, read_text
from zcc.compiler.quality.scene import Scene
from zcc.runtime.errors import DatasetError

_SLACK = 1e-3  # exporters round; a box may stick out by that much


def read_scenes(folder: Path) -> tuple[Scene, ...]:
    """Every picture of the folder with its boxes; a picture without a label file has none."""
    images = _by_stem(folder / "images")
    labels = {path.stem: path for path in (folder / "labels").glob("*.txt") if path.name != TEXT}
    for stem in sorted(labels.keys() - images.keys()):
        raise DatasetError(f"{labels[stem]} has no picture in {folder / 'images'}", "add it or remove the label file")
    return tuple(_scene(image, labels.get(stem)) for stem, image in images.items())


def _by_stem(folder: Path) -> dict[str, Path]:
    images: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in SUFFIXES:
            continue
        if path.stem in images:
            raise DatasetError(f"{path} and {images[path.stem].name} share one label file", "rename one of them")
        images[path.stem] = path
    return images


def _scene(image: Path, label: Path | None) -> Scene:
    rows = _rows(label) if label else np.zeros((0, 5))
    width, height = image_size(image)
    centers, halves = rows[:, 1:3], rows[:, 3:5] / 2
    boxes = np.concatenate([centers - halves, centers + halves], axis=1) * [width, height, width, height]
    return Scene(
        path=image,
        boxes=np.clip(boxes, 0, [width, height, width, height]),
        classes=rows[:, 0].astype(np.int64),
        crowd=np.zeros(len(rows), bool),
    )


def _rows(path: Path) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    rows = [
        _row(line.split(), f"{path}:{number}")
        for number, line in enumerate(read_text(path).splitlines(), start=1)
        if line.strip()
    ]
    return np.asarray(rows, np.float64).reshape(-1, 5)


def _row(words: list[str], where: str) -> list[float]:
    if len(words) != 5:
        raise DatasetError(f"{where} has {len(words)} values", "each line is: class x y w h")
    try:
        kind, *place = (float(word) for word in words)
    except ValueError as error:
        raise DatasetError(f"{where} holds something that is no number ({error})") from error
    if not (kind >= 0 and kind.is_integer()):
        raise DatasetError(f"{where} names class {words[0]}", "classes are whole numbers from 0")
    if not all(-_SLACK <= value <= 1 + _SLACK for value in place):
        raise DatasetError(f"{where} lies outside the picture", "x y w h are parts of its width and height, 0 to 1")
    if not (place[2] > 0 and place[3] > 0):
        raise DatasetError(f"{where} is a box without width or height", "remove it")
    return [kind, *place]
