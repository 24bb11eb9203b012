"""Frames of every format, as the kernels read them: planes of bytes, each where it lies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy import ndarray

from zcc.runtime.errors import FrameError
from zcc.runtime.planes import LARGEST_SIDE, Pixels, as_array, check_size, lend

__all__ = ["FORMATS", "LARGEST_SIDE", "Frame", "Pixels", "as_frame", "as_pixels"]

Planes = tuple[Pixels, ...]
BYTES = np.dtype(np.uint8)
PLAIN_SIDE = 1 << 14  # three channels of its square are fewer than MOST_BYTES


@dataclass(eq=False, slots=True)  # not frozen, which takes longer for each frame
class Frame:
    """A frame that was looked over; its planes hold the memory that was handed in."""

    format: str | None  # None: three channels in the order that the artifact was compiled for
    planes: Planes

    @property
    def height(self) -> int:
        """Pixels down."""
        return self.planes[0].shape[0]

    @property
    def width(self) -> int:
        """Pixels across."""
        return self.planes[0].shape[1]

    def copy(self) -> Frame:
        """The same frame in memory of its own."""
        return Frame(self.format, tuple(plane.copy() for plane in self.planes))


def as_frame(frame: Any, frame_format: str | None = None) -> Frame:
    """The frame as planes whose rows are whole and whose memory may be lent out; they hold the frame.

    Without a format, one channel is gray, and three are in the order that the artifact was compiled for.
    """
    if isinstance(frame, Frame):
        return frame
    if frame_format is None:
        # What most frames are, told without a call and without arithmetic: three channels in a numpy array whose memory
        # may be lent out as it is. Flags say what strides would, except those along a single row or column.
        if type(frame) is ndarray and frame.dtype is BYTES:
            shape = frame.shape
            plain = len(shape) == 3 and shape[2] == 3 and 1 < shape[0] <= PLAIN_SIDE and 1 < shape[1] <= PLAIN_SIDE
            if plain and frame.flags.carray:
                return Frame(None, (frame,))
        array = as_array(frame)
        one = array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 1)
        return Frame("gray", _gray(array)) if one else Frame(None, _packed(array))
    if frame_format not in FORMATS:
        raise FrameError(f"no frame format is called {frame_format!r}", f"give one of {', '.join(FORMATS)}")
    return Frame(frame_format, FORMATS[frame_format](frame))


def as_pixels(frame: Any) -> Pixels:
    """The frame as (H, W, 3) uint8 whose rows are whole and whose memory may be lent out; it holds the frame."""
    (pixels,) = _packed(as_array(frame))
    return pixels


def _packed(frame: Any) -> Planes:
    pixels = as_array(frame)
    if pixels.ndim != 3 or pixels.shape[2] != 3:
        raise FrameError(
            f"the frame has shape {pixels.shape}, not (height, width, 3)",
            "give three channels, a single one for gray, or say which format it is with format=",
        )
    check_size(pixels.shape[0], pixels.shape[1], samples=3)
    return (lend(pixels),)


def _gray(frame: Any) -> Planes:
    return (lend(_plane(as_array(frame), "the gray frame")),)


def _nv12(frame: Any) -> Planes:
    if isinstance(frame, tuple):
        brightness, chroma = _parts(tuple(map(_paired, frame)), "nv12", "(brightness, chroma)")
    else:
        brightness, chroma = _split(as_array(frame), "nv12")
    height, width = _even(brightness, "nv12")
    _check_plane(chroma, (height // 2, width), "nv12", "chroma")
    return lend(brightness), lend(chroma)


def _i420(frame: Any) -> Planes:
    if isinstance(frame, tuple):
        brightness, u, v = _parts(frame, "i420", "(brightness, u, v)")
        height, width = _even(brightness, "i420")
    else:
        brightness, chroma = _split(as_array(frame), "i420")
        height, width = _even(brightness, "i420")
        u, v = chroma.reshape(2, height // 2, width // 2)  # a view, unless bytes lie between the rows
    for plane, name in ((u, "u"), (v, "v")):
        _check_plane(plane, (height // 2, width // 2), "i420", name)
    return lend(brightness), lend(u), lend(v)


FORMATS: dict[str, Callable[[Any], Planes]] = {
    "bgr": _packed,
    "rgb": _packed,
    "nv12": _nv12,
    "i420": _i420,
    "gray": _gray,
}


def _parts(frame: tuple[Any, ...], name: str, expected: str) -> list[Pixels]:
    """The planes of a frame that was handed in as several."""
    if len(frame) != expected.count(",") + 1:
        raise FrameError(f"the {name} frame has {len(frame)} planes, not {expected}", "give these, or a single buffer")
    return [_plane(as_array(part), f"a plane of the {name} frame") for part in frame]


def _paired(part: Any) -> Pixels:
    """A plane whose U and V may be an axis of their own."""
    plane = as_array(part)
    return plane.reshape(plane.shape[0], -1) if plane.ndim == 3 and plane.shape[2] == 2 else plane


def _plane(array: Pixels, what: str) -> Pixels:
    """Rows of bytes."""
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim != 2:
        raise FrameError(f"{what} has shape {array.shape}, not (height, width)", "reshape it")
    check_size(*array.shape)
    return array


def _split(buffer: Pixels, name: str) -> tuple[Pixels, Pixels]:
    """A frame in one piece: the brightness, and below it half as many rows of colour."""
    buffer = _plane(buffer, f"the {name} frame")
    rows, width = buffer.shape
    if rows % 3:
        raise FrameError(
            f"the {name} frame has {rows} rows of {width} bytes, which no height gives: they are height * 3 / 2",
            "hand in the whole buffer as (height * 3 / 2, width), or its planes as a tuple",
        )
    return buffer[: rows // 3 * 2], buffer[rows // 3 * 2 :]


def _even(brightness: Pixels, name: str) -> tuple[int, int]:
    """Height and width of the frame."""
    height, width = brightness.shape
    if height % 2 or width % 2:
        raise FrameError(f"the {name} frame is {width} x {height} pixels, both must be even", "crop it by a pixel")
    return height, width


def _check_plane(plane: Pixels, shape: tuple[int, int], name: str, part: str) -> None:
    if plane.shape != shape:
        raise FrameError(
            f"the {part} plane of the {name} frame has shape {plane.shape}, not {shape}",
            "give the planes of one frame, colour at half its height and width",
        )
