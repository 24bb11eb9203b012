"""What a COCO json says of objects beside their boxes, task by task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.frontend.images import image_size
from zcc.compiler.quality.label_forms import filled
from zcc.compiler.quality.shapes.keypoints import KeypointShapes
from zcc.compiler.quality.shapes.masks import Mask, MaskShapes
from zcc.compiler.quality.shapes.rotated import RotatedShapes
from zcc.compiler.quality.shapes.shapes import Shapes
from zcc.runtime.errors import DatasetError
from zcc.runtime.manifest import TaskInfo
from zcc.runtime.tasks.outlines import unpacked

Objects = Sequence[Mapping[str, Any]]


def _boxes_alone(objects: Objects, image: Path, where: str, task: TaskInfo) -> None:
    return None


def _masks(objects: Objects, image: Path, where: str, task: TaskInfo) -> Shapes:
    width, height = image_size(image)
    return MaskShapes([Mask.of(_mask(_told(each, "segmentation", where), (height, width))) for each in objects])


def _mask(told: Any, size: tuple[int, int]) -> NDArray[np.bool_]:
    """A mask out of polygons, or out of run lengths as numbers or as text."""
    if isinstance(told, list):
        return filled([np.array(polygon, np.float64).reshape(-1, 2) for polygon in told], size)
    counts = told["counts"]
    lengths = unpacked(counts) if isinstance(counts, str) else [int(length) for length in counts]
    height, width = told["size"]
    inside = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
    return np.pad(inside, (0, height * width - len(inside))).reshape(width, height).T


def _keypoints(objects: Objects, image: Path, where: str, task: TaskInfo) -> Shapes:
    count = task.shape[0]
    told = [_told(each, "keypoints", where) for each in objects]
    for points in told:
        if len(points) != 3 * count:
            raise DatasetError(f"{where} has {len(points)} numbers for keypoints", f"the model has {count} of 3 each")
    rows = np.array([each["bbox"] for each in objects], np.float64).reshape(-1, 4)
    boxes = np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:]], axis=1)
    areas = (
        np.array([each["area"] for each in objects], np.float64) if all("area" in each for each in objects) else None
    )
    return KeypointShapes.of(np.array(told, np.float64).reshape(len(told), count, 3), boxes, areas)


def _rotated(objects: Objects, image: Path, where: str, task: TaskInfo) -> Shapes:
    """Four corners, told as the only polygon of an object."""
    told = [_told(each, "segmentation", where) for each in objects]
    for polygons in told:
        if not isinstance(polygons, list) or len(polygons) != 1 or len(polygons[0]) != 8:
            raise DatasetError(
                f"{where} has an object that is no rotated box", "segmentation is one polygon of 4 corners"
            )
    return RotatedShapes(np.array(told, np.float64).reshape(-1, 4, 2))


def _told(each: Mapping[str, Any], field: str, where: str) -> Any:
    if not each.get(field):
        raise DatasetError(f"{where} has an object without {field}", "give labels of the model's task")
    return each[field]


SHAPES: dict[str, Callable[[Objects, Path, str, TaskInfo], Shapes | None]] = {
    "detect": _boxes_alone,
    "segment": _masks,
    "pose": _keypoints,
    "obb": _rotated,
}
