"""Frames as they come in: anything that holds uint8 pixels, taken without a copy where its rows are whole."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcc.runtime.errors import FrameError

Pixels = NDArray[np.uint8]
LARGEST_SIDE = 1 << 15


def as_pixels(frame: Any) -> Pixels:
    """The frame as (H, W, 3) uint8 whose rows are contiguous and whose memory may be lent out."""
    pixels = _view(frame)
    if pixels.dtype != np.uint8:
        raise FrameError(f"the frame holds {pixels.dtype}, not uint8", "give pixels of 0..255 as uint8")
    if pixels.ndim != 3 or pixels.shape[2] != 3:
        raise FrameError(f"the frame has shape {pixels.shape}, not (height, width, 3)", "give three channels")
    height, width, _ = pixels.shape
    if height == 0 or width == 0:
        raise FrameError(f"the frame is empty: {width} x {height} pixels")
    if max(height, width) > LARGEST_SIDE:
        raise FrameError(f"the frame is {width} x {height}; the longest side zcc takes is {LARGEST_SIDE}")
    if pixels.strides[1:] != (3, 1) or pixels.strides[0] < 3 * width:
        pixels = np.ascontiguousarray(pixels)
    return pixels if pixels.flags.writeable else _writable_alias(pixels)


def _view(frame: Any) -> Pixels:
    if isinstance(frame, np.ndarray):
        return frame
    try:
        return np.from_dlpack(frame) if hasattr(frame, "__dlpack__") else np.asarray(memoryview(frame))
    except (TypeError, ValueError, RuntimeError, BufferError) as error:
        raise FrameError(
            f"a {type(frame).__name__} is no frame: {error}", "give an array or a buffer of uint8"
        ) from error


def _writable_alias(pixels: Pixels) -> Pixels:
    """The same memory without its read-only mark, which DLPack cannot carry; the kernels only read it."""
    height, width, _ = pixels.shape
    size = pixels.strides[0] * (height - 1) + 3 * width
    memory = (ctypes.c_uint8 * size).from_address(pixels.ctypes.data)
    alias = np.lib.stride_tricks.as_strided(
        np.frombuffer(memory, np.uint8), (height, width, 3), pixels.strides
    )
    return alias
