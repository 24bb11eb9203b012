"""64-bit x86 processors, by the instruction sets that the ABI's levels name, never by vendor."""

from __future__ import annotations

from typing import Any

from zcc.compiler.backends.cpu.kernels.spec import VectorUnit
from zcc.compiler.backends.cpu.targets.target import CpuTarget

TRIPLE = "x86_64-unknown-linux-gnu"
ARCHITECTURE = "amd64 x64 x86 intel amd"  # as others name it
LEVEL_2 = ("sse4_1", "sse4_2", "ssse3", "popcnt")
LEVEL_3 = (*LEVEL_2, "avx", "avx2", "fma", "f16c", "bmi1", "bmi2")
LEVEL_4 = (*LEVEL_3, "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl")


# What an extension adds to a level, by its names in /proc/cpuinfo and in LLVM.
LLVM_NAMES = {
    "avx_vnni": "avxvnni",
    "avx512_vnni": "avx512vnni",
    "avx512_bf16": "avx512bf16",
    "avx512_fp16": "avx512fp16",
    "amx_tile": "amx-tile",
    "amx_int8": "amx-int8",
    "amx_bf16": "amx-bf16",
    "amx_fp16": "amx-fp16",
}
AMX = ("amx_tile", "amx_int8", "amx_bf16")
VNNI_4 = (*LEVEL_4, "avx512_vnni")
# LLVM takes the constants of an activation out of all loops around it, and then has too few registers left for the sums
# of the loop that multiplies: some kernels took twice as long (`python -m benchmarks.winograd MODEL.onnx --all`).
LLVM_OPTIONS = ("-sink-insts-to-avoid-spills",)


def _level(name: str, describe: str, features: tuple[str, ...], unit: VectorUnit) -> CpuTarget:
    """A level of the ABI, and behind its name the extensions that the code also uses."""
    # LLVM would rather use half a register than clock down the processors of 2017; we count on whole ones.
    attributes = ["-prefer-256-bit"] if unit.lanes == 16 else []
    attributes += [f"+{LLVM_NAMES[feature]}" for feature in features if feature in LLVM_NAMES]
    llvm: tuple[tuple[str, Any], ...] = (
        ("mtriple", TRIPLE),
        ("mcpu", "-".join(name.split("-")[:3])),
        *((("mattr", attributes),) if attributes else ()),
        ("cl-opt", [*LLVM_OPTIONS]),
    )
    return CpuTarget(name, describe, "linux", "x86_64", features, llvm, unit, known_as=ARCHITECTURE)


X86_64_V2 = _level(
    "x86-64-v2", "any x86-64 server of the last decade: SSE4.2", LEVEL_2, VectorUnit(4, 16, dot="maddubs", fused=False)
)
X86_64_V3 = _level("x86-64-v3", "AVX2 and FMA", LEVEL_3, VectorUnit(8, 16, dot="maddubs"))
X86_64_V3_VNNI = _level(
    "x86-64-v3-vnni", "AVX2 with byte dot products", (*LEVEL_3, "avx_vnni"), VectorUnit(8, 16, dot="vnni")
)
X86_64_V4 = _level("x86-64-v4", "AVX-512", LEVEL_4, VectorUnit(16, 32, dot="maddubs"))
X86_64_V4_VNNI = _level("x86-64-v4-vnni", "AVX-512 with byte dot products", VNNI_4, VectorUnit(16, 32, dot="vnni"))
X86_64_V4_BF16 = _level(
    "x86-64-v4-bf16",
    "AVX-512 with byte and bfloat16 dot products",
    (*VNNI_4, "avx512_bf16"),
    VectorUnit(16, 32, dot="vnni", bf16=True),
)
X86_64_V4_FP16 = _level(
    "x86-64-v4-fp16",
    "AVX-512 with arithmetic on halves",
    (*LEVEL_4, "avx512_fp16"),
    VectorUnit(16, 32, dot="maddubs", widening="vcvtph"),
)
X86_64_V4_AMX = _level(
    "x86-64-v4-amx",
    "AVX-512 with tile registers that multiply bytes and bfloat16",
    (*VNNI_4, "avx512_bf16", *AMX),
    VectorUnit(16, 32, dot="vnni", bf16=True, amx=("fp32", "int8", "bf16")),
)
X86_64_V4_AMX_FP16 = _level(
    "x86-64-v4-amx-fp16",
    "AVX-512 with tile registers that multiply bytes, bfloat16 and halves",
    (*VNNI_4, "avx512_bf16", "avx512_fp16", *AMX, "amx_fp16"),
    VectorUnit(16, 32, dot="vnni", bf16=True, amx=("fp32", "int8", "bf16", "fp16"), widening="vcvtph"),
)
LEVELS = (
    X86_64_V2,
    X86_64_V3,
    X86_64_V3_VNNI,
    X86_64_V4,
    X86_64_V4_VNNI,
    X86_64_V4_BF16,
    X86_64_V4_FP16,
    X86_64_V4_AMX,
    X86_64_V4_AMX_FP16,
)
