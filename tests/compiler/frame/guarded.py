"""Preprocess frames that touch memory nobody may read: a read past a frame ends the process."""

from __future__ import annotations

import ctypes
import mmap

import numpy as np
from numpy.typing import NDArray

from tests.compiler.frame.harness import HOST, preprocess
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


def frames(height: int, width: int) -> list[NDArray[np.uint8]]:
    """A frame right behind the first wall and one right before the second."""
    size = height * width * 3
    memory, room = between_walls(size)
    first, last = mmap.PAGESIZE, mmap.PAGESIZE + room - size
    return [np.frombuffer(memory, np.uint8, size, at).reshape(height, width, 3) for at in (first, last)]


if __name__ == "__main__":
    for size in SIZES:
        for spec in (InputSpec(64, 64), InputSpec(32, 96, resize="stretch")):
            for frame in frames(*size):
                preprocess(spec, HOST)(frame)
    print("inside")
