"""The accuracy bar as a stage of a compile: what variants are held to, and what is tried when one misses it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from zcc.compiler.accuracy.bar import Bar, digest_of
from zcc.compiler.accuracy.evaluate import Detect
from zcc.compiler.accuracy.pictures import Pictures, load_pictures
from zcc.compiler.imported import Imported
from zcc.compiler.job import Job
from zcc.compiler.options import CompileOptions
from zcc.compiler.precision.sensitivity import most_sensitive
from zcc.compiler.precision.shown import Shown
from zcc.compiler.precision.table import REFERENCE, find_precision
from zcc.compiler.stages import Stages
from zcc.compiler.targets.table import native_target, runs_here
from zcc.compiler.variant import build, detector

STEPS = (1, 2, 4, 8, 16)  # how many of the most sensitive layers are tried in float, one number after the other


def open_bar(
    options: CompileOptions, source: Imported, shown: Shown | None, stages: Stages, scratch: Path
) -> Bar | None:
    """The bar, where there are pictures for one: those of `--data`, else the calibration's, without labels."""
    place = options.data or options.calib
    if place is None or (options.data is None and shown is None):
        return None
    if options.data is None and shown is not None:
        frames = replace(shown.frames, color="bgr")
        pictures = Pictures(place.name or str(place), frames, len(frames.paths))
    else:
        pictures = load_pictures(place, source.model.class_names)
    reference = partial(_build_reference, source, scratch, stages)
    return Bar(pictures, options.max_drop, digest_of(place, options.max_drop), reference)


def _build_reference(source: Imported, scratch: Path, stages: Stages) -> Detect:
    """The fp32 variant for this machine; it is not published."""
    folder = scratch / "reference"
    folder.mkdir()
    job = Job("reference", source, native_target(), find_precision(REFERENCE))
    with stages.progress.stage("fp32 reference"):
        return detector(folder, build(job, "", folder, stages))


def attempts(job: Job, stages: Stages) -> Iterator[tuple[str, ...]]:
    """The layers to keep in float: none, then more and more of the most sensitive ones."""
    yield ()
    if job.shown is None or not runs_here(job.target):
        return
    with stages.stage("sensitivity"):
        ranking = most_sensitive(job.source, job.shown, job.target)
    for count in STEPS:
        if count < len(ranking):
            yield tuple(ranking[:count])
