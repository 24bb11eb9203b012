"""64-bit x86 processors, by the instruction sets that the ABI's levels name, never by vendor."""

from __future__ import annotations

from typing import Any

from zcc.compiler.kernels.spec import VectorUnit
from zcc.compiler.targets.target import Target

TRIPLE = "x86_64-unknown-linux-gnu"
LEVEL_2 = ("sse4_1", "sse4_2", "ssse3", "popcnt")
LEVEL_3 = (*LEVEL_2, "avx", "avx2", "fma", "f16c", "bmi1", "bmi2")
LEVEL_4 = (*LEVEL_3, "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl")


def _level(name: str, describe: str, features: tuple[str, ...], unit: VectorUnit) -> Target:
    # LLVM would rather use half a register than clock down the processors of 2017; we count on whole ones.
    llvm: tuple[tuple[str, Any], ...] = (
        ("mtriple", TRIPLE),
        ("mcpu", name),
        *((("mattr", ["-prefer-256-bit"]),) if unit.lanes == 16 else ()),
    )
    return Target(name, describe, "linux", "x86_64", features, llvm, unit)


X86_64_V2 = _level("x86-64-v2", "any x86-64 server of the last decade: SSE4.2", LEVEL_2, VectorUnit(4, 16))
X86_64_V3 = _level("x86-64-v3", "AVX2 and FMA", LEVEL_3, VectorUnit(8, 16))
X86_64_V4 = _level("x86-64-v4", "AVX-512", LEVEL_4, VectorUnit(16, 32))
