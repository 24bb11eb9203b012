"""A calibration, and the pictures that it came of."""

from __future__ import annotations

from dataclasses import dataclass

from zcc.compiler.precision.calibrate import Calibration
from zcc.compiler.precision.frames import CalibrationFrames


@dataclass(frozen=True)
class Calibrated:
    """The frames that a model was shown, and the calibration that came of them."""

    frames: CalibrationFrames
    calibration: Calibration

    @property
    def digest(self) -> str:
        """The hash of the frames, which decide the calibration."""
        return self.frames.digest
