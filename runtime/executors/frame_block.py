"""What a CUDA variant is told of each frame, and what it leaves of it: two blocks of bytes, shared with its kernels.

`compiler/backends/cuda/frame/blocks.cuh` says the same in C. The arithmetic is that of the CPU's kernels, float64 in
Ultralytics' order, so that every rounding falls the same way.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from zcc.runtime.manifest import InputSpec

FORMATS = ("bgr", "rgb", "nv12", "i420", "gray")  # by their number in the block
# Address of each plane; bytes from row to row of each; the format; conf and iou.
FRAME = struct.Struct("<3Q4i2f")
# Source pixels per input pixel, down and across; height and width of the frame; input pixels per frame pixel, down and
# across; where the picture lies in the input: top, left, height, width.
PLACE = struct.Struct("<2d2i2f4i")
PARAMETERS_SIZE = FRAME.size + PLACE.size  # a place follows a frame
RESULT_HEADER = struct.Struct("<ifQ")  # how many detections, the share of edges, nothing


@dataclass(frozen=True)
class Letterbox:
    """Where a frame of some size lies in the network's input."""

    rows: int
    cols: int
    gain_down: float
    gain_across: float
    top: int
    left: int
    height: int
    width: int

    def packed(self) -> bytes:
        """As the kernels read it."""
        scales = self.rows / self.height, self.cols / self.width
        gains = self.gain_down, self.gain_across
        return PLACE.pack(*scales, self.rows, self.cols, *gains, self.top, self.left, self.height, self.width)


def letterbox(spec: InputSpec, rows: int, cols: int) -> Letterbox:
    """The place of a frame of that size."""
    down, across = spec.height / rows, spec.width / cols
    if spec.resize != "stretch":
        down = across = min(down, across)
    height, width = max(round(rows * down), 1), max(round(cols * across), 1)
    top, left = (spec.height - height) // 2, (spec.width - width) // 2
    return Letterbox(rows, cols, down, across, top, left, height, width)


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
