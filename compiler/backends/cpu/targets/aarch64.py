"""64-bit ARM processors, by the instruction sets they list, never by vendor."""

from __future__ import annotations

from zcc.compiler.backends.cpu.kernels.spec import VectorUnit
from zcc.compiler.backends.cpu.targets.target import CpuTarget

TRIPLE = "aarch64-unknown-linux-gnu"
LANES, REGISTERS = 4, 32
# Extensions by their names in /proc/cpuinfo, and in LLVM. What no kernel uses is left out: it would be asked of hosts.
LLVM_NAMES = {"asimddp": "dotprod", "i8mm": "i8mm"}


def _row(name: str, describe: str, dot: str, *extensions: str) -> CpuTarget:
    """ARMv8.0 with NEON, and the extensions that the code also uses."""
    attributes = ["+neon", *(f"+{LLVM_NAMES[extension]}" for extension in extensions)]
    llvm = (("mtriple", TRIPLE), ("mcpu", "generic"), ("mattr", attributes))
    return CpuTarget(
        name, describe, "linux", "aarch64", ("asimd", *extensions), llvm, VectorUnit(LANES, REGISTERS, dot=dot)
    )


AARCH64 = _row("aarch64", "any 64-bit ARM processor: NEON", "")
AARCH64_DOTPROD = _row("aarch64-dotprod", "ARM with byte dot products", "sdot", "asimddp")
AARCH64_I8MM = _row("aarch64-i8mm", "ARM with dot products of unsigned and signed bytes", "usdot", "i8mm")
PROCESSORS = (AARCH64, AARCH64_DOTPROD, AARCH64_I8MM)
