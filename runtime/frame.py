"""Frames as they come in: anything that holds uint8 pixels, taken without a copy where its rows are whole."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcc.runtime.errors import FrameError

Pixels = NDArray[np.uint8]
LARGEST_SIDE = 1 << 15
MOST_BYTES = (1 << 31) - 1  # offsets into a frame are 32 bits wide


def as_pixels(frame: Any) -> Pixels:
    """The frame as (H, W, 3) uint8 whose rows are whole and whose memory may be lent out; it holds the frame."""
    pixels = _view(frame)
    if pixels.dtype != np.uint8:
        raise FrameError(f"the frame holds {pixels.dtype}, not uint8", "give pixels of 0..255 as uint8")
    if pixels.ndim != 3 or pixels.shape[2] != 3:
        raise FrameError(f"the frame has shape {pixels.shape}, not (height, width, 3)", "give three channels")
    height, width, _ = pixels.shape
    if height == 0 or width == 0:
        raise FrameError(f"the frame is empty: {width} x {height} pixels")
    if max(height, width) > LARGEST_SIDE or 3 * height * width > MOST_BYTES:
        raise FrameError(
            f"the frame is {width} x {height}; zcc takes sides up to {LARGEST_SIDE} and 2 GB in all", "make it smaller"
        )
    stride = pixels.strides[0]
    if pixels.strides[1:] != (3, 1) or stride < 3 * width or height * stride > MOST_BYTES:
        return pixels.copy()
    return pixels if pixels.flags.writeable else np.asarray(_Lent(pixels))


def _view(frame: Any) -> NDArray[Any]:
    if isinstance(frame, np.ndarray):
        return frame
    try:
        return np.asarray(np.from_dlpack(frame) if hasattr(frame, "__dlpack__") else memoryview(frame))
    except (TypeError, ValueError, RuntimeError, BufferError) as error:
        problem = f"a {type(frame).__name__} is no frame: {error}"
        raise FrameError(problem, "give an array or a buffer of uint8") from error


class _Lent:
    """Read-only pixels without their mark, which DLPack cannot carry; the kernels only read them."""

    def __init__(self, pixels: Pixels) -> None:
        self._pixels = pixels  # numpy holds this object as the base of the array it makes

    @property
    def __array_interface__(self) -> dict[str, Any]:
        """The same memory, to be written to as far as numpy knows."""
        described = self._pixels.__array_interface__
        return {**described, "data": (described["data"][0], False)}
