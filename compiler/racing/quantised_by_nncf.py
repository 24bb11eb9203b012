"""The network in INT8 as OpenVINO's own quantiser makes it, kept for later races."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

# NNCF reports home what it is used for, except on machines that test it.
os.environ["NNCF_CI"] = "1"

import nncf
import openvino

from zcc.compiler.precision.frames import CalibrationFrames
from zcc.compiler.racing.contestant import Floats
from zcc.compiler.racing.opencv_frame import PicturePlacement, prepare
from zcc.compiler.racing.race_task import RaceTask
from zcc.runtime.cache import cache_folder
from zcc.runtime.errors import UsageError
from zcc.runtime.manifest import InputSpec

CACHE = cache_folder() / "nncf"


def quantised(task: RaceTask) -> RaceTask:
    """The task with the model that NNCF's defaults make of its own on the task's calibration pictures."""
    if task.calibration is None:
        raise UsageError("NNCF needs pictures to choose its scales by", "give those of the artifact with --calib DIR")
    CACHE.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = CACHE / f"{_key(task, task.calibration)}.xml"
    if not made.exists():
        _quantise(task.model, list(_images(task.calibration, task.spec)), made)
    return replace(task, model=made)


def _key(task: RaceTask, calibration: CalibrationFrames) -> str:
    """Of everything that decides what NNCF makes."""
    parts = [task.spec, calibration.digest, nncf.__version__, openvino.__version__]
    return hashlib.sha256(task.model.read_bytes() + repr(parts).encode()).hexdigest()


def _images(frames: CalibrationFrames, spec: InputSpec) -> Iterable[Floats]:
    """The network's inputs as they are in the race."""
    return (prepare(frame, PicturePlacement.of(frame.shape[0], frame.shape[1], spec), spec) for frame in frames)


def _quantise(model: Path, images: list[Floats], made: Path) -> None:
    result = nncf.quantize(openvino.Core().read_model(model), nncf.Dataset(images))
    with tempfile.TemporaryDirectory(dir=made.parent) as scratch:
        openvino.save_model(result, Path(scratch) / made.name, compress_to_fp16=False)
        # Whoever sees the .xml must find the weights beside it.
        for suffix in (".bin", ".xml"):
            (Path(scratch) / made.name).with_suffix(suffix).replace(made.with_suffix(suffix))
