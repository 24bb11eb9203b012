"""What every peer is given: the network that was compiled, and what is to be done with a frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import onnx

from zcc.compiler.frontend.model import Model
from zcc.compiler.ir.heads.head import Head
from zcc.compiler.precision.frames import CalibrationFrames
from zcc.runtime.manifest import InputSpec, Manifest


@dataclass(frozen=True)
class RaceTask:
    """The checked and simplified network, so that no peer pays for how the file was exported."""

    model: Path  # static shapes, float32, its one output the head's
    input: str
    head: Head
    spec: InputSpec
    max_det: int
    dtype: str  # what the artifact computes in; a peer that can, follows
    calibration: CalibrationFrames | None = None  # the pictures that decided the artifact's scales
    held_to: str = ""  # the target whose instructions peers are held to; all that the machine has where it is empty
    executor: str = "cpu"  # what the artifact runs on; a peer that can, follows


def write_task(
    model: Model, manifest: Manifest, calibration: CalibrationFrames | None, folder: Path, held: bool = False
) -> RaceTask:
    """The task of racing the artifact of `manifest`, its model written to `folder`.

    With `held`, peers that can be told so use no instructions that the artifact's target lacks.
    """
    path = folder / "model.onnx"
    onnx.save(model.proto, str(path))
    held_to = manifest.target if held else ""
    about = manifest.input, manifest.head.max_det, manifest.dtype, calibration, held_to, manifest.executor
    return RaceTask(path, model.input, model.head, *about)
