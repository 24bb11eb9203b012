"""A kind of machine whose CPU runs the whole frame: everything about it in one object, looked up once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from zcc.compiler.backends.cpu.kernels.byte_dot import short_words
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit
from zcc.compiler.backends.cpu.targets.abilities import ABILITIES
from zcc.compiler.backends.target import Target
from zcc.runtime import host
from zcc.runtime.manifest import Requirements


@dataclass(frozen=True)
class CpuTarget(Target):
    """An operating system, an architecture, and the instruction sets that the code uses."""

    os: str
    arch: str
    features: tuple[str, ...]  # instruction sets, by their names in /proc/cpuinfo
    llvm: tuple[tuple[str, Any], ...]  # the arguments of TVM's target for LLVM
    unit: VectorUnit

    def runs_here(self) -> bool:
        """Whether this machine has the system, the architecture and the instruction sets."""
        here = (host.system(), host.architecture())
        return (self.os, self.arch) == here and set(self.features) <= host.cpu_features()

    def computes(self, dtype: str) -> bool:
        """Whether there are kernels of that dtype for its vector unit."""
        return ABILITIES[dtype].computes(self.unit)

    def natively(self, dtype: str) -> bool:
        """Whether the unit has instructions of its own for the dtype."""
        return ABILITIES[dtype].natively(self.unit)

    def in_tiles(self, dtype: str) -> bool:
        """Whether the unit also has tile registers that multiply the dtype."""
        return ABILITIES[dtype].in_tiles(self.unit)

    @property
    def short_words(self) -> int:
        """What the quickest way of its unit to multiply bytes adds in 16 bits."""
        return short_words(self.unit)

    @property
    def halves(self) -> bool:
        """Whether its unit has arithmetic for them."""
        return bool(self.unit.widening)

    @property
    def key(self) -> str:
        """The instruction sets, and the cores that the work is cut for: `x86-64-v4-vnni.2-cores`."""
        cores = self.unit.threads
        return f"{self.name}.{cores}-core{'s' if cores > 1 else ''}"

    def tvm_target(self) -> Any:
        """The target as TVM wants it."""
        import tvm

        return tvm.target.Target({"kind": "llvm", **dict(self.llvm)})

    def requirements(self, runtime: str) -> Requirements:
        """What a host must have."""
        return Requirements(self.os, self.arch, self.features, runtime)

    def with_threads(self, threads: int) -> CpuTarget:
        """The target with work cut for so many threads."""
        return replace(self, unit=replace(self.unit, threads=threads))
