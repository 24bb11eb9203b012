"""Adaptive precision on a generated sequence: what the policy keeps of int8's speed, and of what fp32 finds.

python -m benchmarks.adaptive [--frames N] [--seed N] [--turns N] [--calibration empty|varied] [--plot FILE] [--json]

The sample detector in int8 and fp32 sees a sequence of one camera: for long nothing but now and then a lone shape, and
short crowded phases. The scene policy is fitted on the first half and reported on the second. With `varied`, int8 is
calibrated on 32 scenes of all kinds, as one would, and then hardly loses anything; with `empty`, on 8 pictures of the
empty place, which is quick to come by and costs accuracy where shapes are: that is what a policy can win back.

Last it prints what a swap costs, and what two resident variants of a model take in memory (`--model`, in a process of
its own).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

from PIL import Image

from benchmarks.arguments import opened_registry, run
from examples.shapes.generate import write_scenes
from examples.shapes.scenes import Scene, make_scene
from examples.shapes.sequence import SEQUENCE_SEED, make_frame
from zcc import sample
from zcc.commands.adapt import as_text
from zcc.commands.progress import open_progress
from zcc.compiler.adapting.adapt import Adapted, AdaptOptions, adapt
from zcc.compiler.adapting.plot import draw
from zcc.compiler.adapting.recording import RecordingSettings
from zcc.compiler.compile import CompileOptions, compile_model
from zcc.compiler.quality.pictures import labelled_pictures
from zcc.registry import Registry
from zcc.runtime.adaptive import AdaptiveDetector, Observed
from zcc.runtime.adaptive.adaptive_detector import DTYPES, load_resident
from zcc.runtime.adaptive.statistics import AdaptiveStatistics

LATER = 100_000  # frames of the sequence's camera that are long after those of the sequence
VARIED_SEED = 991
EMPTY_PICTURES, VARIED_PICTURES = 8, 32
ALL = 100.0  # points; int8 is published whatever it loses
SWAPS = 1000

# Prints the resident megabytes of a process before and after it has loaded both variants and run each.
MEMORY = """
import sys
from pathlib import Path
import numpy as np
from zcc.runtime.adaptive import AdaptiveDetector
from zcc.runtime.adaptive.adaptive_detector import DTYPES

class InTurns:
    def choose(self, observed):
        return DTYPES[observed.frames % len(DTYPES)]

def resident():
    return int(next(line for line in Path("/proc/self/status").open() if line.startswith("VmRSS")).split()[1]) / 1e3

before = resident()
detector = AdaptiveDetector.load(sys.argv[1], InTurns(), registry=sys.argv[2])
for _ in range(20):
    detector(np.zeros((1080, 1920, 3), np.uint8))
print(before, resident())
"""


class InTurns:
    """Another variant for every frame."""

    def choose(self, observed: Observed) -> str:
        """The next one."""
        return DTYPES[observed.frames % len(DTYPES)]


def write_calibration(kind: str, folder: Path, seed: int) -> None:
    """Pictures for int8: of the empty place as the camera shows it later on, or of scenes of all kinds."""
    if kind == "varied":
        scenes: Iterator[Scene] = (make_scene(VARIED_SEED, index) for index in range(VARIED_PICTURES))
    else:
        later = (make_frame(seed, index) for index in count(LATER))
        scenes = islice((frame for frame in later if not len(frame.boxes)), EMPTY_PICTURES)
    for number, scene in enumerate(scenes):
        Image.fromarray(scene.image).save(folder / f"{number:03}.png")


def measure(registry: Registry, scratch: Path, options: argparse.Namespace) -> Adapted:
    """Compile both variants, draw the sequence, fit and replay."""
    calib, data = scratch / "calib", scratch / "sequence"
    calib.mkdir()
    write_calibration(options.calibration, calib, options.seed)
    job = CompileOptions(sample.MODEL, dtypes=DTYPES, calib=calib, max_drop=ALL)
    progress = open_progress()
    compile_model(job, registry, progress)
    with progress.stage(f"draw {options.frames} frames"):
        write_scenes(data, options.frames, options.seed, make_frame)
    resident = load_resident(sample.MODEL.stem, DTYPES, registry=str(registry.home))
    pictures = labelled_pictures(data, next(iter(resident.values())).manifest.classes)
    return adapt(resident, pictures, AdaptOptions(fitted=True, use=RecordingSettings(turns=options.turns)), progress)


def swap_costs(registry: Registry) -> AdaptiveStatistics:
    """Another variant for every frame, many times."""
    detector = AdaptiveDetector.load(sample.MODEL.stem, InTurns(), registry=str(registry.home))
    frame = make_scene(VARIED_SEED, 0).image
    for _ in range(SWAPS):
        detector(frame)
    return detector.statistics


def memory(registry: Registry, model: Path, scratch: Path) -> tuple[float, float]:
    """Resident megabytes without and with both variants of a model."""
    calib = scratch / "memory"
    calib.mkdir()
    write_calibration("varied", calib, VARIED_SEED)
    compile_model(CompileOptions(model, dtypes=DTYPES, calib=calib, max_drop=ALL), registry, open_progress())
    command = [sys.executable, "-c", MEMORY, model.stem, str(registry.home)]
    before, after = map(float, subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())
    return before, after


def read_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=1600)
    parser.add_argument("--seed", type=int, default=SEQUENCE_SEED)
    parser.add_argument("--turns", type=int, default=3, help="times that each frame is timed on each variant")
    parser.add_argument("--calibration", choices=("empty", "varied"), default="empty")
    parser.add_argument("--model", type=Path, metavar="MODEL.onnx", help="whose variants' memory to measure")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw the trade-off curves")
    parser.add_argument("--json", action="store_true", help="print every figure as JSON")
    return parser.parse_args()


def main() -> None:
    """Measure, print."""
    options = read_arguments()
    with opened_registry(None) as registry, tempfile.TemporaryDirectory(prefix="zcc-adaptive-") as folder:
        adapted = measure(registry, Path(folder), options)
        swaps = swap_costs(registry)
        megabytes = memory(registry, options.model, Path(folder)) if options.model else None
    if options.plot:
        options.plot.write_text(draw(adapted.report, f"sample, {adapted.report.frames} frames"))
    if options.json:
        print(json.dumps({**adapted.report.describe(), "swap_us": swaps.deciding_us, "megabytes": megabytes}))
        return
    print(as_text(adapted))
    print(f"\nto choose and swap takes {swaps.deciding_us:.1f} us on average, {swaps.slowest_us:.1f} us at most")
    if megabytes:
        print(f"{options.model.stem}: {megabytes[0]:.0f} MB resident before loading, {megabytes[1]:.0f} MB with both")


if __name__ == "__main__":
    run(main)
