"""One variant, built into a folder by its target's backend."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from zcc.compiler.backends.table import backend_of
from zcc.compiler.building.job import Job
from zcc.compiler.building.package import make_manifest
from zcc.compiler.building.stage_recorder import StageRecorder
from zcc.runtime.manifest import Manifest


def build(job: Job, key: str, folder: Path, stages: StageRecorder, floating: Collection[str] = ()) -> Manifest:
    """Build a variant in `folder`, those of its layers that are named in float; nothing of it is measured yet."""
    target = job.target
    source = job.source.network()
    network = job.precision.convert(source, job.calibration, floating, target.short_words, target.halves)
    backend = backend_of(job.target)
    built = backend.build(job.source, network, job.precision, job.target, job.records, folder, stages.stage)
    stages.progress.note(built.note)
    return make_manifest(folder, job, key, built)
