"""A labelled folder, in either of the two formats people have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from zcc.compiler.quality import class_folders, coco_json, yolo_txt
from zcc.compiler.quality.class_names import find_names
from zcc.compiler.quality.labelled_scene import LabelledScene
from zcc.compiler.quality.numbering import Numbering
from zcc.runtime.errors import DatasetError
from zcc.runtime.manifest import TaskInfo

DETECTION = TaskInfo()
_LAYOUT = "it needs images/ and labels/ (YOLO text), or a COCO json"


@dataclass(frozen=True)
class Dataset:
    """Labelled pictures; `classes` are the names their class numbers stand for, where the folder tells."""

    folder: Path
    scenes: tuple[LabelledScene, ...]
    classes: tuple[str, ...]
    category_ids: Mapping[int, int] = field(default_factory=dict)  # of a COCO json, by class number
    assumed: str | None = None  # what had to be taken for granted when they were numbered

    def need_labels(self) -> None:
        """Refuse pictures without a single label."""
        if not any((~scene.crowd).any() for scene in self.scenes):
            raise DatasetError(f"{self.folder} labels nothing, so accuracy has no meaning there")

    def numbered_as(self, names: Sequence[str]) -> Dataset:
        """The same labels with the class numbers of a model whose classes have these names."""
        used = np.unique(np.concatenate([np.zeros(0, np.int64), *(scene.classes for scene in self.scenes)]))
        numbers = Numbering(self.folder, self.classes, tuple(names))
        renumber = {int(kind): numbers.of(int(kind)) for kind in used}
        lookup = np.zeros(max(renumber, default=0) + 1, np.int64)
        for kind, number in renumber.items():
            lookup[kind] = number
        scenes = tuple(replace(scene, classes=lookup[scene.classes]) for scene in self.scenes)
        ids = {renumber[kind]: number for kind, number in self.category_ids.items() if kind in renumber}
        return Dataset(self.folder, scenes, tuple(names), ids, numbers.assumed)


def load_dataset(path: Path, task: TaskInfo = DETECTION) -> Dataset:
    """Read a folder with `images/` and `labels/`, one with a COCO json, or such a json itself, with labels of a task.

    Classifiers have a folder for each class.
    """
    if task.name == "classify" and path.is_dir():
        return Dataset(path, *class_folders.read_scenes(path))
    if path.is_file():
        scenes, names, ids = coco_json.read_scenes(path, task)
    elif (path / "images").is_dir() and (path / "labels").is_dir():
        scenes, names, ids = yolo_txt.read_scenes(path, task), find_names(path), ()
    elif path.is_dir():
        scenes, names, ids = coco_json.read_scenes(_only_json(path), task)
    else:
        raise DatasetError(f"there is no folder {path}", _LAYOUT)
    if not scenes:
        raise DatasetError(f"{path} holds no pictures", _LAYOUT)
    return Dataset(path, scenes, names, dict(enumerate(ids)))


def jsons_in(folder: Path) -> list[Path]:
    """The files of a folder that may hold COCO labels."""
    return sorted([*folder.glob("*.json"), *folder.glob("annotations/*.json")])


def _only_json(folder: Path) -> Path:
    found = jsons_in(folder)
    if not found:
        raise DatasetError(f"{folder} is not a labelled folder", _LAYOUT)
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise DatasetError(f"{folder} holds several json files ({names})", "give the path of the one to use")
    return found[0]
