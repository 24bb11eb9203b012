"""Run frames and load detectors for a long time, and see that resident memory stays where it was.

python -m benchmarks.soak [--model MODEL.onnx] [--frames N] [--loads N] [--threads N] [--limit MB] [--json]

Frames of every format and several sizes, from several threads; then detectors are loaded, run once and let go. Resident
memory, and what the C library's heap has given away, are read once the first tenth of each is done, in a process that
compiles nothing. Without a model it is the sample detector.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.arguments import opened_registry, run
from zcc import sample
from zcc.registry import Registry
from zcc.runtime import Detector

SIZES = ((480, 640), (720, 1280), (64, 96))
SHAPES: dict[str, Callable[[int, int], tuple[int, ...]]] = {
    "bgr": lambda height, width: (height, width, 3),
    "nv12": lambda height, width: (height * 3 // 2, width),
    "i420": lambda height, width: (height * 3 // 2, width),
    "gray": lambda height, width: (height, width),
}
MB = 1e6


@dataclass(frozen=True)
class Growth:
    """What one kind of work left behind."""

    work: str
    count: int
    threads: int
    seconds: float
    before_mb: float
    after_mb: float
    heap_bytes: int  # more that the heap has given away and not got back

    @property
    def mb(self) -> float:
        """How much more is resident than after the first tenth."""
        return self.after_mb - self.before_mb


def resident() -> float:
    """Megabytes of this process in memory."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MB


class _HeapState(ctypes.Structure):
    """What `mallinfo2` of the C library tells."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks"),
            *("fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )


def heap_in_use() -> int:
    """Bytes that the C library's heap has given away, those of their own mappings as well."""
    ask = ctypes.CDLL(None).mallinfo2
    ask.restype = _HeapState
    state = ask()
    return int(state.uordblks + state.hblkhd)


def frames() -> list[tuple[Any, str]]:
    """Frames of every format and size, some with bytes between their rows, some read-only."""
    random = np.random.default_rng(0)
    made: list[tuple[Any, str]] = []
    for name, shape in SHAPES.items():
        for height, width in SIZES:
            frame = random.integers(0, 256, shape(height, width), np.uint8)
            locked = frame.copy()
            locked.flags.writeable = False
            made += [(frame, name), (frame[:, :-2], name), (locked, name)]
    return made


def measure(work: str, count: int, threads: int, once: Callable[[int], object]) -> Growth:
    """Do the work so many times, shared out over threads."""

    def share(times: int) -> None:
        with ThreadPoolExecutor(threads) as pool:
            for part in [pool.submit(_repeat, once, times // threads, seed) for seed in range(threads)]:
                part.result()

    share(max(count // 10, threads))
    before, heap, start = resident(), heap_in_use(), time.perf_counter()
    share(count)
    seconds = time.perf_counter() - start
    return Growth(work, count, threads, seconds, before, resident(), heap_in_use() - heap)


def _repeat(once: Callable[[int], object], times: int, seed: int) -> None:
    for turn in range(times):
        once(seed + turn)


def soak(folder: Path, options: argparse.Namespace) -> list[Growth]:
    """Frames, then loads."""
    detector, shown = Detector.load(folder), frames()

    def see(detector: Detector, turn: int) -> object:
        frame, name = shown[turn % len(shown)]
        return detector(frame, format=name)

    return [
        measure("frames", options.frames, options.threads, lambda turn: see(detector, turn)),
        measure("loads", options.loads, 1, lambda turn: see(Detector.load(folder), turn)),
    ]


def compiled(model: Path, registry: Registry) -> Path:
    """The folder of the model's artifact."""
    from benchmarks.processor import compile_for_processor  # not in the process that is watched
    from zcc.compiler.compile import CompileOptions

    [made] = compile_for_processor(CompileOptions(model), registry)
    return made.folder


def main() -> None:
    """Print what was left behind; more than the limit is an error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=sample.MODEL)
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--loads", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=2, help="that call the detector at once")
    parser.add_argument("--limit", type=float, default=5.0, help="megabytes that may be left behind")
    parser.add_argument("--registry", help="where to compile to; a temporary one by default")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with opened_registry(options.registry) as registry:
        folder = compiled(options.model, registry)
        with ProcessPoolExecutor(1, get_context("spawn")) as apart:
            grown = apart.submit(soak, folder, options).result()
    if options.json:
        print(json.dumps([{**asdict(growth), "mb": growth.mb} for growth in grown], indent=2))
    else:
        for growth in grown:
            print(
                f"{growth.count:8} {growth.work:6} on {growth.threads} threads in {growth.seconds:6.0f} s: "
                f"{growth.before_mb:6.1f} MB before, {growth.mb:+.2f} MB after, "
                f"{growth.heap_bytes / growth.count:+.1f} bytes of heap each"
            )
    if any(growth.mb > options.limit for growth in grown):
        sys.exit(f"error: more than {options.limit} MB were left behind")


if __name__ == "__main__":
    run(main)
