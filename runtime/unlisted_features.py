"""Instruction sets that Linux leaves out of /proc/cpuinfo, having no use for them itself: the C library tells them."""

from __future__ import annotations

import ctypes
import platform
from functools import cache

QUESTION = "__x86_get_cpuid_feature_leaf"  # of glibc since 2.33 (sys/platform/x86.h)
SEVEN_ONE = 6  # its number for what CPUID says of 7, 1
# Bits of what the processor says in eax, under the names that Linux has for them. What is listed as well stands here
# for tests to compare.
BITS = {"avx_vnni": 4, "avx512_bf16": 5, "amx_fp16": 21}
UNLISTED = {"amx_fp16": "amx_tile"}  # and what must be listed, for Linux has to save its registers


class _Leaf(ctypes.Structure):
    _fields_ = [("told", ctypes.c_uint32 * 4), ("active", ctypes.c_uint32 * 4)]


def beyond(listed: frozenset[str]) -> frozenset[str]:
    """Those of the processor that are not listed and may be used beside those that are."""
    return frozenset(name for name, beside in UNLISTED.items() if beside in listed and name in told())


@cache
def told() -> frozenset[str]:
    """What the processor says it has, of BITS; nothing where the C library does not pass it on."""
    ask = getattr(ctypes.CDLL(None), QUESTION, None) if platform.machine() == "x86_64" else None
    if ask is None:
        return frozenset()
    ask.restype = ctypes.POINTER(_Leaf)
    bits = ask(ctypes.c_uint(SEVEN_ONE)).contents.told[0]
    return frozenset(name for name, bit in BITS.items() if bits >> bit & 1)
