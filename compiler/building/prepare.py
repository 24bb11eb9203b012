"""What comes before any variant is built or tuned: the model, the variants that are wanted, and their calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zcc.compiler.backends.target import Target
from zcc.compiler.building.calibration import calibrate_on_pictures
from zcc.compiler.building.options import CompileOptions
from zcc.compiler.building.stage_recorder import StageRecorder
from zcc.compiler.building.wanted import PassOver
from zcc.compiler.frontend.load import load_model
from zcc.compiler.importing.imported import Imported, import_model
from zcc.compiler.precision.calibrate import Calibration
from zcc.compiler.precision.calibrated import Calibrated
from zcc.compiler.precision.model_scales import calibration_of
from zcc.compiler.precision.table import Precision
from zcc.runtime.manifest import InputSpec


@dataclass(frozen=True)
class Prepared:
    """An imported model, and what is to be made of it."""

    source: Imported
    variants: Sequence[tuple[Precision, Target]]
    calibrated: Calibrated | None  # on pictures, where a variant wants that and there are some
    calibration: Calibration | None  # that, else the one that the file brings along


def prepare(options: CompileOptions, stages: StageRecorder, pass_over: PassOver | None) -> Prepared:
    """Load, check and import the model, and calibrate it for those of its variants that are calibrated."""
    with stages.stage("load and check"):
        model = load_model(options.model, options.imgsz, options.classes)
    with stages.stage("import"):
        spec = InputSpec(model.height, model.width, options.color, options.resize)
        source = import_model(model, spec, options.max_det)
    brought = calibration_of(source)
    variants = options.wish.variants(brought is not None, options.calib is not None, pass_over)
    calibrated = calibrate_on_pictures(options, source, brought, [precision for precision, _ in variants], stages)
    return Prepared(source, variants, calibrated, calibrated.calibration if calibrated else brought)
