"""What people write with numpy and OpenCV behind a network of each task, when speed matters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from zcc.compiler.racing.opencv_frame import PicturePlacement
from zcc.runtime.tasks.rotated import corners

Floats = NDArray[np.float32]
Results = tuple[Any, ...]
_suppress: Any = cv2.dnn.NMSBoxesBatched

# From a network's outputs, where the frame lies, the number of classes, and the thresholds, to results in frame pixels.
Post = Callable[[Sequence[Floats], PicturePlacement, int, float, float], Results]


def _kept(output: Floats, classes: int, conf: float, iou: float) -> tuple[Floats, Floats, NDArray[Any]]:
    """The columns (n, numbers) that are left, their scores and classes; boxes are centre and size."""
    columns = output[0]
    columns = columns[:, columns[4 : 4 + classes].max(axis=0) > conf].T
    scores = columns[:, 4 : 4 + classes]
    best = scores.argmax(axis=1)
    likely = scores[np.arange(len(scores)), best]
    boxes = np.concatenate([columns[:, :2] - columns[:, 2:4] / 2, columns[:, 2:4]], axis=1)
    kept = np.array(_suppress(boxes, likely, best, conf, iou), np.intp)[:300]
    return columns[kept], likely[kept], best[kept]


def _boxes(rows: Floats, placement: PicturePlacement) -> Floats:
    centres, halves = rows[:, :2], rows[:, 2:4] / 2
    return placement.to_frame(np.concatenate([centres - halves, centres + halves], axis=1))


def queries(outputs: Sequence[Floats], placement: PicturePlacement, classes: int, conf: float, iou: float) -> Results:
    """Answers to queries, as RT-DETR gives them: boxes in parts of the input, every class above the threshold."""
    answers = outputs[0][0]
    rows, kinds = np.nonzero(answers[:, 4 : 4 + classes] > conf)
    scores = answers[rows, 4 + kinds]
    order = np.argsort(-scores, kind="stable")[:300]
    height, width = (size + 2 * corner for size, corner in zip(placement.size, placement.corner, strict=True))
    return _boxes(answers[rows[order], :4] * (width, height, width, height), placement), scores[order], kinds[order]


def pose(outputs: Sequence[Floats], placement: PicturePlacement, classes: int, conf: float, iou: float) -> Results:
    """Boxes and keypoints."""
    rows, scores, kinds = _kept(outputs[0], classes, conf, iou)
    points = rows[:, 4 + classes :].reshape(len(rows), -1, 3).copy()
    points[..., :2] = (points[..., :2] - placement.corner[::-1]) / placement.gain[::-1]
    return _boxes(rows, placement), scores, kinds, points


def segment(outputs: Sequence[Floats], placement: PicturePlacement, classes: int, conf: float, iou: float) -> Results:
    """Boxes and masks: sums of all prototypes by one product, each resized to the frame's part that its box is."""
    rows, scores, kinds = _kept(outputs[0], classes, conf, iou)
    boxes, prototypes = _boxes(rows, placement), outputs[1][0]
    count, high, wide = prototypes.shape
    sums = (rows[:, 4 + classes :] @ prototypes.reshape(count, -1)).reshape(-1, high, wide)
    (top, left), (height, width) = placement.corner, placement.size
    stride = 4
    inner = sums[:, top // stride : (top + height) // stride, left // stride : (left + width) // stride]
    scale = np.array([inner.shape[2] / placement.frame[1], inner.shape[1] / placement.frame[0]])
    masks = [_mask(each, box, scale) for each, box in zip(inner, boxes, strict=True)]
    return boxes, scores, kinds, masks


def _mask(sums: Floats, box: Floats, scale: NDArray[Any]) -> NDArray[np.bool_]:
    """A mask of a box's size, out of the cells that it covers."""
    x1, y1, x2, y2 = np.ceil(box).astype(int)
    if x2 <= x1 or y2 <= y1:
        return np.zeros((0, 0), bool)
    across, down = (x1 + 0.5) * scale[0] - 0.5, (y1 + 0.5) * scale[1] - 0.5
    moves = np.array([[scale[0], 0, across], [0, scale[1], down]], np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    made = cv2.warpAffine(sums, moves, (x2 - x1, y2 - y1), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(made > 0)


def obb(outputs: Sequence[Floats], placement: PicturePlacement, classes: int, conf: float, iou: float) -> Results:
    """Rotated boxes, each compared with all surer ones at once."""
    columns = outputs[0][0]
    columns = columns[:, columns[4 : 4 + classes].max(axis=0) > conf].T
    scores = columns[:, 4 : 4 + classes]
    best = scores.argmax(axis=1)
    likely = scores[np.arange(len(scores)), best]
    order = np.argsort(-likely, kind="stable")
    columns, best, likely = columns[order], best[order], likely[order]
    boxes = np.concatenate([columns[:, :4], columns[:, -1:]], axis=1)
    far = boxes.copy()
    far[:, :2] += best[:, None] * 7680  # classes apart
    near = np.triu(probabilistic_iou(far) > iou, 1).any(axis=0)
    boxes, likely, best = boxes[~near][:300], likely[~near][:300], best[~near][:300]
    boxes[:, :2] = (boxes[:, :2] - placement.corner[::-1]) / placement.gain[::-1]
    boxes[:, 2:4] /= placement.gain[0]
    return boxes, likely, best, corners(boxes)


def probabilistic_iou(boxes: Floats, eps: float = 1e-7) -> Floats:
    """Of every pair of rotated boxes."""
    x, y = boxes[:, 0], boxes[:, 1]
    along, beside = boxes[:, 2] ** 2 / 12, boxes[:, 3] ** 2 / 12
    cosine, sine = np.cos(boxes[:, 4]), np.sin(boxes[:, 4])
    a, b = along * cosine**2 + beside * sine**2, along * sine**2 + beside * cosine**2
    c = (along - beside) * cosine * sine
    sum_a, sum_b, sum_c = (each[:, None] + each[None] for each in (a, b, c))
    across, down = x[:, None] - x[None], y[:, None] - y[None]
    whole = sum_a * sum_b - sum_c**2
    apart = (sum_a * down**2 + sum_b * across**2 - 2 * sum_c * across * down) / (whole + eps) / 4
    own = np.maximum(a * b - c**2, 0)
    unlike = np.log(whole / (4 * np.sqrt(own[:, None] * own[None]) + eps) + eps) / 2
    return np.asarray(1 - np.sqrt(1 - np.exp(-np.clip(apart + unlike, eps, 100)) + eps))


def classify(outputs: Sequence[Floats], placement: PicturePlacement, classes: int, conf: float, iou: float) -> Results:
    """The likeliest classes."""
    likely = outputs[0][0]
    top = np.argpartition(-likely, 5)[:5]
    return likely[top[np.argsort(-likely[top])]], top


POSTS: dict[str, Post] = {"detect": queries, "pose": pose, "segment": segment, "obb": obb, "classify": classify}
