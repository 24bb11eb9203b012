"""Whole detectors on emulated ARM processors, from bundles, beside the same detectors on this machine.

python -m tests.long.arm_detectors [--model shapes,attention] [--target T,...] [--dtype D,...]

The sample, and a network with attention that is not trained. fp32 must be within 1e-4 of this machine; int8 must be the
same numbers where this machine multiplies bytes without bounds on weights. In fp16 and bf16 the sample must find what
float32 finds; of the other network it is told how much of that, and of this machine's own where it has instructions for
the dtype.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from benchmarks.arguments import names, run
from tests.onnx_models import build
from zcc.commands.progress import open_progress
from zcc.compiler.backends.cpu.emulation.emulator import Emulator
from zcc.compiler.backends.cpu.targets.aarch64 import PROCESSORS
from zcc.compiler.backends.cpu.targets.table import TARGETS, native_target
from zcc.compiler.backends.cpu.targets.target import CpuTarget
from zcc.compiler.compile import CompileOptions, compile_model
from zcc.compiler.frontend.images import read_image
from zcc.compiler.precision.table import PRECISIONS
from zcc.registry import Registry
from zcc.registry.bundle import export_bundle
from zcc.runtime import Detections, Detector
from zcc.runtime.frame import Pixels

ROOT = Path(__file__).resolve().parent.parent.parent
SAMPLE = ROOT / "cli" / "sample"
SCRIPT = ROOT / "tests" / "compiler" / "backends" / "cpu" / "on_arm.py"
# Boxes in parts of a frame's longer side, and scores. What integers make is decoded in float32, to its last bit or so.
TOLERANCES = {"fp32": 1e-4, "fp16": 1e-2, "bf16": 5e-2, "int8": 1e-7}
# Of a network that is not trained neighbouring cells have scores that are equal to five digits, and rounding decides
# which of them suppresses the other: there it is told how many are the same, and held against nothing.
ONLY_TOLD = {("attention", "fp16"), ("attention", "bf16")}
NO_BAR = 100.0  # points of accuracy that may be lost: in integers a network that is not trained agrees with nothing
Floats = NDArray[np.float64]


def models(scratch: Path) -> dict[str, Path]:
    """The files, by their names."""
    attention = scratch / "attention.onnx"
    onnx.save(build("yolo11", width=16, imgsz=(320, 320)), attention)
    return {path.stem: path for path in (SAMPLE / "shapes.onnx", attention)}


def target_here(dtype: str) -> str:
    """What to compare with: for bytes, a target whose weights are bound to nothing, as ARM's are."""
    if dtype != "int8":
        return "native"
    able = [name for name, target in TARGETS.items() if target.runs_here() and not target.short_words]
    if not able:
        sys.exit("error: this machine multiplies bytes with bounds on weights; leave out int8")
    return able[-1]


def made(model: Path, dtype: str, target: str, scratch: Path) -> Registry:
    """A registry with that variant alone."""
    registry = Registry.open(scratch / f"{model.stem}-{dtype}-{target}")
    calib = SAMPLE if dtype == "int8" else None
    options = CompileOptions(model, dtypes=(dtype,), target=target, calib=calib, max_drop=NO_BAR)
    compile_model(options, registry, open_progress())
    return registry


def found_here(model: Path, dtype: str, picture: Pixels, scratch: Path) -> Detections:
    """What this machine finds."""
    registry = made(model, dtype, target_here(dtype), scratch)
    [artifact] = registry.artifacts()
    return Detector.load(registry.folder(artifact))(picture)


def beside(dtype: str) -> str:
    """The dtype that the outcome is compared with: float32 for numbers that are stored narrower."""
    return dtype if dtype == "int8" else "fp32"


def is_native_here(dtype: str) -> bool:
    """Whether this machine has instructions for numbers that are stored narrower."""
    return beside(dtype) != dtype and native_target(dtype).natively(dtype)


def found_there(registry: Registry, target: CpuTarget, frame: Path, scratch: Path) -> Detections:
    """What the emulated machine finds."""
    bundle, result = scratch / "fleet.zcc", scratch / "found.npz"
    [artifact] = registry.artifacts()
    export_bundle(registry, [artifact.manifest.name], bundle)
    Emulator(target).run(SCRIPT, "detect", frame, bundle, result)
    told = np.load(result)
    return Detections(told["boxes"], told["scores"], told["classes"], 0.0)


def differences(found: Detections, expected: Detections, size: int) -> Floats:
    """How far each expected one is from its counterpart, the nearest of its class that nobody else has; else infinity.

    So those whose scores are nearly equal may change places.
    """
    left, apart = np.ones(len(found), bool), np.full(len(expected), np.inf)
    for number, (box, score, kind) in enumerate(zip(expected.boxes, expected.scores, expected.classes, strict=True)):
        each = np.maximum(np.abs(found.boxes - box).max(axis=1) / size, np.abs(found.scores - score))
        each[~left | (found.classes != kind)] = np.inf
        if np.isfinite(each).any():
            nearest = int(each.argmin())
            left[nearest], apart[number] = False, each[nearest]
    return apart


def describe(apart: Floats, dtype: str) -> str:
    """How many are where they are expected, and how far the farthest of those is."""
    near = apart[apart <= TOLERANCES[dtype]]
    return f"{len(near)} of {len(apart)} are the same, {near.max(initial=0):.1e} apart"


def are_same(found: Detections, apart: Floats, dtype: str) -> bool:
    """Whether all that was found is what was expected, and nothing is lacking."""
    near = int((apart <= TOLERANCES[dtype]).sum())
    return near == max(len(found), len(apart))


def main() -> None:
    """A line for each model, target and dtype."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=names, default=["shapes", "attention"])
    parser.add_argument("--target", type=names, default=[target.name for target in PROCESSORS])
    parser.add_argument("--dtype", type=names, default=list(PRECISIONS))
    options = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        picture = read_image(SAMPLE / "wide.jpg")
        np.save(scratch / "frame.npy", picture)
        files = models(scratch)
        for model in (files[name] for name in options.model):
            for dtype in options.dtype:
                expected = found_here(model, beside(dtype), picture, scratch)
                own = found_here(model, dtype, picture, scratch) if is_native_here(dtype) else None
                for target in (TARGETS[name] for name in options.target if TARGETS[name].computes(dtype)):
                    there = made(model, dtype, target.name, scratch)
                    found = found_there(there, target, scratch / "frame.npy", scratch)
                    apart = differences(found, expected, max(picture.shape))
                    failed |= not are_same(found, apart, dtype) and (model.stem, dtype) not in ONLY_TOLD
                    told = f"{model.stem} {target.name} {dtype}: {len(found)} found, {describe(apart, dtype)}"
                    if own is not None:
                        told += f"; of {dtype} here {describe(differences(found, own, max(picture.shape)), dtype)}"
                    print(told, flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    run(main)
