"""Leave to use AMX's tile registers: Linux has a process ask, since each thread that uses them takes 8 KB to save."""

from __future__ import annotations

import ctypes
import platform
from functools import cache

ARCH_PRCTL = 158  # the number of the call on x86-64
ASK_FOR_STATE, TILE_DATA = 0x1023, 18
PREFIX = "amx_"  # of the names of instruction sets in /proc/cpuinfo that need them


@cache
def granted() -> bool:
    """Whether this process, its threads and its children may use them; asks, once. Nothing is taken before first use.

    Linux before 5.16 knows no such question, some sandboxes forbid it, and it is denied where a thread already has a
    stack for signals that is too small for what would be saved there.
    """
    if platform.machine() != "x86_64":
        return False
    library = ctypes.CDLL(None)
    asked = library.syscall(ctypes.c_long(ARCH_PRCTL), ctypes.c_long(ASK_FOR_STATE), ctypes.c_long(TILE_DATA))
    return bool(asked == 0)


def usable(features: frozenset[str]) -> frozenset[str]:
    """The instruction sets without those that this process may not use."""
    withheld = {feature for feature in features if feature.startswith(PREFIX)}
    return features - withheld if withheld and not granted() else features
