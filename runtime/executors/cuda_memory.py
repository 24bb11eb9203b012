"""Memory of a card, and pinned memory of the host that the card reaches."""

from __future__ import annotations

import ctypes
import weakref
from ctypes import byref, c_uint64, c_void_p

import numpy as np
from numpy.typing import NDArray

from zcc.runtime.executors.cuda_context import Context

PORTABLE_AND_MAPPED = 3
Bytes = NDArray[np.uint8]


class DeviceMemory:
    """Bytes on the card, given back with the last reference."""

    def __init__(self, context: Context, size: int) -> None:
        self.context, self.size = context, size
        self._handle = c_uint64()
        with context:
            context.call("cuMemAlloc_v2", byref(self._handle), max(size, 1))
        self.address = int(self._handle.value)
        weakref.finalize(self, _free, context, "cuMemFree_v2", self._handle)

    def clear(self) -> None:
        """Zero all of it, and wait."""
        with self.context:
            self.context.call("cuMemsetD8_v2", self.address, 0, max(self.size, 1))
            self.context.call("cuStreamSynchronize", None)

    def write(self, data: Bytes, offset: int = 0) -> None:
        """Copy bytes into it, and wait."""
        with self.context:
            self.context.call("cuMemcpyHtoD_v2", self.address + offset, data.ctypes.data, data.nbytes)

    def read(self, offset: int, size: int) -> Bytes:
        """A copy of some of its bytes."""
        data = np.empty(size, np.uint8)
        with self.context:
            self.context.call("cuMemcpyDtoH_v2", data.ctypes.data, self.address + offset, size)
        return data


class PinnedMemory:
    """Bytes of the host that stay where they are; the card reaches them, too."""

    def __init__(self, context: Context, size: int) -> None:
        handle, on_card = c_void_p(), c_uint64()
        with context:
            context.call("cuMemHostAlloc", byref(handle), max(size, 1), PORTABLE_AND_MAPPED)
            context.call("cuMemHostGetDevicePointer_v2", byref(on_card), handle, 0)
        self.size = size
        self.address = int(handle.value or 0)
        self.device_address = int(on_card.value)
        self.bytes = np.ctypeslib.as_array((ctypes.c_ubyte * max(size, 1)).from_address(self.address))
        self.bytes[:] = 0
        self.view = memoryview(self.bytes)  # type: ignore[arg-type]
        weakref.finalize(self, _free, context, "cuMemFreeHost", handle)


def _free(context: Context, function: str, handle: object) -> None:
    """Give memory back; with a broken context, or at the end of the process, it is gone already."""
    if not context.lost:
        with context:
            context.driver.raw[function](handle)
