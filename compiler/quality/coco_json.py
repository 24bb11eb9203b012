"""Labels as one COCO JSON file: `images`, `annotations` with xywh boxes in pixels, `categories`."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from zcc.compiler.quality.coco_shapes import SHAPES
from zcc.compiler.quality.labelled_scene import LabelledScene
from zcc.runtime import limits
from zcc.runtime.errors import DatasetError
from zcc.runtime.manifest import TaskInfo
from zcc.runtime.regular import read_text

DETECTION = TaskInfo()


def read_scenes(
    path: Path, task: TaskInfo = DETECTION
) -> tuple[tuple[LabelledScene, ...], tuple[str, ...], tuple[int, ...]]:
    """Every picture the file lists with its boxes, and the classes' names and ids in the order of the ids."""
    try:
        document = json.loads(read_text(path, limits.LABELS, "utf-8-sig"))
        categories = sorted(document["categories"], key=lambda category: int(category["id"]))
        classes = {category["id"]: number for number, category in enumerate(categories)}
        annotations = defaultdict(list)
        for annotation in document["annotations"]:
            annotations[annotation["image_id"]].append(annotation)
        _refuse_strays(annotations.keys() - {image["id"] for image in document["images"]}, path)
        scenes = tuple(
            replace(
                _scene(_find(path.parent, image["file_name"]), annotations[image["id"]], classes, path, task),
                image_id=image["id"],
            )
            for image in document["images"]
        )
        ids = tuple(int(category["id"]) for category in categories)
        return scenes, tuple(str(category["name"]) for category in categories), ids
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror})") from error
    except KeyError as error:
        raise DatasetError(f"{path} is not a COCO detection file: {error} is missing") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise DatasetError(f"{path} is not a COCO detection file ({error})") from error


def _refuse_strays(strays: set[Any], path: Path) -> None:
    if strays:
        raise DatasetError(f"{path} labels image {min(strays, key=str)}, which its list of images lacks")


def _find(folder: Path, name: str) -> Path:
    """The picture: in `images/` beside the file or beside its folder, or where the file itself lies."""
    for candidate in (folder / "images" / name, folder / name, folder.parent / "images" / name):
        if candidate.is_file():
            return candidate
    raise DatasetError(f"{name} is listed in the COCO file, but not in {folder / 'images'}", "add the picture")


def _scene(
    image: Path,
    annotations: Sequence[Mapping[str, Any]],
    classes: Mapping[Any, int],
    source: Path,
    task: TaskInfo,
) -> LabelledScene:
    rows = np.asarray([each["bbox"] for each in annotations], np.float64).reshape(len(annotations), 4)
    if not (np.isfinite(rows).all() and (rows[:, 2:] >= 0).all()):
        raise DatasetError(f"{source} gives {image.name} a box that is none", "bbox is x, y, width, height")
    for each in annotations:
        if each["category_id"] not in classes:
            raise DatasetError(f"{source} labels {image.name} with unknown category {each['category_id']}")
    return LabelledScene(
        path=image,
        boxes=np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:]], axis=1),
        classes=np.array([classes[each["category_id"]] for each in annotations], np.int64),
        crowd=np.array([bool(each.get("iscrowd", 0)) for each in annotations], bool),
        shapes=SHAPES[task.name](annotations, image, f"{source}, {image.name}", task),
    )
