"""What the frame kernels must equal, written plainly with OpenCV and numpy."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.compiler.frame.harness import Detections
from zcc.compiler.frontend.model import Head
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


def _candidates(output: NDArray[np.float32], head: Head, conf: np.float32) -> list[tuple[int, np.float32, int]]:
    """Index, score and class of every row above the threshold, best first."""
    found = []
    for index, row in enumerate(output):
        if head.final:
            score, label = row[4], int(row[5])
        else:
            classes = np.where(np.isnan(row[-head.classes :]), -np.inf, row[-head.classes :]).astype(np.float32)
            label = int(np.argmax(classes))
            score = classes[label] * row[4] if head.objectness else classes[label]
            if head.objectness and not row[4] > conf:
                continue
        if score > conf:
            found.append((index, score, label))
    return sorted(found, key=lambda candidate: (-candidate[1], candidate[0]))


def corners(output: NDArray[np.float32], head: Head) -> NDArray[np.float32]:
    if head.final:
        return output[:, :4]
    half = output[:, 2:4] * np.float32(0.5)
    return np.concatenate([output[:, :2] - half, output[:, :2] + half], axis=1)


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
    boxes, kept = corners(rows, head), list[tuple[int, np.float32, int]]()
    with np.errstate(all="ignore"):
        for index, score, label in _candidates(rows, head, np.float32(conf)):
            rivals = [other for other, _, rival in kept if rival == label]
            free = head.final or not (overlaps(boxes[index], boxes[rivals]) > np.float32(iou)).any()
            if free:
                kept.append((index, score, label))
            if len(kept) == max_det:
                break
        return _in_frame(boxes, kept, spec, size)


def _in_frame(
    boxes: NDArray[np.float32],
    kept: list[tuple[int, np.float32, int]],
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
