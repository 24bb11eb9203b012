"""Preprocess frames that touch memory nobody may read: a read past a frame ends the process."""

from __future__ import annotations

import ctypes
import mmap

import numpy as np
from numpy.typing import NDArray

from tests.compiler.backends.cpu.frame.harness import HOST, preprocess
from tests.compiler.backends.cpu.frame.yuv import noise, planes
from zcc.compiler.backends.cpu.frame.formats import formats_of
from zcc.runtime.manifest import InputSpec

SIZES = ((1, 1), (1, 2), (2, 1), (1, 3), (2, 3), (3, 4), (5, 2), (65, 3), (30, 129), (200, 77))
PROT_NONE = 0


def between_walls(size: int) -> tuple[mmap.mmap, int]:
    """Readable pages for `size` bytes with an unreadable one on either side, and how many bytes they are."""
    room = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
    memory = mmap.mmap(-1, room + 2 * mmap.PAGESIZE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    for wall in (start, start + mmap.PAGESIZE + room):
        if protect(ctypes.c_void_p(wall), mmap.PAGESIZE, PROT_NONE):
            raise OSError(ctypes.get_errno(), "mprotect")
    return memory, room


def walled(plane: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """The plane right behind the first wall, and right before the second."""
    memory, room = between_walls(plane.nbytes)
    first, last = mmap.PAGESIZE, mmap.PAGESIZE + room - plane.nbytes
    return [np.frombuffer(memory, np.uint8, plane.nbytes, at).reshape(plane.shape) for at in (first, last)]


def frames(name: str, height: int, width: int) -> list[tuple[NDArray[np.uint8], ...]]:
    """A frame whose planes all lie behind a first wall, and one whose planes all lie before a second."""
    if name in ("nv12", "i420"):
        height, width = 2 * height, 2 * width
    walls = [walled(plane) for plane in planes(name, noise(name, height, width))]
    return list(zip(*walls, strict=True))


if __name__ == "__main__":
    for name in formats_of(InputSpec(64, 64)):
        for size in SIZES:
            for spec in (InputSpec(64, 64), InputSpec(32, 96, resize="stretch")):
                for frame in frames(name, *size):
                    preprocess(spec, HOST, "float32", name)(*frame)
    print("inside")
