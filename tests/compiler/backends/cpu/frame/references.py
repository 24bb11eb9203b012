"""What the frame kernels must equal, written plainly with OpenCV and numpy."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.compiler.backends.cpu.frame.harness import Detections
from zcc.compiler.ir.heads.head import Head
from zcc.runtime.manifest import InputSpec

Placement = tuple[float, float, int, int, int, int]


def placement(spec: InputSpec, height: int, width: int) -> Placement:
    """Gain down and across, size and position of the picture in the network's input."""
    down, across = spec.height / height, spec.width / width
    if spec.resize == "letterbox":
        down = across = min(down, across)
    new_height, new_width = max(1, round(height * down)), max(1, round(width * across))
    top = round((spec.height - new_height) / 2 - 0.1)
    left = round((spec.width - new_width) / 2 - 0.1)
    return down, across, new_height, new_width, top, left


def letterboxed(frame: NDArray[np.uint8], spec: InputSpec) -> NDArray[np.float32]:
    """RGB planes in grey levels."""
    _, _, height, width, top, left = placement(spec, *frame.shape[:2])
    picture = cv2.resize(frame, (width, height), interpolation=cv2.INTER_LINEAR)
    bottom, right = spec.height - height - top, spec.width - width - left
    picture = cv2.copyMakeBorder(picture, top, bottom, left, right, cv2.BORDER_CONSTANT, value=(114,) * 3)
    if spec.color == "bgr":
        picture = picture[..., ::-1]
    return picture.transpose(2, 0, 1).astype(np.float32)


Candidate = tuple[int, np.float32, int]  # index of the row, score, class


def _scored(rows: NDArray[np.float32], head: Head, conf: np.float32) -> Iterator[Candidate]:
    """Every row with its score and class; with each of its classes, class after class, where each counts."""
    classes = rows[:, -head.classes :]
    classes = np.where(np.isnan(classes), np.float32(-np.inf), classes)
    certain = rows[:, 4] if head.objectness else np.ones(len(rows), np.float32)
    passing = [index for index in range(len(rows)) if not head.objectness or certain[index] > conf]
    if head.final:
        yield from ((index, row[4], int(row[5])) for index, row in enumerate(rows))
    elif head.every_class:
        for label in range(head.classes):
            yield from ((index, classes[index, label] * certain[index], label) for index in passing)
    else:
        for index in passing:
            label = int(np.argmax(classes[index]))
            yield index, classes[index, label] * certain[index], label


def _candidates(rows: NDArray[np.float32], head: Head, conf: np.float32) -> list[Candidate]:
    """Those above the threshold, best first, equals in their order."""
    found = [candidate for candidate in _scored(rows, head, conf) if candidate[1] > conf]
    return sorted(found, key=lambda candidate: -candidate[1])


def corners(rows: NDArray[np.float32], head: Head) -> NDArray[np.float32]:
    if head.final or head.corners:
        return rows[:, :4]
    half = rows[:, 2:4] * np.float32(0.5)
    return np.concatenate([rows[:, :2] - half, rows[:, :2] + half], axis=1)


def overlaps(box: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """IoU of one box with several, in float32 as torchvision computes it."""
    low, high = np.maximum(others[:, :2], box[:2]), np.minimum(others[:, 2:], box[2:])
    shared = np.maximum(high - low, np.float32(0)).prod(axis=1)
    area = (box[2] - box[0]) * (box[3] - box[1])
    areas = (others[:, 2] - others[:, 0]) * (others[:, 3] - others[:, 1])
    return shared / (areas + area - shared)


def detections(
    output: NDArray[np.float32],
    head: Head,
    spec: InputSpec,
    size: tuple[int, int],
    conf: float,
    iou: float,
    max_det: int,
) -> Detections:
    """Greedy NMS by class, then back to frame pixels."""
    rows = output[0].T if head.candidates_last else output[0]
    boxes, kept = corners(rows, head), list[Candidate]()
    with np.errstate(all="ignore"):
        for index, score, label in _candidates(rows, head, np.float32(conf)):
            rivals = [other for other, _, rival in kept if rival == label]
            free = head.finished or not (overlaps(boxes[index], boxes[rivals]) > np.float32(iou)).any()
            if free:
                kept.append((index, score, label))
            if len(kept) == max_det:
                break
        return _in_frame(boxes, kept, spec, size)


def _in_frame(
    boxes: NDArray[np.float32],
    kept: list[Candidate],
    spec: InputSpec,
    size: tuple[int, int],
) -> Detections:
    down, across, _, _, top, left = placement(spec, *size)
    picked = boxes[[index for index, _, _ in kept]].reshape(-1, 4)
    moved = (picked - np.float32([left, top] * 2)) / np.float32([across, down] * 2)
    height, width = size
    return Detections(
        np.clip(moved, 0, np.float32([width, height] * 2)),
        np.array([score for _, score, _ in kept], np.float32),
        np.array([label for _, _, label in kept], np.int32),
    )
