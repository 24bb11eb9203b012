"""Masks on a processor: the sums over the boxes' areas right behind a frame, its bitmaps when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcc.runtime import library
from zcc.runtime.detections import Found
from zcc.runtime.engine import engine
from zcc.runtime.manifest import Manifest
from zcc.runtime.tasks.mask_areas import FrameAmongCells, begins
from zcc.runtime.tasks.masks import Bitmap, Masks


class CpuMasks:
    """The entry points of a module for masks."""

    def __init__(self, module: Any, manifest: Manifest, ask: Callable[..., None], arena: Callable[[], Any]) -> None:
        self._areas = library.entry_point(module, library.AREAS)
        self._masks = library.entry_point(module, library.MASKS)
        self._spec, self._cells = manifest.input, manifest.task.shape[1:]
        self._ask, self._arena = ask, arena

    def of(self, found: Found, size: tuple[int, int], arena: Any) -> Masks:
        """The masks of what was found in a frame of that size, while its prototypes lie in the arena."""
        frame = FrameAmongCells.of(self._spec, (self._cells[0], self._cells[1]), size)
        pixels = frame.pixels(found.boxes)
        cells = frame.cells(pixels)
        starts, total = begins(cells)
        areas = np.empty(total, np.float32)
        if len(found.boxes):
            self._ask(self._areas, found.details, cells, starts, arena, areas)

        def render(numbers: Sequence[int]) -> list[Bitmap]:
            return engine().call(lambda: self._render(areas, cells[numbers], starts[numbers], pixels[numbers], frame))

        return Masks(size, pixels, render)

    def _render(
        self,
        areas: NDArray[np.float32],
        cells: NDArray[np.int32],
        starts: NDArray[np.int64],
        pixels: NDArray[np.int32],
        frame: FrameAmongCells,
    ) -> list[Bitmap]:
        places, size = begins(pixels)
        out = np.zeros(size, np.uint8)
        if size:
            self._ask(self._masks, areas, cells, starts, pixels, places, frame.places, self._arena(), out)
        sides = np.maximum(pixels[:, 2:] - pixels[:, :2], 0)
        return [
            out[at : at + width * height].view(bool).reshape(height, width)
            for at, (width, height) in zip(places.tolist(), sides.tolist(), strict=True)
        ]
