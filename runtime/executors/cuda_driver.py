"""The driver of NVIDIA's cards through its own library, by ctypes: what is called, and what its errors mean."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from ctypes import POINTER, c_char_p, c_float, c_int, c_size_t, c_uint, c_uint64, c_ulonglong, c_void_p
from functools import cache
from typing import Any

from zcc.runtime.errors import DeviceError, DeviceLost, IncompatibleHost, OutOfMemory, UsageError, ZccError

LIBRARY = "libcuda.so.1"
OLDEST = 12000  # what loads the cubins of the compiler that zcc uses
NOT_READY, NO_BINARY = 600, 209  # statuses


class KernelNode(ctypes.Structure):
    """CUDA_KERNEL_NODE_PARAMS_v1."""

    _fields_ = (
        ("function", c_void_p),
        ("grid", c_uint * 3),
        ("block", c_uint * 3),
        ("shared_bytes", c_uint),
        ("arguments", POINTER(c_void_p)),
        ("extra", c_void_p),
    )


class Edge(ctypes.Structure):
    """CUgraphEdgeData: what of the earlier node the later one waits for."""

    _fields_ = (
        ("from_port", ctypes.c_ubyte),
        ("to_port", ctypes.c_ubyte),
        ("type", ctypes.c_ubyte),
        ("reserved", ctypes.c_ubyte * 5),
    )


PROGRAMMATIC = 1  # port and type of an edge over which a kernel begins before the other has ended


class MemcpyParameters(ctypes.Structure):
    """CUDA_MEMCPY3D_v2: where one side of a copy lies, and where the other."""

    _fields_ = (
        *((f"source_{name}", kind) for name, kind in (("x", c_size_t), ("y", c_size_t), ("z", c_size_t))),
        ("source_lod", c_size_t),
        ("source_type", c_uint),
        ("source_host", c_void_p),
        ("source_device", c_uint64),
        ("source_array", c_void_p),
        ("reserved_0", c_void_p),
        ("source_pitch", c_size_t),
        ("source_height", c_size_t),
        *((f"target_{name}", kind) for name, kind in (("x", c_size_t), ("y", c_size_t), ("z", c_size_t))),
        ("target_lod", c_size_t),
        ("target_type", c_uint),
        ("target_host", c_void_p),
        ("target_device", c_uint64),
        ("target_array", c_void_p),
        ("reserved_1", c_void_p),
        ("target_pitch", c_size_t),
        ("target_height", c_size_t),
        ("width", c_size_t),
        ("height", c_size_t),
        ("depth", c_size_t),
    )


SIDE: Any = (
    ("x", c_size_t),
    ("y", c_size_t),
    ("type", c_uint),
    ("host", c_void_p),
    ("device", c_uint64),
    ("array", c_void_p),
    ("pitch", c_size_t),
)


class RowsCopy(ctypes.Structure):
    """CUDA_MEMCPY2D_v2: rows of bytes at even distances, from one side to the other."""

    _fields_ = (
        *((f"source_{name}", kind) for name, kind in SIDE),
        *((f"target_{name}", kind) for name, kind in SIDE),
        ("width", c_size_t),
        ("height", c_size_t),
    )


ON_HOST, ON_DEVICE = 1, 2  # CUmemorytype

# Names in the library, with the types of what they take; all return a status.
FUNCTIONS: dict[str, list[Any]] = {
    "cuInit": [c_uint],
    "cuDriverGetVersion": [POINTER(c_int)],
    "cuDeviceGetCount": [POINTER(c_int)],
    "cuDeviceGet": [POINTER(c_int), c_int],
    "cuDeviceGetName": [c_char_p, c_int, c_int],
    "cuDeviceGetAttribute": [POINTER(c_int), c_int, c_int],
    "cuDevicePrimaryCtxRetain": [POINTER(c_void_p), c_int],
    "cuCtxPushCurrent_v2": [c_void_p],
    "cuCtxPopCurrent_v2": [POINTER(c_void_p)],
    "cuModuleLoadData": [POINTER(c_void_p), c_char_p],
    "cuModuleUnload": [c_void_p],
    "cuModuleGetFunction": [POINTER(c_void_p), c_void_p, c_char_p],
    "cuFuncSetAttribute": [c_void_p, c_int, c_int],
    "cuMemAlloc_v2": [POINTER(c_uint64), c_size_t],
    "cuMemFree_v2": [c_uint64],
    "cuMemHostAlloc": [POINTER(c_void_p), c_size_t, c_uint],
    "cuMemFreeHost": [c_void_p],
    "cuMemHostGetDevicePointer_v2": [POINTER(c_uint64), c_void_p, c_uint],
    "cuPointerGetAttribute": [POINTER(c_int), c_int, c_uint64],
    "cuMemGetInfo_v2": [POINTER(c_size_t), POINTER(c_size_t)],
    "cuMemsetD8_v2": [c_uint64, ctypes.c_ubyte, c_size_t],
    "cuMemcpyHtoD_v2": [c_uint64, c_void_p, c_size_t],
    "cuMemcpyDtoH_v2": [c_void_p, c_uint64, c_size_t],
    "cuMemcpyHtoDAsync_v2": [c_uint64, c_void_p, c_size_t, c_void_p],
    "cuMemcpy2DAsync_v2": [POINTER(RowsCopy), c_void_p],
    "cuStreamCreate": [POINTER(c_void_p), c_uint],
    "cuStreamDestroy_v2": [c_void_p],
    "cuStreamSynchronize": [c_void_p],
    "cuStreamWaitEvent": [c_void_p, c_void_p, c_uint],
    "cuEventCreate": [POINTER(c_void_p), c_uint],
    "cuEventDestroy_v2": [c_void_p],
    "cuEventRecord": [c_void_p, c_void_p],
    "cuEventQuery": [c_void_p],
    "cuEventSynchronize": [c_void_p],
    "cuEventElapsedTime": [POINTER(c_float), c_void_p, c_void_p],
    "cuLaunchKernel": [c_void_p, *[c_uint] * 7, c_void_p, POINTER(c_void_p), c_void_p],
    "cuGraphCreate": [POINTER(c_void_p), c_uint],
    "cuGraphDestroy": [c_void_p],
    "cuGraphAddKernelNode": [POINTER(c_void_p), c_void_p, POINTER(c_void_p), c_size_t, POINTER(KernelNode)],
    "cuGraphAddDependencies_v2": [
        c_void_p,
        POINTER(c_void_p),
        POINTER(c_void_p),
        POINTER(Edge),
        c_size_t,
    ],
    "cuGraphAddMemcpyNode": [
        POINTER(c_void_p),
        c_void_p,
        POINTER(c_void_p),
        c_size_t,
        POINTER(MemcpyParameters),
        c_void_p,
    ],
    "cuGraphInstantiateWithFlags": [POINTER(c_void_p), c_void_p, c_ulonglong],
    "cuGraphExecDestroy": [c_void_p],
    "cuGraphUpload": [c_void_p, c_void_p],
    "cuGraphLaunch": [c_void_p, c_void_p],
}
# Drivers before CUDA 12.3 do without: their launches wait for all of those before them.
OPTIONAL = ("cuGraphAddDependencies_v2",)

ANEW = "start the process anew; nothing else mends it"
# What no call recovers from: everything that is asked of the driver from then on fails likewise.
STICKY = {
    214: "memory of the card is faulty",
    700: "a kernel touched memory that is not its own",
    702: "a kernel did not end in time",
    709: "the context was destroyed by another part of this process",
    710: "a kernel gave up",
    714: "a kernel met a hardware error",
    715: "a kernel met an illegal instruction",
    716: "a kernel read a misaligned address",
    717: "a kernel used an address of another kind of memory",
    718: "a kernel left its program",
    719: "a kernel failed",
    999: "the driver does not say why",
}
# What other errors mean, and the way out.
KNOWN: dict[int, tuple[type[ZccError], str, str]] = {
    2: (OutOfMemory, "the card has no memory left", "end what else uses the card, or take a smaller variant"),
    100: (IncompatibleHost, "the driver finds no card", "attach one, or check CUDA_VISIBLE_DEVICES"),
    101: (UsageError, "there is no card of that number", "name one that nvidia-smi lists"),
    46: (DeviceError, "another process has the card to itself", "end that process, or take another card"),
    200: (IncompatibleHost, "the kernels are no program for this card", "compile for its architecture"),
    209: (IncompatibleHost, "the kernels are for cards of another architecture", "compile for this one"),
    218: (IncompatibleHost, "the driver is too old for the kernels' PTX", "update it, or compile for this card"),
    222: (IncompatibleHost, "the driver is too old for the kernels' PTX", "update it, or compile for this card"),
    803: (IncompatibleHost, "the driver's library and its module are of different versions", "restart the machine"),
    804: (IncompatibleHost, "the driver is too old for this card", "update it"),
}

_forked = False


class Driver:
    """The library's functions; each raises what its status says, and `raw` ones return it."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self.raw: dict[str, Callable[..., int]] = {}
        for name, types in FUNCTIONS.items():
            try:
                function = getattr(library, name)
            except AttributeError as error:
                if name in OPTIONAL:
                    continue
                raise IncompatibleHost(
                    f"NVIDIA's driver has no {name}, it is too old", "install one for CUDA 12 or later"
                ) from error
            function.argtypes = types
            function.restype = c_int
            self.raw[name] = function

    def __call__(self, name: str, *arguments: Any) -> None:
        """Call a function."""
        status = self.raw[name](*arguments)
        if status:
            raise self.error(status, name)

    def error(self, status: int, doing: str) -> ZccError:
        """The error that a status stands for."""
        name = c_char_p()
        self._library.cuGetErrorName(status, ctypes.byref(name))
        told = f"{doing}: {name.value.decode() if name.value else status}"
        if status in STICKY:
            return DeviceLost(f"{STICKY[status]} ({told})", ANEW)
        kind, problem, remedy = KNOWN.get(status, (DeviceError, "the driver refuses a call", "see its documentation"))
        return kind(f"{problem} ({told})", remedy)


def refuse_fork() -> None:
    """UsageError in a process that was forked from one which had loaded the driver."""
    if _forked:
        raise UsageError(
            "this process was forked from one that had loaded NVIDIA's driver, which does not survive that",
            "load the detector after the fork, or start workers with the spawn method",
        )


@cache
def driver() -> Driver:
    """The driver, initialised; IncompatibleHost where there is none that will do."""
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError as error:
        raise IncompatibleHost(
            f"{LIBRARY} cannot be loaded, so no driver of NVIDIA's is installed here", "install one, or run on the CPU"
        ) from error
    opened = Driver(library)
    version = c_int()
    opened("cuDriverGetVersion", ctypes.byref(version))
    if version.value < OLDEST:
        found = f"{version.value // 1000}.{version.value % 1000 // 10}"
        raise IncompatibleHost(f"NVIDIA's driver is for CUDA {found}, zcc needs 12 or later", "update the driver")
    opened("cuInit", 0)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_mark_fork)
    return opened


def _mark_fork() -> None:
    global _forked
    _forked = True
