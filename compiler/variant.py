"""One variant: built into a folder, and run from there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from zcc.compiler.accuracy.evaluate import Detect, measured
from zcc.compiler.job import Job
from zcc.compiler.package import make_manifest, runtime_library, write_files
from zcc.compiler.program.build import build_library
from zcc.compiler.program.emit import emit
from zcc.compiler.program.lower import lower_network
from zcc.compiler.stages import Stages
from zcc.runtime.library import MODULE
from zcc.runtime.manifest import Manifest
from zcc.runtime.variant import Variant


def build(job: Job, key: str, folder: Path, stages: Stages, floating: Collection[str] = ()) -> Manifest:
    """Build a variant in `folder`; nothing of it is measured yet."""
    source, runtime = job.source, runtime_library(job.target)
    with stages.stage("lower"):
        chosen = job.records.form(source, job.precision, job.target)
        unit = chosen.form.unit(job.target.unit)
        network = job.precision.convert(source.network(), job.calibration, floating)
        choices = job.records.choices(unit, chosen.form.winograd)
        layout = lower_network(network, unit, choices, chosen.form.block)
        program = emit(layout, source.frame_of(layout), unit)
    with stages.stage("build"):
        build_library(program.module, job.target.tvm_target(), folder / MODULE)
        weights = layout.constants.stored(job.precision.halves_weights)
        write_files(folder, weights, runtime)
    stages.progress.note(describe_choices(choices.counts))
    told = {"choices": choices.counts, "network": chosen.describe(), **chosen.wanted_threads}
    return make_manifest(folder, job, key, layout, program, weights, told)


def describe_choices(counts: Mapping[str, int]) -> str:
    """How many kernels had tuning records."""
    tuned, default = counts["tuned"], counts["default"]
    hint = "; `zcc tune` looks for faster forms" if default else ""
    return f"{tuned} kernels as tuning records have them, {default} by default{hint}"


def detector(folder: Path, manifest: Manifest) -> Detect:
    """The variant in `folder`, as accuracy is measured."""
    return measured(Variant(folder, manifest).run, manifest.input.color)
