"""What more threads make of one frame: by how much it gets quicker, and how much more the machine itself can do then.

python -m benchmarks.many_cores MODEL.onnx... [--dtype fp32,bf16,int8] [--threads 1,2,4,8,16] [--calib DIR]
                                [--seconds N] [--rounds N] [--registry URL]

A process for each number of threads compiles for this machine and so many threads, and they have turns, in which the
others lie still. Processors with two threads a core, or clocks that sink when many work, cannot be n times as quick on
n threads: beside the gain stands how much more arithmetic of that dtype they do per second at most, measured in turns,
too. Last comes what it costs to share out a loop that does nothing, and to wait until all is done.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.arguments import names, numbers, run
from benchmarks.processor import compile_for_processor
from zcc import sample
from zcc.compiler.backends.common.machine import FP32
from zcc.compiler.backends.cpu.machine.dot_chains import DOT_KINDS
from zcc.compiler.backends.cpu.machine.peaks import LINE, PEAKS, compiled, launches
from zcc.compiler.backends.cpu.targets.table import native_target
from zcc.compiler.backends.table import NATIVE
from zcc.compiler.compile import CompileOptions
from zcc.compiler.quality.comparison import POINTS
from zcc.compiler.racing.scenes import read_frames
from zcc.registry import Registry
from zcc.runtime import Detector, host
from zcc.runtime.errors import ZccError

FRAME = (640, 640)
WARM_UP = 0.3  # seconds of frames at the beginning of a turn
LAUNCHES, TASKS_OF_A_THREAD = 20_000, 4


@dataclass(frozen=True)
class Job:
    """What a process compiles and runs."""

    models: tuple[Path, ...]
    dtypes: tuple[str, ...]
    calib: Path | None
    registry: str
    seconds: float


def read_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL.onnx")
    parser.add_argument("--dtype", type=names, default=["fp32"], metavar="DTYPE,DTYPE")
    parser.add_argument("--threads", type=numbers, default=doubling(host.worker_threads()), metavar="N,N")
    parser.add_argument("--calib", type=Path, metavar="DIR", help="pictures that decide the scales of int8")
    parser.add_argument("--seconds", type=float, default=1.0, help="of a turn")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each")
    parser.add_argument("--registry", metavar="URL", help="where to compile into; a temporary one by default")
    return parser.parse_args()


def doubling(most: int) -> list[int]:
    """1, 2, 4, … and the most."""
    return sorted({1 << power for power in range(most.bit_length()) if 1 << power <= most} | {most})


def serve(pipe: Connection, threads: int, job: Job) -> None:
    """Compile, then measure what the pipe asks for."""
    os.environ[host.THREADS_VARIABLE] = str(threads)
    try:
        detectors = {(model, dtype): _detector(model, dtype, job) for model in job.models for dtype in job.dtypes}
    except ZccError as error:
        pipe.send(error)
        return
    frames = {color: read_frames(sample.IMAGES, FRAME, color) for color in ("rgb", "bgr")}
    pipe.send(None)
    while question := pipe.recv():
        if question == "launch":
            pipe.send(launch_seconds(threads))
        elif isinstance(question, str):
            target = native_target(question)
            # What has no products of its own is multiplied as floats.
            kind = question if question in DOT_KINDS or target.in_tiles(question) else FP32
            pipe.send(PEAKS[kind](target, threads, target.unit.lanes))
        else:
            detector = detectors[question]
            pipe.send(frame_seconds(detector, frames[detector.manifest.input.color], job.seconds))


def _detector(model: Path, dtype: str, job: Job) -> Detector:
    calib = job.calib if dtype == "int8" else None
    options = CompileOptions(model, dtypes=(dtype,), target=NATIVE, calib=calib, max_drop=POINTS)
    [made] = compile_for_processor(options, Registry.open(job.registry))
    return Detector.load(made.folder)


def frame_seconds(detector: Detector, frames: Sequence[Any], seconds: float) -> float:
    """The median frame."""
    taken: list[float] = []
    begun = time.perf_counter()
    while (start := time.perf_counter()) < begun + WARM_UP + seconds or not taken:
        detector(frames[len(taken) % len(frames)])
        if start > begun + WARM_UP:
            taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def launch_seconds(threads: int) -> float:
    """What a loop takes whose tasks do nothing."""
    tasks = threads * TASKS_OF_A_THREAD
    code, given = compiled(launches(tasks, LAUNCHES), native_target()), np.zeros((tasks, LINE), np.float32)
    code(given)
    start = time.perf_counter()
    code(given)
    return (time.perf_counter() - start) / LAUNCHES


def ask(pipes: dict[int, Connection], question: Any, rounds: int) -> dict[int, float]:
    """By threads, the median answer of those that are asked in turns."""
    answers: dict[int, list[float]] = {threads: [] for threads in pipes}
    for _ in range(rounds):
        for threads, pipe in pipes.items():
            pipe.send(question)
            answers[threads].append(pipe.recv())
    return {threads: statistics.median(given) for threads, given in answers.items()}


def report(pipes: dict[int, Connection], job: Job, rounds: int) -> None:
    """Ask everything, and print a line for each answer and number of threads."""
    peaks = {dtype: ask(pipes, dtype, rounds) for dtype in job.dtypes}
    for model in job.models:
        for dtype in job.dtypes:
            print(f"{model.name} {dtype}, frames of {FRAME[1]}x{FRAME[0]}", flush=True)
            frames = ask(pipes, (model, dtype), rounds)
            first = min(frames)
            for threads, seconds in frames.items():
                gain = frames[first] / seconds
                can = peaks[dtype][threads] / peaks[dtype][first]
                share = f"{gain * first / threads:.2f} of linear, {gain / can:.2f} of what the machine gains"
                print(f"  {threads:3} threads {1e3 * seconds:8.2f} ms  {gain:5.2f}x; {share} ({can:.2f}x)", flush=True)
    for threads, seconds in ask(pipes, "launch", rounds).items():
        print(f"a loop that does nothing on {threads:3} threads: {1e6 * seconds:.2f} us")


def main() -> None:
    """Start the processes, ask them, and end them."""
    options = read_arguments()
    context = get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="zcc-benchmark-") as scratch:
        place = options.registry or scratch
        job = Job(tuple(options.models), tuple(options.dtype), options.calib, place, options.seconds)
        pipes, processes = {}, []
        for threads in options.threads:
            pipes[threads], theirs = context.Pipe()
            processes.append(context.Process(target=serve, args=(theirs, threads, job), daemon=True))
            processes[-1].start()
        for pipe in pipes.values():
            if error := pipe.recv():
                raise error
        report(pipes, job, options.rounds)
        for pipe, process in zip(pipes.values(), processes, strict=True):
            pipe.send(None)
            process.join()


if __name__ == "__main__":
    run(main)
