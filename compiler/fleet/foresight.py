"""By which fingerprints the variants of a model would be known, found without calibrating or building any of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zcc.compiler.backends.table import NoInstructions
from zcc.compiler.building.calibration import calibration_of
from zcc.compiler.building.job import Job
from zcc.compiler.building.prepare import fitting
from zcc.compiler.building.progress import Silent
from zcc.compiler.building.stage_recorder import StageRecorder
from zcc.compiler.compile import find_records
from zcc.compiler.fleet.matrix import Cell
from zcc.compiler.fleet.tasks import Foreseen
from zcc.compiler.frontend.load import load_model
from zcc.compiler.importing.imported import Imported, import_model
from zcc.compiler.precision.calibrate import Calibration
from zcc.compiler.precision.calibrated import Calibrated
from zcc.compiler.precision.frames import CalibrationFrames, load_frames
from zcc.compiler.quality.given import check_bar
from zcc.compiler.quality.open_bar import open_bar
from zcc.registry import Registry
from zcc.runtime.errors import ZccError
from zcc.runtime.manifest import InputSpec


@dataclass(frozen=True)
class _Model:
    """A model that was read once for all its variants."""

    source: Imported
    frames: CalibrationFrames | None
    quantised: bool


def foresee(cells: Sequence[Cell], registry: Registry, scratch: Path) -> list[Foreseen]:
    """Of each cell, all of one model, its fingerprint; or why there is no such variant."""
    options = cells[0].options
    model = load_model(options.model, options.imgsz, options.classes, options.pixels)
    spec = InputSpec(model.height, model.width, options.color, fitting(options.resize, model.task))
    source = import_model(model, spec, options.max_det)
    frames = load_frames(options.calib, options.color) if options.calib is not None else None
    read = _Model(source, frames, calibration_of(source) is not None)
    return [_foresee(cell, read, registry, scratch) for cell in cells]


def _foresee(cell: Cell, model: _Model, registry: Registry, scratch: Path) -> Foreseen:
    try:
        key = _fingerprint(cell, model, registry, scratch)
    except NoInstructions as error:
        return Foreseen(cell, cannot=str(error))
    except ZccError as error:
        return Foreseen(cell, wrong=str(error))
    known = registry.by_fingerprint(key)
    return Foreseen(cell, key, known.digest if known else None)


def _fingerprint(cell: Cell, model: _Model, registry: Registry, scratch: Path) -> str:
    """As the build itself will take it."""
    options = cell.options
    check_bar(options.max_drop, options.data, options.calib)
    [(precision, target)] = options.wish.variants(model.quantised, model.frames is not None)
    # What the pictures would bring is not asked: they themselves are in the fingerprint.
    shown = Calibrated(model.frames, Calibration({}, {})) if model.frames and precision.calibrated else None
    bar = open_bar(options, model.source, shown, StageRecorder(Silent()), scratch)
    records = find_records(target, registry)
    job = Job(cell.name, model.source, target, precision, records, None, shown, bar.digest if bar else None)
    return job.fingerprint()
