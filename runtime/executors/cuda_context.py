"""Cards and their primary contexts, which this process shares with whatever else uses them in it.

A failure that stays cannot be mended from inside: on an H100 with the driver of CUDA 13.0, contexts that are reset,
made anew, or were made before it give the same error. So every call says to start the process anew.
"""

from __future__ import annotations

import os
import threading
from ctypes import byref, c_char_p, c_int, c_void_p, cast, create_string_buffer
from dataclasses import dataclass

from zcc.runtime.errors import DeviceLost, FrameError, UsageError
from zcc.runtime.executors.cuda_driver import ANEW, Driver, driver, refuse_fork

MAJOR, MINOR, SHARED_OPTIN, INTEGRATED = 75, 76, 97, 18  # CUdevice_attribute
ORDINAL = 9  # CUpointer_attribute

_contexts: dict[int, Context] = {}
_making = threading.Lock()


@dataclass(eq=False)
class Context:
    """A card that this process uses."""

    driver: Driver
    number: int
    handle: c_void_p
    name: str
    capability: tuple[int, int]
    shared_bytes: int  # that a block may have, when it asks
    integrated: bool  # whether it shares the host's memory
    alone: bool  # whether the machine has no other card
    lost: bool = False

    def __enter__(self) -> Context:
        """Make it the calling thread's for a while; the thread may have another card's before and after."""
        if self.lost:
            refuse_fork()
            raise DeviceLost(f"{self.name} failed before, and runs nothing more of this process", ANEW)
        self.call("cuCtxPushCurrent_v2", self.handle)
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the thread the context it had."""
        self.driver.raw["cuCtxPopCurrent_v2"](_popped)

    def call(self, name: str, *arguments: object) -> None:
        """Call the driver, and remember when an error stays."""
        status = self.driver.raw[name](*arguments)
        if status:
            error = self.driver.error(status, name)
            self.lost = self.lost or isinstance(error, DeviceLost)
            raise error

    def check_frame(self, address: int) -> None:
        """Refuse a frame that another card holds: reading it would be the end of every context."""
        holder = c_int()
        if self.driver.raw["cuPointerGetAttribute"](byref(holder), ORDINAL, address):
            raise FrameError("the frame's address is in no card's memory", "hand in a tensor that is alive")
        if holder.value != self.number:
            raise FrameError(
                f"the frame lies on cuda:{holder.value}, and the detector is on cuda:{self.number}",
                f"bring it there, or load the detector with device='cuda:{holder.value}'",
            )


_popped = byref(c_void_p())  # nobody wants to know what it was


def context(number: int) -> Context:
    """The context of a card."""
    refuse_fork()
    with _making:
        found = _contexts.get(number)
        if found is None:
            found = _contexts[number] = _make(driver(), number)
        return found


def capabilities() -> list[tuple[str, tuple[int, int]]]:
    """The name and the compute capability of each card, without using any; IncompatibleHost without a driver."""
    opened, count, device = driver(), c_int(), c_int()
    opened("cuDeviceGetCount", byref(count))
    found = []
    for number in range(count.value):
        opened("cuDeviceGet", byref(device), number)
        name = create_string_buffer(128)
        opened("cuDeviceGetName", cast(name, c_char_p), len(name), device)
        found.append((name.value.decode(), (_attribute(opened, MAJOR, device), _attribute(opened, MINOR, device))))
    return found


def _lose_all() -> None:
    """A child has its parent's contexts, and cannot use them."""
    for each in _contexts.values():
        each.lost = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_lose_all)


def device_number(device: str | int) -> int:
    """Which card `cuda:1` means."""
    kind, _, number = str(device).partition(":")
    if isinstance(device, int) or kind.isdecimal():
        return int(device)
    if kind != "cuda" or not (number or "0").isdecimal():
        raise UsageError(f"device={device!r} names no card", "write cuda or cuda:1")
    return int(number or 0)


def _make(opened: Driver, number: int) -> Context:
    count, device, handle = c_int(), c_int(), c_void_p()
    opened("cuDeviceGetCount", byref(count))
    if count.value == 0:
        raise opened.error(100, "cuDeviceGetCount")
    if number >= count.value:
        raise UsageError(f"there is no cuda:{number}", f"this machine has cuda:0 to cuda:{count.value - 1}")
    opened("cuDeviceGet", byref(device), number)
    name = create_string_buffer(128)
    opened("cuDeviceGetName", cast(name, c_char_p), len(name), device)
    major, minor, shared, integrated = (
        _attribute(opened, each, device) for each in (MAJOR, MINOR, SHARED_OPTIN, INTEGRATED)
    )
    opened("cuDevicePrimaryCtxRetain", byref(handle), device)
    return Context(
        opened, number, handle, name.value.decode(), (major, minor), shared, bool(integrated), count.value == 1
    )


def _attribute(opened: Driver, which: int, device: c_int) -> int:
    value = c_int()
    opened("cuDeviceGetAttribute", byref(value), which, device)
    return value.value
