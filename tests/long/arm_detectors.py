"""Whole detectors on emulated ARM processors, from bundles, beside the same detectors on this machine.

python -m tests.long.arm_detectors [--model shapes,attention] [--target T,...] [--dtype D,...]

The sample, and a network with attention. fp32 must be within 1e-4 of this machine; int8 must be the same numbers where
this machine multiplies bytes without bounds on weights; of what is stored narrow the detections must be the same as in
float32, and how far they are from this machine's own is printed, where it has instructions for the dtype.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx

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
# Boxes in parts of a frame's longer side, and scores.
TOLERANCES = {"fp32": 1e-4, "fp16": 1e-2, "bf16": 5e-2, "int8": 0.0}


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
    compile_model(CompileOptions(model, dtypes=(dtype,), target=target, calib=calib), registry, open_progress())
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


def difference(found: Detections, expected: Detections, size: int) -> float:
    """The largest one; infinite where other things are found."""
    if not np.array_equal(found.classes, expected.classes):
        return float("inf")
    boxes = np.abs(found.boxes - expected.boxes).max(initial=0) / size
    return float(max(boxes, np.abs(found.scores - expected.scores).max(initial=0)))


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
                    error = difference(found, expected, max(picture.shape))
                    failed |= not error <= TOLERANCES[dtype]
                    told = f"{model.stem} {target.name} {dtype}: {len(found)} found, {error:.1e} apart"
                    if own is not None:
                        told += f", {difference(found, own, max(picture.shape)):.1e} from {dtype} here"
                    print(told, flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    run(main)
