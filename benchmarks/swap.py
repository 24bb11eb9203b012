"""Swaps while frames flow: what they cost, and whether a frame is lost.

python -m benchmarks.swap MODEL.onnx|REF [--calib DIR] [--dtypes A,B,C] [--swaps N] [--loads N] [--threads N]
                          [--registry URL] [--json]

Threads call one detector as fast as they can, in turns as it is, on each variant as long, and while it is swapped among
its residents with every frame; then while each variant is loaded aside as another runs. Every result must be one that a
variant gives for that frame by itself. Memory is read in processes of their own that load by path.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.arguments import names, opened_registry, run
from benchmarks.callers import Answer, Callers, answer, some_frames
from zcc.commands.progress import open_progress
from zcc.compiler.compile import CompileOptions, compile_model
from zcc.registry import Registry
from zcc.runtime import Detector
from zcc.runtime.library import WEIGHTS

ROUNDS = 4  # of each way, in turns
SETTLED = 8  # frames after a swap that those of the other variant may have held up
ALL = 100.0  # points: int8 is published whatever it loses

# What a process holds once each of the variants has run frames.
MEMORY = """
import sys
from pathlib import Path
import numpy as np
from zcc.runtime import Detector
held = [Detector.load(folder) for folder in sys.argv[1:]]
for detector in 5 * held:
    detector(np.zeros((1080, 1920, 3), np.uint8))
print(next(line for line in Path("/proc/self/status").open() if line.startswith("VmRSS")).split()[1])
"""


@dataclass(frozen=True)
class Bench:
    """A name in a registry, and how it is called."""

    reference: str
    registry: str
    dtypes: tuple[str, ...]
    threads: int

    def load(self, *resident: str) -> Detector:
        """With these side by side."""
        return Detector.load(self.reference, registry=self.registry, resident=resident)

    def right(self) -> list[set[Answer]]:
        """What each variant finds in each frame when nothing else happens."""
        alone = [self.load(dtype) for dtype in self.dtypes]
        return [{answer(detector(frame)) for detector in alone} for frame in some_frames()]


@dataclass(frozen=True)
class Ratio:
    """99th percentiles of a frame's time, in milliseconds."""

    frames: int
    without_ms: float
    during_ms: float

    @classmethod
    def of(cls, without: Sequence[float], during: Sequence[float]) -> Ratio:
        """Of all times of both ways."""
        return cls(len(during), float(np.percentile(without, 99)), float(np.percentile(during, 99)))

    @property
    def times(self) -> float:
        """How much longer."""
        return self.during_ms / self.without_ms


@dataclass(frozen=True)
class Swapped:
    """What came of it."""

    swap_us: list[float]
    resident: Ratio
    loading: dict[str, Ratio]  # by the dtype that ran meanwhile
    loading_ms: dict[str, float]  # how long it took to load each aside
    frames: int
    wrong: int
    failed: list[str]


def swap_residents(callers: Callers, bench: Bench, count: int) -> tuple[list[float], Ratio]:
    """Microseconds of each swap, and frames without and during them."""
    detector, taken, each = callers.detector, list[float](), -(-count // ROUNDS)
    ways: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for dtype in bench.dtypes:
            detector.swap(dtype=dtype)
            callers.wait(SETTLED)
            ways[0].extend(callers.within(*callers.wait(each // len(bench.dtypes))))
        begun = time.perf_counter()
        for dtype in islice(cycle(bench.dtypes), each):
            start = time.perf_counter()
            detector.swap(dtype=dtype)
            taken.append(1e6 * (time.perf_counter() - start))
            callers.wait(1)
        ways[1].extend(callers.within(begun, time.perf_counter()))
    return taken, Ratio.of(*ways)


def load_aside(callers: Callers, bench: Bench, rounds: int) -> tuple[dict[str, Ratio], dict[str, float]]:
    """Frames on each variant without and during the loading of another, and how long that took."""
    detector = callers.detector
    without: dict[str, list[float]] = {dtype: [] for dtype in bench.dtypes}
    during: dict[str, list[float]] = {dtype: [] for dtype in bench.dtypes}
    loading: dict[str, list[float]] = {dtype: [] for dtype in bench.dtypes}
    there_and_back = [*bench.dtypes, *bench.dtypes[-2::-1]][1:]
    for dtype in there_and_back * rounds:
        running = detector.manifest.dtype
        callers.wait(SETTLED)
        without[running] += callers.within(*callers.wait(5 * SETTLED))
        begun = time.perf_counter()
        detector.swap(dtype=dtype)
        ended = time.perf_counter()
        during[running] += callers.within(begun, ended)
        loading[dtype].append(1e3 * (ended - begun))
    return (
        {dtype: Ratio.of(without[dtype], during[dtype]) for dtype in bench.dtypes},
        {dtype: median(times) for dtype, times in loading.items()},
    )


def measure(bench: Bench, options: argparse.Namespace) -> Swapped:
    """Swap among residents, and load aside."""
    frames, right = some_frames(), bench.right()
    among = Callers(bench.load(*bench.dtypes), frames, right)
    with among.calling(bench.threads):
        taken, resident = swap_residents(among, bench, options.swaps)
    moving = Detector.load(bench.reference, dtype=bench.dtypes[0], registry=bench.registry)
    aside = Callers(moving, frames, right)
    with aside.calling(bench.threads):
        loading, milliseconds = load_aside(aside, bench, options.loads)
    total, wrong = len(among.seen) + len(aside.seen), among.wrong + aside.wrong
    return Swapped(taken, resident, loading, milliseconds, total, wrong, among.failed + aside.failed)


def memory(bench: Bench) -> dict[str, tuple[float, float]]:
    """Resident megabytes of a process with each variant, and with the first and last; and of their weights."""
    registry, told = Registry.open(bench.registry), {}
    for dtypes in (*((dtype,) for dtype in bench.dtypes), (bench.dtypes[0], bench.dtypes[-1])):
        found = [bench.load(dtype).manifest for dtype in dtypes]
        folders = [str(registry.folder(registry.resolve(manifest.digest))) for manifest in found]
        done = subprocess.run([sys.executable, "-c", MEMORY, *folders], check=True, capture_output=True, text=True)
        told[" + ".join(dtypes)] = (int(done.stdout) / 1e3, sum(each.sizes[WEIGHTS] for each in found) / 1e6)
    return told


def as_text(swapped: Swapped, held: dict[str, tuple[float, float]]) -> str:
    """Every figure, a line each."""
    p50, p99 = np.percentile(swapped.swap_us, (50, 99))
    ratio = swapped.resident
    lines = [
        f"{swapped.frames} frames: {swapped.wrong} wrong, {len(swapped.failed)} failed",
        f"{len(swapped.swap_us)} swaps among residents: median {p50:.1f} us, p99 {p99:.1f} us",
        f"p99 of a frame: {ratio.without_ms:.1f} ms without, {ratio.during_ms:.1f} ms during, {ratio.times:.2f}x",
    ]
    for dtype, each in swapped.loading.items():
        lines.append(
            f"while another is loaded and {dtype} runs ({each.frames} frames): p99 {each.without_ms:.1f} ms without, "
            f"{each.during_ms:.1f} ms during, {each.times:.2f}x"
        )
    lines += [f"{dtype} is loaded aside in {taken:.0f} ms" for dtype, taken in swapped.loading_ms.items()]
    lines += [f"{name}: {resident:.0f} MB resident, weights {own:.1f} MB" for name, (resident, own) in held.items()]
    return "\n".join(lines)


def prepared(registry: Registry, options: argparse.Namespace) -> Bench:
    """The variants, compiled where a model is given."""
    path = Path(options.model)
    if path.suffix == ".onnx":
        job = CompileOptions(path, dtypes=tuple(options.dtypes), calib=options.calib, max_drop=ALL)
        compile_model(job, registry, open_progress())
    name = path.stem if path.suffix == ".onnx" else options.model
    return Bench(name, str(registry.home), tuple(options.dtypes), options.threads)


def read_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", metavar="MODEL.onnx|REF")
    parser.add_argument("--calib", type=Path, metavar="DIR", help="pictures to calibrate int8 on")
    parser.add_argument("--dtypes", type=names, default=["int8", "bf16", "fp32"], metavar="A,B,C")
    parser.add_argument("--swaps", type=int, default=1000, help="among residents")
    parser.add_argument("--loads", type=int, default=4, help="times that each variant is loaded aside")
    parser.add_argument("--threads", type=int, default=4, help="that call at once")
    parser.add_argument("--registry", metavar="URL", help="where to compile into; a temporary one by default")
    parser.add_argument("--json", action="store_true", help="print every reading")
    return parser.parse_args()


def main() -> None:
    """Measure, print; a frame that is lost or wrong is an error."""
    options = read_arguments()
    with opened_registry(options.registry) as registry:
        bench = prepared(registry, options)
        swapped, held = measure(bench, options), memory(bench)
    print(json.dumps({**asdict(swapped), "memory_mb": held}) if options.json else as_text(swapped, held))
    if swapped.wrong or swapped.failed:
        sys.exit("error: frames were lost")


if __name__ == "__main__":
    run(main)
