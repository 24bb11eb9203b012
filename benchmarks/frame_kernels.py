"""Time the frame kernels against OpenCV and numpy doing the same, in turns, on noise and made-up scenes.

python -m benchmarks.frame_kernels [--rounds N] [--threads N] [--lanes N]
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import tvm
import tvm_ffi
from numpy.typing import NDArray
from tvm.target.codegen import llvm_get_system_cpu

from zcc.compiler.backends.cpu.frame.columns import scratch_shape
from zcc.compiler.backends.cpu.frame.image_layout import BytePixels, FloatPlanes, ImageLayout
from zcc.compiler.backends.cpu.frame.postprocess import build_postprocess, scratch
from zcc.compiler.backends.cpu.frame.preprocess import build_preprocess
from zcc.compiler.backends.cpu.frame.scratch import elements
from zcc.compiler.ir.heads.head import Head
from zcc.runtime.frame import as_frame
from zcc.runtime.manifest import InputSpec

SPEC = InputSpec(640, 640)
MAX_DET, CONF, IOU = 300, 0.25, 0.45
LAYOUTS: tuple[ImageLayout, ...] = FloatPlanes(SPEC.width, SPEC.height * SPEC.width), BytePixels(SPEC.width * 4)
FRAMES = ((720, 1280), (1080, 1920), (2160, 3840))
SHAPES: dict[str, Callable[[int, int], tuple[int, ...]]] = {
    "bgr": lambda height, width: (height, width, 3),
    "nv12": lambda height, width: (height * 3 // 2, width),
    "i420": lambda height, width: (height * 3 // 2, width),
    "gray": lambda height, width: (height, width),
}
CONVERSIONS = {"nv12": cv2.COLOR_YUV2BGR_NV12, "i420": cv2.COLOR_YUV2BGR_I420, "gray": cv2.COLOR_GRAY2BGR}
HEADS = {
    "(1, 84, 8400)": Head("v8", "output", 8400, 80, objectness=False, candidates_last=True),
    "(1, 25200, 85)": Head("v5", "output", 25200, 80, objectness=True, candidates_last=False),
}
CANDIDATES = (0, 200, 5000)
RUNS_PER_TURN = 5

Array = NDArray[Any]
Run = Callable[[], object]


def compiled(func: tvm.tirx.PrimFunc) -> Callable[..., None]:
    """A kernel for this machine, called with numpy arrays and numbers."""
    name = func.attrs["global_symbol"]
    target = tvm.target.Target({"kind": "llvm", "mcpu": llvm_get_system_cpu()})
    kernel = tvm.compile(tvm.IRModule({name: func}), target=target)[name]
    return lambda *args: kernel(*(tvm_ffi.from_dlpack(a) if isinstance(a, np.ndarray) else a for a in args))


def our_preprocess(frame: Array, name: str, layout: ImageLayout, lanes: int) -> Run:
    """The kernel, on an image without a border; it counts edges, too."""
    kernel = compiled(build_preprocess(SPEC, layout, name, lanes=lanes))
    image, table = np.empty(layout.shape(SPEC), layout.dtype), np.empty(scratch_shape(SPEC), np.int32)
    planes, edges = as_frame(frame, name).planes, np.empty(1, np.float32)
    return lambda: kernel(*planes, image, table, edges)


def their_preprocess(frame: Array, name: str, rows: int, columns: int) -> Run:
    """Conversion and letterbox with OpenCV, planes with numpy."""
    gain = min(SPEC.height / rows, SPEC.width / columns)
    height, width = round(rows * gain), round(columns * gain)
    top, left = (SPEC.height - height) // 2, (SPEC.width - width) // 2
    border = (top, SPEC.height - height - top, left, SPEC.width - width - left)

    def run() -> Array:
        picture = cv2.cvtColor(frame, CONVERSIONS[name]) if name in CONVERSIONS else frame
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)
        picture = cv2.copyMakeBorder(picture, *border, cv2.BORDER_CONSTANT, value=(114, 114, 114))
        planes = np.ascontiguousarray(picture[..., ::-1].transpose(2, 0, 1))
        return planes.astype(np.float32) / 255

    return run


def scene(head: Head, candidates: int) -> Array:
    """An output with that many candidates above the threshold, about five to an object."""
    rng = np.random.default_rng(0)
    rows = np.zeros((head.candidates, head.attributes), np.float32)
    rows[:, -head.classes :] = rng.uniform(0, 0.2, (head.candidates, head.classes))
    hot = rng.choice(head.candidates, candidates, replace=False)
    objects = rng.integers(0, max(candidates // 5, 1), candidates)
    places, labels = (
        rng.uniform(20, 620, (head.candidates, 4)),
        rng.integers(1, head.classes + 1, head.candidates),
    )
    rows[hot, :2] = places[objects, :2] + rng.normal(0, 2, (candidates, 2))
    rows[hot, 2:4] = places[objects, 2:] / 6
    rows[hot, -labels[objects]] = rng.uniform(0.5, 1, candidates)
    if head.objectness:
        rows[:, 4] = rng.uniform(0, 0.2, head.candidates)
        rows[hot, 4] = rng.uniform(0.6, 1, candidates)
    return np.ascontiguousarray(rows.T if head.candidates_last else rows)[None]


def our_postprocess(head: Head, output: Array, lanes: int) -> Run:
    """The kernel."""
    kernel = compiled(build_postprocess(head, SPEC, MAX_DET, lanes=lanes))
    boxes, scores = np.empty((MAX_DET, 4), np.float32), np.empty(MAX_DET, np.float32)
    labels, count = np.empty(MAX_DET, np.int32), np.empty(1, np.int32)
    floats, integers = (elements(shapes) for shapes in scratch(head, MAX_DET, lanes))
    no_details = np.empty((MAX_DET, 1), np.float32)
    held = no_details, np.empty(floats, np.float32), np.empty(integers, np.int32)
    return lambda: kernel(output, 1080, 1920, CONF, IOU, boxes, scores, labels, count, *held)


def their_postprocess(head: Head, output: Array) -> Run:
    """Threshold with numpy, NMS by class with OpenCV."""

    dnn: Any = cv2.dnn  # its types know no arrays

    def run() -> Array:
        rows = output[0].T if head.candidates_last else output[0]
        if head.objectness:
            rows = rows[rows[:, 4] > CONF]
        scores = rows[:, -head.classes :] * rows[:, 4:5] if head.objectness else rows[:, -head.classes :]
        labels, best = scores.argmax(1), scores.max(1)
        chosen = best > CONF
        rows, labels, best = rows[chosen], labels[chosen], best[chosen]
        boxes = np.concatenate([rows[:, :2] - rows[:, 2:4] / 2, rows[:, 2:4]], axis=1)
        kept = np.array(dnn.NMSBoxesBatched(boxes, best, labels, CONF, IOU), int)[:MAX_DET]
        boxes = np.concatenate([boxes[kept, :2], boxes[kept, :2] + boxes[kept, 2:]], axis=1)
        return np.clip((boxes - [0, 140, 0, 140]) * 3, 0, [1920, 1080, 1920, 1080])

    return run


def race(label: str, ours: Run, theirs: Run, rounds: int) -> None:
    """Run both in turns and print medians and minima."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for run, record in zip((ours, theirs), times, strict=True):
            run()  # the other's threads may still be spinning
            for _ in range(RUNS_PER_TURN):
                start = time.perf_counter()
                run()
                record.append((time.perf_counter() - start) * 1e3)
    mine, other = map(statistics.median, times)
    print(f"{label:44} {mine:9.3f} {other:9.3f} {other / mine:7.1f}x {min(times[0]):9.3f} {min(times[1]):9.3f}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--lanes", type=int, default=16, help="float32 lanes of a vector: 16, 8 or 4")
    options = parser.parse_args()
    cv2.setNumThreads(options.threads)
    os.environ["TVM_NUM_THREADS"] = str(options.threads)  # read when the thread pool starts, at the first call

    title = f"median ms, {options.threads} threads"
    print(f"{title:44} {'zcc':>9} {'opencv':>9} {'ratio':>8} {'zcc best':>9} {'best':>9}")
    for name, (height, width), layout in itertools.product(SHAPES, FRAMES, LAYOUTS):
        frame = np.random.default_rng(0).integers(0, 256, SHAPES[name](height, width), np.uint8)
        ours = our_preprocess(frame, name, layout, options.lanes)
        theirs = their_preprocess(frame, name, height, width)
        race(f"preprocess {name} {height} x {width} to {layout.dtype}", ours, theirs, options.rounds)
    for name, head in HEADS.items():
        for candidates in CANDIDATES:
            output = scene(head, candidates)
            ours, theirs = our_postprocess(head, output, options.lanes), their_postprocess(head, output)
            race(f"postprocess {name} {candidates} candidates", ours, theirs, options.rounds)


if __name__ == "__main__":
    main()
