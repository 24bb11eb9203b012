"""Whether a card gives what the CPU gave."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.gpu.case import Array, Case, PostCheck, PreCheck
from benchmarks.gpu.frames import as_frame, noise
from zcc.runtime.detections import Detections
from zcc.runtime.executors.cuda import CudaExecutor


def failures(case: Case, executor: CudaExecutor) -> Iterator[str]:
    """What is not as it must be, in words."""
    for pre in case.pre:
        yield from _pre(case, pre, executor)
    for post in case.post:
        yield from _post(case, post, executor)


def _pre(case: Case, check: PreCheck, executor: CudaExecutor) -> Iterator[str]:
    frame = as_frame(noise(check.format, check.size, check.seed, check.pitch))
    edges = executor.run(frame, 0.25, 0.45, check.format).edges
    name = f"{case.name} {check.format} {check.size[1]}x{check.size[0]} +{check.pitch}"
    wanted, got = as_elements(case.arrays[check.levels], case), executor.read("image")
    wrong = np.count_nonzero(wanted != got)
    if wrong:
        yield f"{name}: {wrong} of {got.size} bytes of the image differ"
    if np.float32(edges) != np.float32(check.edges):
        yield f"{name}: {edges} of edges, not {check.edges}"


def as_elements(levels: Array, case: Case) -> Array:
    """Grey levels as the image's bytes."""
    dtype = case.name.removeprefix("image-")
    values = levels.astype(np.float32) * np.float32(case.scale)
    if dtype == "bfloat16":  # levels have eight bits: nothing is rounded
        return (values.view(np.uint32) >> 16).astype(np.uint16).reshape(-1).view(np.uint8)
    return values.astype(dtype).reshape(-1).view(np.uint8)


def _post(case: Case, check: PostCheck, executor: CudaExecutor) -> Iterator[str]:
    executor.write("maps", case.arrays[check.maps])
    found = executor.run(np.zeros((*check.size, 3), np.uint8), check.conf, check.iou)
    again = executor.run(np.zeros((*check.size, 3), np.uint8), check.conf, check.iou)
    for what, detections in (("", found), (" again", again)):
        yield from (f"{case.name} {check.name}{what}: {fault}" for fault in _differences(case, check, detections))


def _differences(case: Case, check: PostCheck, found: Detections) -> Iterator[str]:
    boxes, scores, classes = (case.arrays[name] for name in (check.boxes, check.scores, check.classes))
    if len(found) != len(scores):
        yield f"{len(found)} detections, not {len(scores)}"
        return
    if not np.array_equal(found.classes, classes):
        yield "other classes"
    for name, got, wanted in (("scores", found.scores, scores), ("boxes", found.boxes, boxes)):
        if not np.array_equal(got.view(np.uint32), wanted.view(np.uint32)):
            yield f"other {name}, by up to {np.abs(got - wanted).max()}"
