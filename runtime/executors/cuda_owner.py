"""Whose memory a frame lies in: a card reads its own."""

from __future__ import annotations

from ctypes import byref, c_int
from typing import Any

from zcc.runtime.errors import DeviceError, DeviceLost, FrameError
from zcc.runtime.executors.cuda_context import Context
from zcc.runtime.executors.cuda_frame import ON_CUDA

ORDINAL = 9  # CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL


def refuse_foreign(frame: Any, card: Context) -> None:
    """FrameError where the frame, or a plane of it, lies on another card, whose memory would be read as it is not."""
    for part in frame if isinstance(frame, tuple) else (frame,):
        number = _owner(part, card)
        if number not in (None, card.number):
            raise FrameError(
                f"the frame lies on cuda:{number}, and the detector runs on cuda:{card.number}",
                f"bring it there, or load the detector with device='cuda:{number}'",
            )


def _owner(part: Any, card: Context) -> int | None:
    """The number of the card whose memory it is; None for what lies on the host."""
    asked = getattr(part, "__dlpack_device__", None)
    if asked is not None:
        kind, number = asked()
        return int(number) if kind in ON_CUDA else None
    described = getattr(part, "__cuda_array_interface__", None)
    if described is None:
        return None
    found = c_int()
    try:
        with card:
            card.call("cuPointerGetAttribute", byref(found), ORDINAL, described["data"][0])
    except DeviceLost:
        raise
    except DeviceError as error:
        raise FrameError("the frame's address is no memory of a card's", "hand in the array itself") from error
    return found.value
