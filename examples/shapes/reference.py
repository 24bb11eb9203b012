"""The exported detector run by ONNX Runtime, with pre- and postprocessing in plain numpy.

It shares no code with the compiler: what it says is the reference for what a compiled artifact must say.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from examples.shapes.letterbox import letterbox

MOST_DETECTIONS = 300


@dataclass(frozen=True)
class Found:
    """Detections in pixels of the frame, best first."""

    boxes: NDArray[np.float32]  # (n, 4) xyxy
    scores: NDArray[np.float32]  # (n,)
    classes: NDArray[np.int64]  # (n,)


class ReferenceDetector:
    """The model in an ONNX file; called with a BGR frame."""

    def __init__(self, model: Path, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0]

    def __call__(self, frame: NDArray[np.uint8], conf: float = 0.001, iou: float = 0.7) -> Found:
        """Every detection of at least `conf`, overlapping none of its class by more than `iou`."""
        canvas, fit = letterbox(frame[..., ::-1], self._input.shape[2])
        planes = canvas.transpose(2, 0, 1)[None].astype(np.float32) / 255
        (output,) = self._session.run(None, {self._input.name: planes})
        found = _suppressed(_candidates(output[0], conf), iou)
        height, width = frame.shape[:2]
        boxes = np.clip(fit.to_frame(found.boxes), 0, [width, height, width, height]).astype(np.float32)
        return Found(boxes, found.scores, found.classes)


def _candidates(output: NDArray[np.float32], conf: float) -> Found:
    """The cells (4 + C, N) of at least `conf` in their best class, best first, boxes xyxy."""
    scores, classes = output[4:].max(axis=0), output[4:].argmax(axis=0)
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] >= conf]
    centers, halves = output[:2, order].T, output[2:4, order].T / 2
    boxes = np.concatenate([centers - halves, centers + halves], axis=1)
    return Found(boxes, scores[order], classes[order])


def _suppressed(found: Found, iou: float) -> Found:
    kept: list[int] = []
    alive = np.ones(len(found.scores), bool)
    while len(kept) < MOST_DETECTIONS and alive.any():
        best = int(alive.argmax())
        kept.append(best)
        rivals = alive & (found.classes == found.classes[best])
        alive[rivals] = _overlap(found.boxes[best], found.boxes[rivals]) <= iou
        alive[best] = False
    return Found(found.boxes[kept], found.scores[kept], found.classes[kept])


def _overlap(box: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    shared = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    common = np.clip(shared, 0, None).prod(axis=1)
    areas = (others[:, 2:] - others[:, :2]).prod(axis=1)
    overlap: NDArray[np.float32] = common / ((box[2:] - box[:2]).prod() + areas - common + 1e-9)
    return overlap
