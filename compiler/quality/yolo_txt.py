"""Labels as YOLO text: a folder `labels/` beside `images/`, a line for each object, in 0..1.

What stands behind the class depends on the task; see label_forms.py.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from zcc.compiler.frontend.images import SUFFIXES, image_size
from zcc.compiler.quality.class_names import TEXT, read_text
from zcc.compiler.quality.label_forms import LABEL_FORMS, LabelForm
from zcc.compiler.quality.labelled_scene import LabelledScene
from zcc.runtime.errors import DatasetError
from zcc.runtime.manifest import TaskInfo

DETECTION = TaskInfo()
_SLACK = 1e-3  # exporters round; a box may stick out by that much


def read_scenes(folder: Path, task: TaskInfo = DETECTION) -> tuple[LabelledScene, ...]:
    """Every picture of the folder with its boxes; a picture without a label file has none."""
    images = _by_stem(folder / "images")
    labels = {path.stem: path for path in label_files(folder)}
    for stem in sorted(labels.keys() - images.keys()):
        raise DatasetError(f"{labels[stem]} has no picture in {folder / 'images'}", "add it or remove the label file")
    return tuple(_scene(image, labels.get(stem), task) for stem, image in images.items())


def label_files(folder: Path) -> list[Path]:
    """The files with labels; the names of classes may lie among them."""
    return [path for path in (folder / "labels").glob("*.txt") if path.name != TEXT]


def _by_stem(folder: Path) -> dict[str, Path]:
    images: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in SUFFIXES:
            continue
        if path.stem in images:
            raise DatasetError(f"{path} and {images[path.stem].name} share one label file", "rename one of them")
        images[path.stem] = path
    return images


def _scene(image: Path, label: Path | None, task: TaskInfo) -> LabelledScene:
    form = LABEL_FORMS[task.name](task)
    rows = [
        _row(line.split(), form, f"{label}:{number}")
        for number, line in enumerate(read_text(label).splitlines() if label else (), start=1)
        if line.strip()
    ]
    size = np.array(image_size(image), np.float64)
    boxes, shapes = form.read([values for _, values in rows], size)
    return LabelledScene(
        path=image,
        boxes=np.clip(boxes, 0, np.tile(size, 2)),
        classes=np.array([kind for kind, _ in rows], np.int64),
        crowd=np.zeros(len(rows), bool),
        shapes=shapes,
    )


def _row(words: list[str], form: LabelForm, where: str) -> tuple[int, list[float]]:
    if not form.takes(len(words) - 1):
        raise DatasetError(f"{where} has {len(words)} values", f"each line of a {form.what} is: class {form.layout}")
    try:
        kind, *place = (float(word) for word in words)
    except ValueError as error:
        raise DatasetError(f"{where} holds something that is no number ({error})") from error
    if not (kind >= 0 and kind.is_integer()):
        raise DatasetError(f"{where} names class {words[0]}", "classes are whole numbers from 0")
    if not all(-_SLACK <= value <= 1 + _SLACK for value in form.places(place)):
        raise DatasetError(f"{where} lies outside the picture", f"{form.layout} are parts of its sides, 0 to 1")
    if form.is_empty(place):
        raise DatasetError(f"{where} is a {form.thing} without width or height", "remove it")
    return int(kind), place
