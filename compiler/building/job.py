"""One variant to be built, and the key that names the build."""

from __future__ import annotations

from dataclasses import dataclass

from zcc.compiler.backends.backend import Records
from zcc.compiler.backends.table import backend_of
from zcc.compiler.backends.target import Target
from zcc.compiler.building.fingerprint import fingerprint
from zcc.compiler.importing.imported import Imported
from zcc.compiler.precision.calibrate import Calibration
from zcc.compiler.precision.calibrated import Calibrated
from zcc.compiler.precision.table import Precision


@dataclass(frozen=True)
class Job:
    """One variant to be built."""

    name: str
    source: Imported
    target: Target
    precision: Precision
    records: Records  # of tuning, for the target
    calibration: Calibration | None = None  # what came of pictures, else what the model brought along
    calibrated: Calibrated | None = None  # the pictures, where there were any
    bar_digest: str | None = None  # of the pictures and the bar that the variant is held to

    def fingerprint(self) -> str:
        """The hash of everything that decides what comes out."""
        model, spec = self.source.model, self.source.input
        return fingerprint(
            {
                "name": self.name,
                "model": model.sha256,
                "target": self.target.key,
                "tools": backend_of(self.target).tools(),
                "dtype": self.precision.name,
                "input": [spec.height, spec.width, spec.color, spec.resize],
                "pixels": model.pixels,
                "batch": model.batch,
                "classes": list(model.class_names),
                "max_det": self.source.max_det,
                "calibration": self.calibrated.digest if self.calibrated else None,
                "bar": self.bar_digest,
                "tuning": self.records.digest,
            }
        )
