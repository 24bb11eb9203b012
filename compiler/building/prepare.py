"""What comes before any variant is built or tuned: the model, the variants that are wanted, and their calibration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from zcc.compiler.backends.table import NATIVE, backend_of, targets
from zcc.compiler.backends.target import Target
from zcc.compiler.building.calibration import calibrate_on_pictures, calibration_of
from zcc.compiler.building.options import CompileOptions
from zcc.compiler.building.stage_recorder import StageRecorder
from zcc.compiler.building.wanted import PassOver, Variants
from zcc.compiler.frontend.load import load_model
from zcc.compiler.importing.imported import Imported, import_model
from zcc.compiler.precision.calibrate import Calibration
from zcc.compiler.precision.calibrated import Calibrated
from zcc.compiler.precision.table import Precision
from zcc.runtime.errors import UsageError
from zcc.runtime.manifest import InputSpec, TaskInfo


@dataclass(frozen=True)
class Prepared:
    """An imported model, and what is to be made of it."""

    source: Imported
    variants: Sequence[tuple[Precision, Target]]
    calibrated: Calibrated | None  # on pictures, where a variant wants that and there are some
    calibration: Calibration | None  # that, else the one that the file brings along


def check_task(task: TaskInfo, target: Target) -> None:
    """Refuse a task that the target's backend does not build."""
    if task.name not in backend_of(target).tasks:
        able = ", ".join(name for name, other in targets().items() if task.name in backend_of(other).tasks)
        raise UsageError(f"{task.name} models are not compiled for {target.name} yet", f"take a target of {able}")


def for_task(variants: Variants, task: TaskInfo, native: bool, note: Callable[[str], None]) -> Variants:
    """Those whose backend builds the task: all, or where targets are this machine's own, those there are."""
    able = [(precision, target) for precision, target in variants if task.name in backend_of(target).tasks]
    if not (native and able):
        for _, target in variants:
            check_task(task, target)
    for name in dict.fromkeys(target.name for _, target in variants if task.name not in backend_of(target).tasks):
        note(f"{task.name} models are not compiled for {name} yet")
    return able


def fitting(asked: str | None, task: TaskInfo) -> str:
    """How a frame is fitted to the input: as asked, else as models of the task are trained."""
    usual = "crop" if task.name == "classify" else "letterbox"
    resize = asked or usual
    if "crop" in (resize, usual) and resize not in (usual, "stretch"):
        raise UsageError(
            f"--resize {resize} is not for {task.name} models", f"leave it out for {usual}, or take stretch"
        )
    if task.name == "obb" and resize == "stretch":
        raise UsageError("a rotated box is no rectangle in a stretched frame", "leave --resize out")
    return resize


def prepare(options: CompileOptions, stages: StageRecorder, pass_over: PassOver | None) -> Prepared:
    """Load, check and import the model, and calibrate it for those of its variants that are calibrated."""
    with stages.stage("load and check"):
        model = load_model(options.model, options.imgsz, options.classes, options.pixels, options.batch)
    for note in model.notes:
        stages.progress.note(note)
    with stages.stage("import"):
        spec = InputSpec(model.height, model.width, options.color, fitting(options.resize, model.task))
        source = import_model(model, spec, options.max_det)
    brought = calibration_of(source)
    variants = options.wish.variants(brought is not None, options.calib is not None, pass_over)
    variants = for_task(variants, model.task, options.target == NATIVE, stages.progress.note)
    calibrated = calibrate_on_pictures(options, source, brought, [precision for precision, _ in variants], stages)
    return Prepared(source, variants, calibrated, calibrated.calibration if calibrated else brought)
