"""What becomes of a frame's time beside neighbours that never rest: on no core, on half of the cores, and on all.

python -m benchmarks.neighbours ARTIFACT [--model MODEL.onnx] [--frames N] [--rounds N] [--threads N]

ARTIFACT is an artifact's folder; with --model, ONNX Runtime runs that file in turns with it, on as many threads. For
each number of neighbours: the median, the 99th percentile, and both as multiples of the median without neighbours, once
frames have settled to them. With --threads they have so many, whatever neighbours do.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks.arguments import run
from zcc.runtime import Detector, host
from zcc.runtime.frame import as_frame

Frame = Callable[[], object]
SETTLE = 3  # frames that are not counted, at the beginning of a turn
SETTLE_SECONDS = 5.0  # of frames that are not counted, after each change: neighbours are looked at every second


def read_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("artifact", type=Path, metavar="ARTIFACT")
    parser.add_argument("--model", type=Path, metavar="MODEL.onnx", help="for ONNX Runtime")
    parser.add_argument("--frames", type=int, default=40, help="of each contestant in a turn")
    parser.add_argument(
        "--rounds", type=int, default=3, help="turns of each contestant, beside each number of neighbours"
    )
    parser.add_argument("--threads", type=int, help="as many as neighbours leave processors for by default")
    return parser.parse_args()


def never_rest() -> None:
    """A neighbour."""
    while True:
        pass


@contextmanager
def neighbours(number: int) -> Iterator[None]:
    """So many processes that take what they can get."""
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=never_rest, daemon=True) for _ in range(number)]
    for process in processes:
        process.start()
    try:
        time.sleep(1 if processes else 0)  # until each is past its imports
        yield
    finally:
        for process in processes:
            process.kill()
            process.join()


def ours(artifact: Path) -> Frame:
    """A frame by zcc."""
    detector = Detector.load(artifact)
    spec = detector.manifest.input
    frame = as_frame(np.random.default_rng(0).integers(0, 256, (spec.height, spec.width, 3), np.uint8))
    return lambda: detector(frame)


def onnxruntime_frame(model: Path, threads: int) -> Frame:
    """The network by ONNX Runtime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]
    image = np.random.default_rng(0).random(given.shape, np.float32)
    return lambda: session.run(None, {given.name: image})


def settle(frame: Frame) -> None:
    """Run frames until they had time to give way."""
    end = time.perf_counter() + SETTLE_SECONDS
    while time.perf_counter() < end:
        frame()


def timed(frame: Frame, number: int) -> list[float]:
    """Seconds of so many frames."""
    taken = []
    for count in range(SETTLE + number):
        start = time.perf_counter()
        frame()
        if count >= SETTLE:
            taken.append(time.perf_counter() - start)
    return taken


def main() -> None:
    """Print a line for each contestant and number of neighbours."""
    options = read_arguments()
    if options.threads:
        os.environ[host.THREADS_VARIABLE] = str(options.threads)
    contestants = {"zcc": ours(options.artifact)}
    if options.model:
        contestants["ONNX Runtime"] = onnxruntime_frame(options.model, host.worker_threads())
    cores, quiet = len(host.usable_cpus()), dict.fromkeys(contestants, 0.0)
    for number in dict.fromkeys((0, max(1, cores // 2), cores)):
        seconds: dict[str, list[float]] = {name: [] for name in contestants}
        with neighbours(number):
            settle(contestants["zcc"])
            for _ in range(options.rounds):
                for name, frame in contestants.items():
                    seconds[name] += timed(frame, options.frames)
        for name, taken in seconds.items():
            median, last = statistics.median(taken), float(np.quantile(taken, 0.99))
            quiet[name] = quiet[name] or median
            ratios = f"{median / quiet[name]:5.2f}x {last / quiet[name]:6.2f}x"
            print(f"{number} neighbours  {name:13} median {1e3 * median:7.2f} ms  p99 {1e3 * last:7.2f} ms  {ratios}")


if __name__ == "__main__":
    run(main)
