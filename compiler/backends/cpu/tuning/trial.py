"""What is asked of a device that measures kernels; it travels between processes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from zcc.compiler.backends.cpu.kernels.choices import Form, Tunable
from zcc.compiler.backends.cpu.targets.target import CpuTarget


@dataclass(frozen=True)
class KernelTrial:
    """Forms of one kernel, to be measured against its default form."""

    default: Tunable
    forms: tuple[Form, ...]
    target: CpuTarget

    def alone(self) -> list[KernelTrial]:
        """A trial for each form."""
        return [replace(self, forms=(form,)) for form in self.forms]
