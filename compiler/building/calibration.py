"""Calibration as a stage of a compile: the pictures of `--calib`, shown to the network in fp32."""

from __future__ import annotations

from collections.abc import Sequence

from zcc.compiler.backends.cpu.observing.observe import observe
from zcc.compiler.backends.cpu.targets.table import native_target
from zcc.compiler.building.options import CompileOptions
from zcc.compiler.building.stages import Stages
from zcc.compiler.importing.imported import Imported
from zcc.compiler.precision.calibrate import calibrate
from zcc.compiler.precision.calibrated import Shown
from zcc.compiler.precision.frames import load_frames
from zcc.compiler.precision.table import Precision
from zcc.runtime.errors import UsageError


def load_shown(
    options: CompileOptions, source: Imported, precisions: Sequence[Precision], stages: Stages
) -> Shown | None:
    """The pictures and what came of them, when a precision needs it; they come before the scales of the file itself."""
    names = [precision.name for precision in precisions if precision.calibrated]
    if not names or (options.calib is None and source.calibration is not None):
        return None
    if options.calib is None:
        raise UsageError(
            f"{names[0]} needs pictures to choose its scales by", "give a folder of 32 or so with --calib DIR"
        )
    if source.calibration is not None:
        stages.progress.note("the model brings scales of its own, which the pictures of --calib replace")
    with stages.stage("calibrate"):
        frames = load_frames(options.calib, source.input.color)
        for warning in frames.warnings:
            stages.progress.note(warning)
        network = source.network()
        seen = observe(network, native_target(), source.frame_of, frames)
        return Shown(frames, calibrate(network, seen))
