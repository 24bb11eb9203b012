"""What the compiler asks of a target: everything about a machine in one object, looked up once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from zcc.compiler.backends.cpu.kernels.spec import VectorUnit
from zcc.runtime.manifest import Requirements


@dataclass(frozen=True)
class Target:
    """A kind of machine."""

    name: str  # as in `--target`
    describe: str
    os: str
    arch: str
    features: tuple[str, ...]  # instruction sets the code uses, by their names in /proc/cpuinfo
    llvm: tuple[tuple[str, Any], ...]  # what TVM's LLVM back end is told
    unit: VectorUnit

    def tvm_target(self) -> Any:
        """The target as TVM wants it."""
        import tvm

        return tvm.target.Target({"kind": "llvm", **dict(self.llvm)})

    def requirements(self, runtime: str) -> Requirements:
        """What a host must have."""
        return Requirements(self.os, self.arch, self.features, runtime)

    def with_threads(self, threads: int) -> Target:
        """The target with work cut for so many threads."""
        return replace(self, unit=replace(self.unit, threads=threads))
