"""The shapes of what was found, whatever the task."""

from __future__ import annotations

from typing import Any

from zcc.compiler.quality.shapes.keypoints import KeypointShapes
from zcc.compiler.quality.shapes.masks import Mask, MaskShapes
from zcc.compiler.quality.shapes.rotated import RotatedShapes
from zcc.compiler.quality.shapes.shapes import Shapes


def shapes_of(found: Any) -> Shapes | None:
    """What a result has beside boxes; None where boxes are all."""
    if (given := getattr(found, "shapes", None)) is not None:
        shapes: Shapes = given
        return shapes
    if hasattr(found, "masks"):
        places = found.masks.pixels[:, :2].tolist()
        return MaskShapes([Mask(bitmap, *at) for bitmap, at in zip(found.masks.all(), places, strict=True)])
    if hasattr(found, "keypoints"):
        return KeypointShapes.of(found.keypoints, found.boxes)
    return RotatedShapes(found.corners) if hasattr(found, "corners") else None
