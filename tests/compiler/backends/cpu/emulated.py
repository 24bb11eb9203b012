"""A 64-bit ARM machine, emulated by qemu-user: the compiler's own, and what tests need to ask for it."""

from __future__ import annotations

from zcc.compiler.backends.cpu.emulation.emulator import Emulator
from zcc.compiler.backends.cpu.program.linking import cross_linker
from zcc.compiler.backends.cpu.targets.aarch64 import AARCH64, TRIPLE
from zcc.runtime.errors import BuildError


def why_not() -> str:
    """What is missing here to build for ARM and to run it, "" when all is there."""
    try:
        cross_linker(TRIPLE)
    except BuildError as error:
        return str(error)
    return Emulator(AARCH64).missing
