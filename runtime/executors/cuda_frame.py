"""Frames as the card reads them: in its own memory, used where they lie, or in the host's, still to be copied."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import c_int32, c_int64, c_uint8, c_uint16, c_uint64, c_void_p
from dataclasses import dataclass
from math import prod
from typing import Any

from zcc.runtime.errors import FrameError
from zcc.runtime.frame import Frame, as_frame
from zcc.runtime.planes import check_size

ON_CUDA = (2, 13)  # DLPack's kinds of device: a card, and its managed memory
HALF_HEIGHT = {"nv12": 1, "i420": 2}  # planes of colour


Three = tuple[int, int, int]


def three(numbers: Sequence[int]) -> Three:
    """One number for each plane, zeros for those that the frame has not."""
    padded = (*numbers, 0, 0)
    return padded[0], padded[1], padded[2]


@dataclass(eq=False, slots=True)  # not frozen, which would cost a microsecond a frame
class CardFrame:
    """A frame that was looked over."""

    format: str | None  # None: three channels in the order that the artifact was compiled for
    height: int
    width: int
    addresses: Three
    pitches: Three
    streams: tuple[int, ...]  # those that still write to it, by their handles
    owner: object  # keeps its memory


class _Plane:
    __slots__ = ("address", "owner", "pitch", "shape", "stream", "strides")

    def __init__(
        self, address: int, shape: tuple[int, ...], strides: tuple[int, ...] | None, stream: int | None, owner: object
    ) -> None:
        self.address, self.shape, self.stream, self.owner = address, shape, stream, owner
        self.strides = strides  # in bytes; None where nothing lies between the rows
        whole = prod(shape[1:])
        self.pitch = strides[0] if strides else whole  # bytes from row to row


def look_over(frame: Any, frame_format: str | None, stream: int) -> CardFrame | Frame:
    """The frame on the card, or on the host; `stream` is the one that will read it."""
    parts = frame if isinstance(frame, tuple) and frame else (frame,)
    found = [_plane(part, stream) for part in parts]
    planes = [plane for plane in found if plane is not None]
    if not planes:
        return as_frame(frame, frame_format)
    if len(planes) < len(found):
        raise FrameError("some planes of the frame lie on the card and some do not", "bring them to one place")
    name, planes = _as_planes(planes, frame_format)
    height, width = planes[0].shape[:2]
    check_size(height, width, samples=3)
    for plane in planes:
        _check_rows(plane)
    return CardFrame(
        name,
        height,
        width,
        three([plane.address for plane in planes]),
        three([plane.pitch for plane in planes]),
        tuple(plane.stream for plane in planes if plane.stream is not None),
        planes,
    )


def lies_on_card(frame: Any) -> bool:
    """Whether the frame, or a plane of it, is in a card's memory; nothing else is asked of it."""
    parts = frame if isinstance(frame, tuple) else (frame,)
    return any(hasattr(part, "__cuda_array_interface__") or _device(part) in ON_CUDA for part in parts)


def _device(thing: Any) -> int | None:
    asked = getattr(thing, "__dlpack_device__", None)
    return None if asked is None else int(asked()[0])


def _plane(thing: Any, stream: int) -> _Plane | None:
    """What lies on the card; None for what does not."""
    described = getattr(thing, "__cuda_array_interface__", None)
    if described is None:
        return _from_dlpack(thing, stream) if _device(thing) in ON_CUDA else None
    if described["typestr"] not in ("|u1", "u1", "<u1"):
        raise FrameError(f"the frame holds {described['typestr']}, not uint8", "give levels of 0..255 as uint8")
    return _Plane(described["data"][0], described["shape"], described.get("strides"), described.get("stream"), thing)


class _Tensor(ctypes.Structure):
    """DLTensor."""

    _fields_ = (
        ("data", c_void_p),
        ("device_type", c_int32),
        ("device_id", c_int32),
        ("axes", c_int32),
        ("code", c_uint8),
        ("bits", c_uint8),
        ("lanes", c_uint16),
        ("shape", ctypes.POINTER(c_int64)),
        ("strides", ctypes.POINTER(c_int64)),
        ("byte_offset", c_uint64),
    )


_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype, _pointer.argtypes = c_void_p, [ctypes.py_object, ctypes.c_char_p]
UNSIGNED = 1  # DLPack's code of the type


def _from_dlpack(thing: Any, stream: int) -> _Plane:
    """A tensor of any library; its capsule keeps the memory, and `stream` waits for what is still written."""
    capsule = thing.__dlpack__(stream=stream)
    tensor = _Tensor.from_address(_pointer(capsule, b"dltensor"))
    if (tensor.code, tensor.bits, tensor.lanes) != (UNSIGNED, 8, 1):
        raise FrameError(f"the frame's elements have {tensor.bits} bits, not 8", "give levels of 0..255 as uint8")
    shape = tuple(tensor.shape[: tensor.axes])
    strides = tuple(tensor.strides[: tensor.axes]) if tensor.strides else None
    return _Plane((tensor.data or 0) + tensor.byte_offset, shape, strides, None, (capsule, thing))


def _as_planes(planes: Sequence[_Plane], frame_format: str | None) -> tuple[str | None, list[_Plane]]:
    """The frame's format, and its planes, cut out of one buffer where need be."""
    first = planes[0]
    if frame_format in HALF_HEIGHT:
        return frame_format, _of_yuv(planes, frame_format)
    channels = first.shape[2] if len(first.shape) == 3 else 1
    gray = frame_format == "gray" or (frame_format is None and channels == 1)
    if len(planes) != 1 or len(first.shape) not in (2, 3) or channels != (1 if gray else 3):
        raise FrameError(f"the frame has shape {first.shape}, not (height, width, 3)", "say its format with format=")
    return "gray" if gray else frame_format, [first]


def _of_yuv(planes: Sequence[_Plane], name: str) -> list[_Plane]:
    height, width = planes[0].shape[:2]
    if len(planes) == 1:
        if height % 3 or width % 2 or (height // 3 * 2) % 2:
            problem = f"the {name} frame has {height} rows of {width} bytes, not height * 3 / 2 of an even width"
            raise FrameError(problem, "hand in the whole buffer, or its planes as a tuple")
        return _cut(planes[0], name)
    if len(planes) != HALF_HEIGHT[name] + 1 or height % 2 or width % 2:
        raise FrameError(f"the {name} frame has {len(planes)} planes, {width} x {height}", "give those of one frame")
    return list(planes)


def _cut(whole: _Plane, name: str) -> list[_Plane]:
    rows, width = whole.shape[0] // 3 * 2, whole.shape[1]
    colour = whole.address + rows * whole.pitch
    luma = _Plane(whole.address, (rows, width), (whole.pitch, 1), whole.stream, whole.owner)
    if name == "nv12":
        return [luma, _Plane(colour, (rows // 2, width), (whole.pitch, 1), None, whole.owner)]
    if whole.pitch != width:
        raise FrameError("bytes lie between the rows of the i420 frame", "hand in its planes as a tuple")
    half = (rows // 2, width // 2)
    return [luma, *(_Plane(colour + k * half[0] * half[1], half, None, None, whole.owner) for k in (0, 1))]


def _check_rows(plane: _Plane) -> None:
    """The kernels read whole rows."""
    if plane.strides is None:
        return
    wanted = 1
    for axis in range(len(plane.shape) - 1, 0, -1):
        if plane.strides[axis] != wanted:
            raise FrameError("the frame's rows do not lie in one piece on the card", "hand in a contiguous copy")
        wanted *= plane.shape[axis]
    if plane.pitch < wanted:
        raise FrameError("the frame's rows run backwards or overlap on the card", "hand in a contiguous copy")
