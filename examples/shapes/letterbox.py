"""Fit a frame of any size into the network's square input, and boxes back out, in plain numpy.

This is the independent reference for what a deployed model does: scale to fit, bilinear with half-pixel
centres and no anti-aliasing, centred padding of grey 114.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PADDING = 114


@dataclass(frozen=True)
class Fit:
    """Where the frame lies in the input: input = frame * scale + (left, top)."""

    scale: float
    left: int
    top: int

    def to_input(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Boxes in pixels of the frame, as pixels of the input."""
        return (boxes * self.scale + self._shift()).astype(np.float32)

    def to_frame(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Boxes in pixels of the input, as pixels of the frame."""
        return ((boxes - self._shift()) / self.scale).astype(np.float32)

    def _shift(self) -> NDArray[np.float32]:
        return np.array([self.left, self.top, self.left, self.top], np.float32)


def letterbox(image: NDArray[np.uint8], size: int) -> tuple[NDArray[np.uint8], Fit]:
    """The frame centred in a `size` x `size` input, and where it lies there."""
    height, width = image.shape[:2]
    scale = min(size / height, size / width)
    new_height, new_width = round(height * scale), round(width * scale)
    top, left = round((size - new_height) / 2 - 0.1), round((size - new_width) / 2 - 0.1)
    canvas = np.full((size, size, 3), PADDING, np.uint8)
    canvas[top : top + new_height, left : left + new_width] = _bilinear(image, new_height, new_width)
    return canvas, Fit(scale, left, top)


def _bilinear(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    y, y_next, y_weight = _taps(image.shape[0], height)
    x, x_next, x_weight = _taps(image.shape[1], width)
    rows = image[y] * (1 - y_weight)[:, None, None] + image[y_next] * y_weight[:, None, None]
    mixed = rows[:, x] * (1 - x_weight)[None, :, None] + rows[:, x_next] * x_weight[None, :, None]
    return np.round(mixed).astype(np.uint8)


def _taps(source: int, target: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """For each output position the two source positions it lies between, and the second's weight."""
    position = np.clip((np.arange(target) + 0.5) * source / target - 0.5, 0, source - 1)
    first = np.floor(position).astype(np.intp)
    return first, np.minimum(first + 1, source - 1), (position - first).astype(np.float32)
