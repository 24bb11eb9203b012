"""One variant to be built, and the key that names the build."""

from __future__ import annotations

from dataclasses import dataclass

from zcc.compiler.fingerprint import fingerprint
from zcc.compiler.frontend.model import Model
from zcc.compiler.precision.table import Precision
from zcc.compiler.targets.target import Target
from zcc.runtime.manifest import InputSpec


@dataclass(frozen=True)
class Job:
    """One variant to be built."""

    name: str
    model: Model
    target: Target
    precision: Precision
    input: InputSpec
    max_det: int

    def fingerprint(self) -> str:
        """The hash of everything that decides what comes out."""
        return fingerprint(
            {
                "name": self.name,
                "model": self.model.sha256,
                "target": [self.target.name, self.target.unit.threads],
                "dtype": self.precision.name,
                "input": [self.input.height, self.input.width, self.input.color, self.input.resize],
                "classes": list(self.model.class_names),
                "max_det": self.max_det,
            }
        )
