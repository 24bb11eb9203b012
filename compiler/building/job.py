"""One variant to be built, and the key that names the build."""

from __future__ import annotations

from dataclasses import dataclass

from zcc.compiler.backends.cpu.targets.target import Target
from zcc.compiler.building.fingerprint import fingerprint
from zcc.compiler.importing.imported import Imported
from zcc.compiler.precision.calibrate import Calibration
from zcc.compiler.precision.calibrated import Shown
from zcc.compiler.precision.table import Precision
from zcc.compiler.tuning.lookup import NO_RECORDS, Records


@dataclass(frozen=True)
class Job:
    """One variant to be built."""

    name: str
    source: Imported
    target: Target
    precision: Precision
    shown: Shown | None = None  # what calibration saw
    bar_digest: str | None = None  # of the pictures and the bar that the variant is held to
    records: Records = NO_RECORDS  # of tuning, for the target

    @property
    def calibration(self) -> Calibration | None:
        """What came of the pictures, else what the model brought along."""
        return self.shown.calibration if self.shown else self.source.calibration

    def fingerprint(self) -> str:
        """The hash of everything that decides what comes out."""
        model, spec = self.source.model, self.source.input
        return fingerprint(
            {
                "name": self.name,
                "model": model.sha256,
                "target": [self.target.name, self.target.unit.threads],
                "dtype": self.precision.name,
                "input": [spec.height, spec.width, spec.color, spec.resize],
                "classes": list(model.class_names),
                "max_det": self.source.max_det,
                "calibration": self.shown.digest if self.shown else None,
                "bar": self.bar_digest,
                "tuning": self.records.digest,
            }
        )
