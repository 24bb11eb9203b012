"""Memory as it comes in: anything that holds bytes, lent to the kernels without a copy where its rows are whole."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcc.runtime.errors import FrameError

Pixels = NDArray[np.uint8]
LARGEST_SIDE = 1 << 15
MOST_BYTES = (1 << 31) - 1  # sizes and strides are 32 bits wide


def as_array(thing: Any) -> Pixels:
    """What a buffer or a tensor holds, as an array over the same memory."""
    array = _view(thing)
    if array.dtype != np.uint8:
        raise FrameError(f"the frame holds {array.dtype}, not uint8", "give levels of 0..255 as uint8")
    return array


def _view(thing: Any) -> NDArray[Any]:
    if isinstance(thing, np.ndarray):
        return thing
    try:
        return np.asarray(np.from_dlpack(thing) if hasattr(thing, "__dlpack__") else memoryview(thing))
    except (TypeError, ValueError, RuntimeError, BufferError) as error:
        problem = f"a {type(thing).__name__} is no frame: {error}"
        raise FrameError(problem, "give an array or a buffer of uint8") from error


def check_size(height: int, width: int, samples: int = 1) -> None:
    """Refuse what has no pixels, and what the kernels cannot count to."""
    if height == 0 or width == 0:
        raise FrameError(f"the frame is empty: {width} x {height} pixels", "give at least one pixel")
    if max(height, width) > LARGEST_SIDE or samples * height * width > MOST_BYTES:
        raise FrameError(
            f"the frame is {width} x {height}; zcc takes sides up to {LARGEST_SIDE} and 2 GB in all", "make it smaller"
        )


def lend(plane: Pixels) -> Pixels:
    """The plane with whole rows, in memory that may be lent out: its own wherever it can be; it holds its owner."""
    row = 1
    for axis in range(plane.ndim - 1, 0, -1):
        if plane.strides[axis] != row:
            return plane.copy()
        row *= plane.shape[axis]
    if plane.strides[0] < row or plane.shape[0] * plane.strides[0] > MOST_BYTES:
        return plane.copy()
    return plane if plane.flags.writeable else np.asarray(_Lent(plane))


class _Lent:
    """A read-only plane without its mark, which DLPack cannot carry; the kernels only read it."""

    def __init__(self, plane: Pixels) -> None:
        self._plane = plane  # numpy holds this object as the base of the array it makes

    @property
    def __array_interface__(self) -> dict[str, Any]:
        """The same memory, to be written to as far as numpy knows."""
        described = self._plane.__array_interface__
        return {**described, "data": (described["data"][0], False)}
