"""One labelled picture, whatever format its labels came in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.frontend.images import read_image
from zcc.compiler.quality.shapes.shapes import Shapes


@dataclass(frozen=True)
class LabelledScene:
    """A picture and what is in it; the pixels stay in the file until asked for."""

    path: Path
    boxes: NDArray[np.float64]  # (n, 4) xyxy in pixels of the picture
    classes: NDArray[np.int64]  # (n,)
    crowd: NDArray[np.bool_]  # (n,) regions of many objects, which COCO neither rewards nor punishes
    shapes: Shapes | None = None  # what a task compares in the place of boxes, a row for each
    image_id: int | str | None = None  # what a COCO json calls the picture

    def image(self) -> NDArray[np.uint8]:
        """The pixels, uint8 (H, W, 3) BGR."""
        return read_image(self.path)
