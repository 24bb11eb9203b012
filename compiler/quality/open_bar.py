"""The accuracy bar as a stage of a compile: what variants are held to, and what is tried when one misses it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from zcc.compiler.backends.table import backend_of, native_target
from zcc.compiler.building.build import build
from zcc.compiler.building.job import Job
from zcc.compiler.building.options import CompileOptions
from zcc.compiler.building.stage_recorder import StageRecorder
from zcc.compiler.importing.imported import Imported
from zcc.compiler.precision.calibrated import Calibrated
from zcc.compiler.precision.frames import CalibrationFrames, load_frames
from zcc.compiler.precision.table import REFERENCE, find_precision
from zcc.compiler.quality.bar import Bar
from zcc.compiler.quality.comparison import POINTS
from zcc.compiler.quality.evaluate import Detect, detector
from zcc.compiler.quality.pictures import Pictures, load_pictures
from zcc.compiler.quality.sensitivity import most_sensitive
from zcc.runtime.frame import Pixels

STEPS = (1, 2, 4, 8, 16)  # how many of the most sensitive layers are tried in float, one number after the other
# Points that may be lost unless the user says so. Agreement counts every detection that appears or goes, also where
# labels would call it no loss, so it asks for more room.
LABELLED, UNLABELLED = 0.5, 2.0
WARNING = "warning: "


def open_bar(
    options: CompileOptions, source: Imported, calibrated: Calibrated | None, stages: StageRecorder, scratch: Path
) -> Bar | None:
    """The bar, where there are pictures for one: those of `--data`, else those of `--calib`, without labels.

    Where all points may be lost, agreement is not measured: an untrained model has nothing to agree on.
    """
    if options.data is not None:
        pictures = load_pictures(options.data, source.model.class_names, source.model.task)
        if pictures.assumed is not None:
            stages.progress.note(f"{WARNING}{pictures.assumed}")
    elif options.calib is not None and options.max_drop != POINTS:
        frames = calibrated.frames if calibrated else load_frames(options.calib, source.input.color)
        place = options.calib.name or str(options.calib)
        pictures = Pictures(place, _InBgr(frames), len(frames.paths), frames.digest)
    else:
        return None
    usual = UNLABELLED if pictures.labels is None else LABELLED
    allowed = usual if options.max_drop is None else options.max_drop
    asked = options.data is not None or options.max_drop is not None
    reference = partial(_build_reference, source, scratch, stages)
    return Bar(pictures, allowed, reference, asked, lambda doubt: stages.progress.note(f"{WARNING}{doubt}"))


@dataclass(frozen=True)
class _InBgr:
    """Calibration frames as pictures are: in BGR, whatever order the detector is given."""

    frames: CalibrationFrames

    def __iter__(self) -> Iterator[Pixels]:
        flip = self.frames.color == "rgb"
        return (np.ascontiguousarray(frame[..., ::-1]) if flip else frame for frame in self.frames)


def _build_reference(source: Imported, scratch: Path, stages: StageRecorder) -> Detect:
    """The fp32 variant for this machine; it is not published."""
    folder = scratch / "reference"
    folder.mkdir()
    target = native_target(REFERENCE)
    job = Job("reference", source, target, find_precision(REFERENCE), backend_of(target).no_records())
    with stages.progress.stage("fp32 reference"):
        return detector(folder, build(job, "", folder, stages))


def attempts(job: Job, stages: StageRecorder) -> Iterator[tuple[str, ...]]:
    """The layers to keep in float: none, then more and more of the most sensitive ones."""
    yield ()
    if job.calibrated is None or not job.target.runs_here():
        return
    with stages.stage("sensitivity"):
        ranking = most_sensitive(job.source, job.calibrated, job.target)
    for count in STEPS:
        if count < len(ranking):
            yield tuple(ranking[:count])
