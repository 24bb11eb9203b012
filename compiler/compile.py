"""The story of a compile, top to bottom: an ONNX file goes in, artifacts come out in the registry."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from zcc.compiler.frontend.load import load_model
from zcc.compiler.frontend.raw_head import find_raw_head, with_maps
from zcc.compiler.job import Job
from zcc.compiler.measure import measure_latency
from zcc.compiler.package import make_manifest, write_files
from zcc.compiler.precision.table import find_precision
from zcc.compiler.program.build import build_library
from zcc.compiler.program.emit import Frame, emit
from zcc.compiler.program.lower import import_proto, lower_module
from zcc.compiler.program.raw_source import raw_source
from zcc.compiler.progress import Progress, Silent
from zcc.compiler.stages import Stages
from zcc.compiler.targets.table import find_target, runs_here
from zcc.compiler.verify import verify
from zcc.registry import Registry
from zcc.registry.reference import check_name
from zcc.runtime.library import MODULE
from zcc.runtime.manifest import InputSpec, Manifest


@dataclass(frozen=True)
class CompileOptions:
    """What the user asks for."""

    model: Path
    name: str | None = None
    dtypes: tuple[str, ...] = ("fp32",)
    target: str = "native"
    imgsz: tuple[int, int] | None = None
    classes: Path | None = None
    color: str = "bgr"
    resize: str = "letterbox"
    max_det: int = 300
    calib: Path | None = None  # pictures whose values decide the scales of integers
    data: Path | None = None  # pictures that accuracy is measured on
    max_drop: float = 0.5  # points of mAP50-95 that a variant may lose against fp32


@dataclass(frozen=True)
class Result:
    """One artifact in the registry, made now or found there."""

    manifest: Manifest
    folder: Path
    reused: bool


def compile_model(options: CompileOptions, registry: Registry, progress: Progress | None = None) -> list[Result]:
    """Compile the model in every precision asked for, and publish each."""
    progress = progress or Silent()
    name = check_name(options.name or options.model.stem)
    target = find_target(options.target)
    precisions = [find_precision(dtype) for dtype in dict.fromkeys(options.dtypes)]
    stages = Stages(progress)
    with stages.stage("load and check"):
        model = load_model(options.model, options.imgsz, options.classes)
    spec = InputSpec(model.height, model.width, options.color, options.resize)
    jobs = [Job(name, model, target, precision, spec, options.max_det) for precision in precisions]
    return [build_once(job, registry, Stages(progress, tuple(stages.done))) for job in jobs]


def build_once(job: Job, registry: Registry, stages: Stages) -> Result:
    """Build and publish a variant, unless the registry has this very build already."""
    key = job.fingerprint()
    waiting = "another process is compiling this; waiting for it"
    with registry.build_lock(key, lambda: stages.progress.note(waiting)):
        known = registry.by_fingerprint(key)
        if known is not None:
            registry.renew(known.digest)
            return Result(known.manifest, registry.folder(known), reused=True)
        with tempfile.TemporaryDirectory(prefix="zcc-") as scratch:
            folder = Path(scratch)
            manifest = build(job, key, folder, stages)
            with stages.progress.stage("publish"):
                artifact = registry.publish(folder, manifest)
        return Result(artifact.manifest, registry.folder(artifact), reused=False)


def build(job: Job, key: str, folder: Path, stages: Stages) -> Manifest:
    """Build a variant in `folder` and check that it computes what the model says."""
    with stages.stage("import"):
        raw = find_raw_head(job.model)
        module = import_proto(with_maps(job.model.proto, raw) if raw else job.model.proto)
    with stages.stage("lower"):
        layout = lower_module(module, job.target.unit)
        source = raw_source(raw, layout) if raw else job.model.head
        program = emit(layout, Frame(job.input, source, job.max_det, job.model.head.suppression), job.target.unit)
    with stages.stage("build"):
        build_library(program.module, job.target.tvm_target(), folder / MODULE)
        write_files(folder, layout.weights)
    manifest = make_manifest(folder, job, key, layout.calls, program)
    return check(job, folder, manifest, stages)


def check(job: Job, folder: Path, manifest: Manifest, stages: Stages) -> Manifest:
    """The manifest with what was measured; a machine of another kind can measure nothing."""
    if not runs_here(job.target):
        stages.progress.note(f"{job.target.name} does not run on this machine: not verified, not measured")
        return replace(manifest, stages=tuple(stages.done))
    with stages.stage("verify"):
        figures = [verify(folder, manifest, job.model)]
    with stages.stage("measure"):
        figures.append(measure_latency(folder, manifest))
    return replace(manifest, stages=tuple(stages.done), measured=tuple(figures))
