"""Frames a second where many come at once: zcc by streams, against OpenVINO told to aim at throughput, in turns.

python -m benchmarks.throughput MODEL.onnx... [--dtype fp32,bf16,int8] [--target TARGET] [--calib DIR] [--streams 4,16]
                                [--cut N] [--seconds N] [--rounds N] [--registry URL]

Each contestant has a process of its own, which lies still while others have their turn, and as many callers as it
wants: OpenVINO what it calls optimal, zcc one for each core. Frames are whole: OpenVINO's have OpenCV around the
network, in the callers' threads. `zcc` takes as many streams as callers come, `zcc 4` four; a frame's work is cut for
one thread, as `zcc compile --threads 1` does it, or for as many as --cut says. An int8 race is one against the model
that NNCF quantises on the same pictures.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.arguments import names, numbers, opened_registry, run
from benchmarks.processor import compile_for_processor
from zcc import sample
from zcc.compiler.backends.table import NATIVE
from zcc.compiler.compile import CompileOptions
from zcc.compiler.precision.frames import CalibrationFrames
from zcc.compiler.quality.comparison import POINTS
from zcc.compiler.racing.against import check_calibration, load_original
from zcc.compiler.racing.contestant import USUAL, Pixels
from zcc.compiler.racing.race_task import RaceTask, write_task
from zcc.compiler.racing.scenes import read_frames
from zcc.compiler.racing.table import PEERS, matches
from zcc.registry import Registry
from zcc.runtime import Detector, host
from zcc.runtime.manifest import Manifest

FRAME = (640, 640)
WARM_UP = 1.0  # seconds of each process before its first turn

Frame = Callable[[Pixels], object]


@dataclass(frozen=True)
class Contestant:
    """A way to run frames: made ready in its own process, it says how many callers it wants."""

    name: str
    enter: Callable[[], tuple[int, Callable[[], Frame]]]  # callers, and what makes each its frame


def read_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL.onnx")
    parser.add_argument("--dtype", type=names, default=["fp32"], metavar="DTYPE,DTYPE")
    parser.add_argument("--target", default=NATIVE)
    parser.add_argument("--calib", type=Path, metavar="DIR", help="pictures that decide the scales of int8")
    parser.add_argument("--streams", type=numbers, default=[], metavar="N,N", help="numbers to be told, too")
    parser.add_argument("--cut", type=int, default=1, metavar="N", help="threads that a frame's work is cut for")
    parser.add_argument("--seconds", type=float, default=1.0, help="of a turn")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each")
    parser.add_argument("--registry", metavar="URL", help="where to compile into; a temporary one by default")
    return parser.parse_args()


def ours(folder: Path, streams: int | None) -> tuple[int, Callable[[], Frame]]:
    """zcc, with a caller for each core."""
    detector = Detector.load(folder.absolute(), streams=streams)
    return host.worker_threads(), lambda: detector


def openvino(task: RaceTask) -> tuple[int, Callable[[], Frame]]:
    """OpenVINO with its hint for throughput, and as many requests as it finds optimal, each with a caller."""
    import cv2
    import openvino as ov

    from zcc.compiler.racing.opencv_frame import frame_steps
    from zcc.compiler.racing.peer_openvino import precision_hint

    cv2.setNumThreads(1)
    core = ov.Core()
    settings = {"PERFORMANCE_HINT": "THROUGHPUT", **precision_hint(task.dtype, "")}
    compiled = core.compile_model(core.read_model(task.model), "CPU", settings)

    def make() -> Frame:
        request = compiled.create_infer_request()

        def network(image: Any) -> Any:
            request.infer([image], share_inputs=True, share_outputs=True)
            return request.get_output_tensor(0).data

        steps = frame_steps(network, task, USUAL)

        def frame(value: Any) -> Any:
            for _, step in steps:
                value = step(value)
            return value

        return frame

    return int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")), make


def serve(pipe: Connection, contestant: Contestant, frames: Sequence[Pixels]) -> None:
    """Run frames for as many seconds as the pipe says, in all callers; tell how many a second."""
    callers, make = contestant.enter()
    calls = [make() for _ in range(callers)]
    pipe.send(callers)
    while seconds := pipe.recv():
        counts = [0] * callers
        end = time.perf_counter() + seconds

        def call(number: int, counts: list[int] = counts, end: float = end) -> None:
            while time.perf_counter() < end:
                calls[number](frames[counts[number] % len(frames)])
                counts[number] += 1

        begun = time.perf_counter()
        threads = [threading.Thread(target=call, args=(number,)) for number in range(callers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        pipe.send(sum(counts) / (time.perf_counter() - begun))


def race(contestants: Sequence[Contestant], frames: Sequence[Pixels], options: argparse.Namespace) -> None:
    """Print frames a second of each, and how many times those of the first they are."""
    context = get_context("spawn")
    pipes, processes, callers = [], [], []
    for each in contestants:
        mine, theirs = context.Pipe()
        processes.append(context.Process(target=serve, args=(theirs, each, frames), daemon=True))
        processes[-1].start()
        callers.append(mine.recv())
        mine.send(WARM_UP)
        mine.recv()
        pipes.append(mine)
    rates: list[list[float]] = [[] for _ in pipes]
    for _ in range(options.rounds):
        for pipe, rate in zip(pipes, rates, strict=True):
            pipe.send(options.seconds)
            rate.append(pipe.recv())
    for pipe, process in zip(pipes, processes, strict=True):
        pipe.send(0)
        process.join()
    first = statistics.median(rates[0])
    for each, count, rate in zip(contestants, callers, rates, strict=True):
        median = statistics.median(rate)
        print(f"  {each.name:14} {count:3} callers {median:8.1f} frames a second, {first / median:5.2f}x", flush=True)


def contest(model: Path, dtype: str, registry: Registry, options: argparse.Namespace) -> None:
    """Compile a model in a dtype, and race it."""
    job = CompileOptions(
        model, dtypes=(dtype,), target=options.target, calib=options.calib, max_drop=POINTS, threads=options.cut
    )
    [made] = compile_for_processor(job, registry)
    manifest = Manifest.read(made.folder)
    calibration: CalibrationFrames | None = check_calibration(options.calib if dtype == "int8" else None, manifest)
    frames = read_frames(sample.IMAGES, FRAME, manifest.input.color)
    found = [
        Contestant("zcc" if n is None else f"zcc {n}", partial(ours, made.folder, n)) for n in (None, *options.streams)
    ]
    with tempfile.TemporaryDirectory(prefix="zcc-") as scratch:
        task = write_task(load_original(model, manifest), manifest, calibration, Path(scratch))
        for name in matches(dtype):
            if name.startswith("openvino") and not PEERS[name].missing():
                found.append(Contestant(name, partial(openvino, _ready(name, task))))
        print(f"{model.name} {dtype} for {manifest.target}, frames of {FRAME[1]}x{FRAME[0]}", flush=True)
        race(found, frames, options)


def _ready(name: str, task: RaceTask) -> RaceTask:
    if not PEERS[name].ready:
        return task
    from zcc.compiler.racing.quantised_by_nncf import quantised

    return quantised(task)


def main() -> None:
    """Race every model in every dtype."""
    options = read_arguments()
    with opened_registry(options.registry) as registry:
        for model in options.models:
            for dtype in options.dtype:
                contest(model, dtype, registry, options)


if __name__ == "__main__":
    run(main)
