"""Calibration as a stage of a compile: the pictures of `--calib`, shown to the network in fp32."""

from __future__ import annotations

from collections.abc import Sequence

from zcc.compiler.imported import Imported
from zcc.compiler.options import CompileOptions
from zcc.compiler.precision.calibrate import calibrate
from zcc.compiler.precision.frames import load_frames
from zcc.compiler.precision.observe import observe
from zcc.compiler.precision.shown import Shown
from zcc.compiler.precision.table import Precision
from zcc.compiler.stages import Stages
from zcc.compiler.targets.table import native_target


def load_shown(
    options: CompileOptions, source: Imported, precisions: Sequence[Precision], stages: Stages
) -> Shown | None:
    """The pictures and what came of them, when a precision needs it; they come before the scales of the file itself."""
    if options.calib is None or not any(precision.calibrated for precision in precisions):
        return None
    if source.calibration is not None:
        stages.progress.note("the model brings scales of its own, which the pictures of --calib replace")
    with stages.stage("calibrate"):
        frames = load_frames(options.calib, source.input.color)
        for warning in frames.warnings:
            stages.progress.note(warning)
        network = source.network()
        seen = observe(network, native_target(), source.frame_of, frames)
        return Shown(frames, calibrate(network, seen))
