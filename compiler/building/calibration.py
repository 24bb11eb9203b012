"""Calibration: what a quantised file brings along, and the pictures of `--calib`, shown to the network in fp32."""

from __future__ import annotations

from collections.abc import Sequence

from zcc.compiler.backends.table import REFERENCE
from zcc.compiler.building.options import CompileOptions
from zcc.compiler.building.stage_recorder import StageRecorder
from zcc.compiler.importing.imported import Imported
from zcc.compiler.precision.calibrate import Calibration, calibrate
from zcc.compiler.precision.calibrated import Calibrated
from zcc.compiler.precision.frames import load_frames
from zcc.compiler.precision.model_scales import carry
from zcc.compiler.precision.table import Precision


def calibration_of(source: Imported) -> Calibration | None:
    """The calibration that the file brings along; None where it brings none that integers could be computed by."""
    known = source.quantisations()
    return carry(source.undecoded(), known) if known else None


def calibrate_on_pictures(
    options: CompileOptions,
    source: Imported,
    brought: Calibration | None,
    precisions: Sequence[Precision],
    stages: StageRecorder,
) -> Calibrated | None:
    """The pictures and what came of them, when a precision needs it; they come before what the model brought along."""
    if options.calib is None or not any(precision.calibrated for precision in precisions):
        return None
    if brought is not None:
        stages.progress.note("the model brings scales of its own, which the pictures of --calib replace")
    with stages.stage("calibrate"):
        frames = load_frames(options.calib, source.input.color)
        for warning in frames.warnings:
            stages.progress.note(warning)
        network = source.network()
        seen = REFERENCE.statistics(source, network, frames)
        return Calibrated(frames, calibrate(network, seen))
