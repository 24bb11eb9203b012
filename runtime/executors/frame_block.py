"""What a CUDA variant is told of each frame, and what it leaves of it: two blocks of bytes, shared with its kernels.

`compiler/backends/cuda/frame/blocks.cuh` says the same in C. The arithmetic is that of the CPU's kernels, float64 in
Ultralytics' order, so that every rounding falls the same way.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache

from zcc.runtime.manifest import InputSpec

FORMATS = ("bgr", "rgb", "nv12", "i420", "gray")  # by their number in the block
# Address of each plane; source pixels per input pixel, down and across; bytes from row to row of each plane; height,
# width and format of the frame; conf and iou; input pixels per frame pixel, down and across; where the picture lies
# in the input: top, left, height, width.
PARAMETERS = struct.Struct("<3Q2d3i3i2f2f4i")
RESULT_HEADER = struct.Struct("<ifQ")  # how many detections, the share of edges, nothing


@dataclass(frozen=True)
class Letterbox:
    """Where a frame of some size lies in the network's input."""

    scale_down: float
    scale_across: float
    gain_down: float
    gain_across: float
    top: int
    left: int
    height: int
    width: int


@lru_cache(maxsize=64)
def letterbox(spec: InputSpec, height: int, width: int) -> Letterbox:
    """The place of a frame of `height` x `width`."""
    down, across = spec.height / height, spec.width / width
    if spec.resize != "stretch":
        down = across = min(down, across)
    new_height, new_width = max(round(height * down), 1), max(round(width * across), 1)
    top, left = (spec.height - new_height) // 2, (spec.width - new_width) // 2
    return Letterbox(height / new_height, width / new_width, down, across, top, left, new_height, new_width)


@dataclass(frozen=True)
class ResultLayout:
    """Where the result's parts begin, in bytes."""

    max_det: int

    @property
    def boxes(self) -> int:
        """Four float32 for each detection."""
        return RESULT_HEADER.size

    @property
    def scores(self) -> int:
        """A float32 for each."""
        return self.boxes + 16 * self.max_det

    @property
    def classes(self) -> int:
        """An int32 for each."""
        return self.scores + 4 * self.max_det

    @property
    def size(self) -> int:
        """Bytes in all."""
        return self.classes + 4 * self.max_det
