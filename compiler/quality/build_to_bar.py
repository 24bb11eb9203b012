"""A variant that is right and keeps to the accuracy bar, with as few of its layers in float as that takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from zcc.compiler.backends.table import backend_of, native_target
from zcc.compiler.building.build import build
from zcc.compiler.building.job import Job
from zcc.compiler.building.stage_recorder import StageRecorder
from zcc.compiler.precision.table import REFERENCE
from zcc.compiler.quality.bar import Bar
from zcc.compiler.quality.evaluate import detector
from zcc.compiler.quality.figures import comparison_figures
from zcc.compiler.quality.gate import Verdict
from zcc.compiler.quality.latency import measure_latency
from zcc.compiler.quality.open_bar import attempts
from zcc.compiler.quality.standard import NothingFound
from zcc.compiler.quality.verify import verify
from zcc.runtime.errors import BuildError
from zcc.runtime.manifest import Manifest


def build_to_bar(job: Job, key: str, scratch: Path, bar: Bar | None, stages: StageRecorder) -> tuple[Path, Manifest]:
    """The folder and the manifest of the first attempt that holds; a BuildError when none does."""
    missed = ""
    for floating in attempts(job, stages):
        folder = scratch / f"{job.precision.name}-{len(floating)}"
        folder.mkdir()
        manifest = with_figures(job, folder, build(job, key, folder, stages, floating), stages)
        verdict = judge(job, folder, manifest, bar, stages)
        if verdict is None:
            return folder, replace(manifest, stages=tuple(stages.done))
        names = job.source.model.class_names
        if job.precision.exact or verdict.holds:
            figures = comparison_figures(verdict.comparison, REFERENCE, names)
            return folder, replace(manifest, stages=tuple(stages.done), measured=(*manifest.measured, *figures))
        missed = verdict.message(names)
        latency = next(figure.value for figure in manifest.measured if figure.metric == "latency_ms")
        stages.progress.note(f"{len(floating)} layers in float, {latency:.1f} ms: {missed}")
    raise BuildError(
        f"{job.precision.name} misses the bar, nothing was published: {missed}",
        "allow more with --max-drop, calibrate on other pictures with --calib, or choose another dtype",
    )


def with_figures(job: Job, folder: Path, manifest: Manifest, stages: StageRecorder) -> Manifest:
    """The manifest with what was measured, and how it was verified; other kinds of machines are emulated for that."""
    running = backend_of(job.target).running(job.target)
    if not running.how:
        stages.progress.note(f"not verified, not measured: {running.why_not}")
        return replace(manifest, verified=f"not verified: {running.why_not}")
    with stages.stage("verify"):
        figures = [verify(folder, manifest, job)]
    manifest = replace(manifest, verified=running.how)
    if not job.target.runs_here():
        stages.progress.note(f"verified {running.how}, not measured")
        return replace(manifest, measured=tuple(figures))
    with stages.stage("measure"):
        figures += measure_latency(folder, manifest)
    return replace(manifest, measured=tuple(figures))


def is_reference(job: Job) -> bool:
    """Whether a variant is what others are held to: fp32 for this machine."""
    return job.precision.name == REFERENCE and job.target == native_target(REFERENCE)


def judge(job: Job, folder: Path, manifest: Manifest, bar: Bar | None, stages: StageRecorder) -> Verdict | None:
    """What the bar says of the variant; None where there is no bar, or nothing to hold against it."""
    if bar is None or not job.target.runs_here():
        return None
    try:
        candidate = detector(folder, manifest)
        if is_reference(job):
            bar.offer(candidate)  # so that nothing is built twice
        with stages.stage("accuracy"):
            return bar.judge(candidate)
    except NothingFound as nothing:
        if bar.asked:
            raise
        stages.progress.note(f"accuracy was not measured: {nothing.problem}")
        return None
