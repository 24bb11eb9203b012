"""64-bit ARM processors, by the instruction sets they list, never by vendor."""

from __future__ import annotations

from typing import Any

from zcc.compiler.backends.cpu.kernels.spec import VectorUnit
from zcc.compiler.backends.cpu.targets.target import CpuTarget

TRIPLE = "aarch64-unknown-linux-gnu"
LANES, REGISTERS = 4, 32
ARCHITECTURE = "arm64 armv8 arm"  # as others name it
# Extensions by their names in /proc/cpuinfo, and in LLVM. What no kernel uses is left out: it would be asked of hosts.
LLVM_NAMES = {"asimddp": "dotprod", "asimdhp": "fullfp16", "asimdfhm": "fp16fml", "i8mm": "i8mm", "bf16": "bf16"}


def _row(name: str, describe: str, *extensions: str, boards: str, **abilities: Any) -> CpuTarget:
    """ARMv8.0 with NEON, the extensions that the code also uses, and what they make of the vector unit."""
    attributes = ["+neon", *(f"+{LLVM_NAMES[extension]}" for extension in extensions)]
    llvm = (("mtriple", TRIPLE), ("mcpu", "generic"), ("mattr", attributes))
    unit = VectorUnit(LANES, REGISTERS, by_lane=True, **abilities)
    return CpuTarget(
        name, describe, "linux", "aarch64", ("asimd", *extensions), llvm, unit, known_as=f"{ARCHITECTURE} {boards}"
    )


AARCH64 = _row(
    "aarch64",
    "any 64-bit ARM processor: NEON",
    boards="raspberry pi pi3 pi4 rpi3 rpi4 raspberrypi3 raspberrypi4 jetson tx2 xavier graviton graviton1",
    dot="smull",
)
AARCH64_DOTPROD = _row(
    "aarch64-dotprod",
    "ARM with byte dot products, and arithmetic on halves",
    *("asimddp", "asimdhp"),
    boards="raspberry pi pi5 rpi5 raspberrypi5 rk3568 rk3588 jetson orin graviton2 ampere altra",
    dot="sdot",
    widening="fcvtl",
)
AARCH64_I8MM = _row(
    "aarch64-i8mm",
    "ARM with matrix products of bytes and of bfloat16",
    *("asimdhp", "asimdfhm", "i8mm", "bf16"),
    boards="graviton3 graviton4 grace cobalt",
    dot="usdot",
    widening="fmlal",
    bf16=True,
)
PROCESSORS = (AARCH64, AARCH64_DOTPROD, AARCH64_I8MM)
