"""The pictures that detectors are compared on, with labels or without."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.frontend.images import SUFFIXES, image_size, read_image
from zcc.compiler.quality.class_names import read_text
from zcc.compiler.quality.coco_map import Labels
from zcc.compiler.quality.dataset import DETECTION, jsons_in, load_dataset
from zcc.compiler.quality.yolo_txt import label_files
from zcc.runtime.errors import DatasetError
from zcc.runtime.manifest import TaskInfo, file_sha256

MOST_KEPT = 512 << 20  # bytes
MOST_OF_A_BOX = 6  # numbers in a line of text: class, place, size, and a confidence that some write

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Pictures:
    """Frames, BGR, that can be gone through any number of times, and what is in them where someone says so."""

    place: str  # where they come from, for people
    frames: Iterable[Pixels]
    count: int
    digest: str  # of the pictures
    labels: Sequence[Labels] | None = None
    classes: Sequence[str] = ()  # names of what is labelled
    names: Sequence[str] = ()  # of the pictures, in their order, where they have some
    category_ids: Mapping[int, int] = field(default_factory=dict)  # of a COCO json, by class number
    assumed: str | None = None  # what had to be taken for granted about the labels


class Album:
    """Picture files as frames. Those that fit into memory are decoded once, the others every time."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = tuple(paths)
        self._kept: dict[Path, Pixels] = {}
        self._room = MOST_KEPT

    def __len__(self) -> int:
        """How many."""
        return len(self._paths)

    @property
    def digest(self) -> str:
        """The hash of all files, in order."""
        digest = hashlib.sha256()
        for path in self._paths:
            digest.update(file_sha256(path).encode())
        return f"sha256:{digest.hexdigest()}"

    @property
    def names(self) -> list[str]:
        """What the files are called."""
        return [str(path) for path in self._paths]

    def __iter__(self) -> Iterator[Pixels]:
        """The frames in the order of their files."""
        return map(self._frame, self._paths)

    def _frame(self, path: Path) -> Pixels:
        if path in self._kept:
            return self._kept[path]
        frame = read_image(path)
        if frame.nbytes <= self._room:
            self._room -= frame.nbytes
            self._kept[path] = frame
        return frame


def labelled_pictures(path: Path, names: Sequence[str], task: TaskInfo = DETECTION) -> Pictures:
    """A folder with labels of a task, its classes numbered as in a model whose classes have these names."""
    dataset = load_dataset(path, task).numbered_as(names)
    dataset.need_labels()
    album = Album(scene.path for scene in dataset.scenes)
    place = path.name or str(path)
    labels = dataset.scenes, dataset.classes
    return Pictures(place, album, len(album), album.digest, *labels, album.names, dataset.category_ids, dataset.assumed)


def load_pictures(path: Path, names: Sequence[str], task: TaskInfo = DETECTION) -> Pictures:
    """A labelled folder or COCO json, or the pictures of a folder that holds neither labels nor a json."""
    if _is_labelled(path) or (task.name == "classify" and _has_folders(path)):
        return labelled_pictures(path, names, task)
    album = Album(_unlabelled(path))
    return Pictures(path.name or str(path), album, len(album), album.digest, names=album.names)


def check_pictures(path: Path) -> None:
    """Raise what `load_pictures` would, whatever the classes are called, as far as that is no matter of the task."""
    if _is_labelled(path):
        if not _is_of_another_task(path):
            load_dataset(path).need_labels()
    elif not _has_folders(path):  # of classes, perhaps
        for picture in _unlabelled(path):
            image_size(picture)


def _is_of_another_task(path: Path) -> bool:
    """Whether the first label has more numbers than a box: what they should be, the model will say."""
    for file in sorted(label_files(path)):
        line = next((line for line in read_text(file).splitlines() if line.strip()), None)
        if line is not None:
            return len(line.split()) > MOST_OF_A_BOX
    return False


def _is_labelled(path: Path) -> bool:
    return not path.is_dir() or (path / "labels").is_dir() or bool(jsons_in(path))


def _has_folders(path: Path) -> bool:
    return path.is_dir() and not (path / "images").is_dir() and any(each.is_dir() for each in path.iterdir())


def _unlabelled(path: Path) -> list[Path]:
    place = path / "images" if (path / "images").is_dir() else path
    found = sorted(file for file in place.iterdir() if file.suffix.lower() in SUFFIXES)
    if not found:
        raise DatasetError(f"{place} holds no pictures", f"put some there: {', '.join(sorted(SUFFIXES))}")
    return found
