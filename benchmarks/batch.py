"""Several frames in one call, against one after another: `python -m benchmarks.batch MODEL.onnx`, with dynamic axes.

What a network would gain that takes N frames at once is shown by one that is compiled for an input N times as high: the
same kernels on N times the rows. Beside them ONNX Runtime, with N frames at once and one after another. All in turns.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime

from benchmarks.processor import compile_for_processor
from zcc.compiler.compile import CompileOptions
from zcc.registry import Registry
from zcc.runtime import host
from zcc.runtime.manifest import Manifest
from zcc.runtime.variant import Variant

CONF, IOU = 0.9, 0.45  # next to nothing is found
SIDE, FRAME = 640, (1080, 1920, 3)

Ways = dict[str, Callable[[], object]]


def main() -> None:
    """Print the median and the least of each way, in ms a frame."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--frames", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--registry", help="where compiled models are kept; a folder for this run by default")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        registry = Registry.open(options.registry or scratch)
        single, tall = (compiled(options.model, rows * SIDE, registry) for rows in (1, options.frames))
        ways = ours(single, tall, options.frames) | theirs(options.model, options.frames)
        for name, taken in in_turns(ways, options.rounds).items():
            each = [1e3 * seconds / options.frames for seconds in taken]
            print(f"{name:28} median {statistics.median(each):7.2f}, least {min(each):7.2f} ms a frame")


def compiled(model: Path, height: int, registry: Registry) -> Variant:
    """The model for an input of that height."""
    options = CompileOptions(model, name=f"{model.stem}-{height}", imgsz=(height, SIDE))
    [made] = compile_for_processor(options, registry)
    return Variant(made.folder, Manifest.read(made.folder))


def ours(single: Variant, tall: Variant, count: int) -> Ways:
    """Whole frames, and networks alone."""
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, FRAME, dtype=np.uint8) for _ in range(count)]
    image, stack = (rng.random((1, 3, rows * SIDE, SIDE), np.float32) for rows in (1, count))
    output, outputs = (np.zeros(each.manifest.head.shape, np.float32) for each in (single, tall))
    return {
        "a call for each frame": lambda: [single.run(frame, CONF, IOU) for frame in frames],
        "one call for all": lambda: single.run_many(frames, CONF, IOU),
        "the network for each": lambda: [single.run_network(image, output) for _ in frames],
        "the network over all rows": lambda: tall.run_network(stack, outputs),
    }


def theirs(model: Path, count: int) -> Ways:
    """ONNX Runtime's network."""
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = host.worker_threads()
    session = onnxruntime.InferenceSession(model, settings, providers=["CPUExecutionProvider"])
    name, images = session.get_inputs()[0].name, np.random.default_rng(0).random((count, 3, SIDE, SIDE), np.float32)
    return {
        "ONNX Runtime for each": lambda: [session.run(None, {name: image[None]}) for image in images],
        "ONNX Runtime for all": lambda: session.run(None, {name: images}),
    }


def in_turns(ways: Ways, rounds: int) -> dict[str, list[float]]:
    """The seconds that each took, round after round."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, run in ways.items():
            start = time.perf_counter()
            run()
            if number:  # the first warms up
                taken[name].append(time.perf_counter() - start)
    return taken


if __name__ == "__main__":
    main()
