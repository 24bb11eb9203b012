"""Models of every task, run by ONNX Runtime with numpy around it: what a compiled artifact's results must be.

Nothing here is shared with the compiler. Overlaps, sums and resampling are written out as exporters define them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.compiler.backends.cpu.frame import references
from tests.ort import session as ort_session
from zcc.runtime.manifest import InputSpec

Array = NDArray[np.float32]
MOST = 300
NEVER = 1.0  # no overlap is larger
DETAILS = {"segment": (32,), "pose": (51,)}  # numbers of a row that a file chose itself, where it may


@dataclass
class Plain:
    """Results in frame pixels, the surest first."""

    boxes: Array
    scores: Array
    classes: NDArray[np.int64]
    details: Array
    masks: list[NDArray[np.bool_]] = field(default_factory=list)  # as large as the frame


@dataclass(frozen=True)
class Picture:
    """Where a frame lies in the network's input."""

    frame: tuple[int, int]
    gain: float
    left: int
    top: int

    @classmethod
    def of(cls, spec: InputSpec, frame: tuple[int, int]) -> Picture:
        """As a letterbox puts it."""
        gain, _, _, _, top, left = references.placement(spec, *frame)
        return cls(frame, gain, left, top)

    def points(self, xy: Array) -> Array:
        """Input pixels as frame pixels."""
        return np.asarray((xy - [self.left, self.top]) / self.gain, np.float32)

    def clipped(self, xy: Array) -> Array:
        """Input pixels as frame pixels inside the frame."""
        return np.clip(self.points(xy), 0, [self.frame[1], self.frame[0]])


class PlainModel:
    """An ONNX file of a task, with `classes` classes; called with a BGR frame."""

    def __init__(self, path: Path, task: str, classes: int) -> None:
        self._session = ort_session(path)
        self._task, self._classes = task, classes
        (given,) = self._session.get_inputs()
        self.spec = InputSpec(*given.shape[2:])

    def outputs(self, image: Array) -> list[Array]:
        """What the network makes of an input (1, 3, h, w) of 0..1."""
        return list(self._session.run(None, {self._session.get_inputs()[0].name: image}))

    def __call__(self, frame: NDArray[np.uint8], conf: float, iou: float) -> Plain:
        """What is found in a frame."""
        image = references.letterboxed(frame, self.spec)[None] / np.float32(255)
        outputs = self.outputs(image)
        rows = outputs[0][0].T if outputs[0].shape[1] < outputs[0].shape[2] else outputs[0][0]
        if rows.shape[1] - 6 in (0, *DETAILS.get(self._task, ())):
            rows, iou = self._candidates(rows), NEVER
        return self.results(rows, outputs[1:], frame.shape[:2], conf, iou)

    def _candidates(self, chosen: Array) -> Array:
        """Rows of what the file chose itself (corners, score, class, details) as candidates that nothing suppresses.

        Where boxes lie within 0..1, as RT-DETR's do, they are centre and size in parts of the input.
        """
        boxes = chosen[:, :4]
        if boxes.max() <= 2:
            boxes = boxes * np.float32([self.spec.width, self.spec.height] * 2)
        else:
            boxes = np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], 1)
        scores = np.where(np.arange(self._classes) == chosen[:, 5:6], chosen[:, 4:5], 0)
        return np.concatenate([boxes, scores, chosen[:, 6:]], 1).astype(np.float32)

    def results(self, rows: Array, others: list[Array], size: tuple[int, int], conf: float, iou: float) -> Plain:
        """The same, from rows of candidates."""
        picture = Picture.of(self.spec, size)
        scores, classes = rows[:, 4 : 4 + self._classes].max(1), rows[:, 4 : 4 + self._classes].argmax(1)
        order = [i for i in np.argsort(-scores, kind="stable") if scores[i] > np.float32(conf)]
        kept = KEEPERS[self._task](rows, classes, order, iou)[:MOST]
        boxes, details = rows[kept, :4], rows[kept, 4 + self._classes :]
        low, high = boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2
        found = Plain(np.concatenate([picture.clipped(low), picture.clipped(high)], 1), scores[kept], classes[kept],
                      details)  # fmt: skip
        FINISHERS[self._task](found, boxes, others, picture)
        return found


def keep_upright(rows: Array, classes: NDArray[np.int64], order: list[int], iou: float) -> list[int]:
    """Greedily, what no kept box of its class overlaps by more."""
    half = rows[:, 2:4] / 2
    boxes, kept = np.concatenate([rows[:, :2] - half, rows[:, :2] + half], 1), list[int]()
    for index in order:
        rivals = [other for other in kept if classes[other] == classes[index]]
        if not (references.overlaps(boxes[index], boxes[rivals]) > np.float32(iou)).any():
            kept.append(index)
    return kept


def covariance(box: NDArray[np.float64]) -> tuple[float, float, float]:
    """Of the normal distribution that stands for a rotated box: along x, along y, between them."""
    along, beside, angle = box[2] ** 2 / 12, box[3] ** 2 / 12, box[4]
    cosine, sine = np.cos(angle), np.sin(angle)
    return along * cosine**2 + beside * sine**2, along * sine**2 + beside * cosine**2, (along - beside) * cosine * sine


def probabilistic_iou(one: NDArray[np.float64], other: NDArray[np.float64], eps: float = 1e-7) -> float:
    """One less the Hellinger distance between the distributions that stand for two rotated boxes."""
    (a1, b1, c1), (a2, b2, c2) = covariance(one), covariance(other)
    dx, dy = one[0] - other[0], one[1] - other[1]
    whole = (a1 + a2) * (b1 + b2) - (c1 + c2) ** 2
    first = ((a1 + a2) * dy**2 + (b1 + b2) * dx**2) / (whole + eps) / 4
    second = (c1 + c2) * -dx * dy / (whole + eps) / 2
    shared = 4 * np.sqrt(max(a1 * b1 - c1**2, 0) * max(a2 * b2 - c2**2, 0)) + eps
    distance = np.clip(first + second + np.log(whole / shared + eps) / 2, eps, 100)
    return float(1 - np.sqrt(1 - np.exp(-distance) + eps))


def keep_rotated(rows: Array, classes: NDArray[np.int64], order: list[int], iou: float) -> list[int]:
    """What nothing surer of its class overlaps by more, kept or not."""
    boxes = np.concatenate([rows[:, :4], rows[:, -1:]], 1).astype(np.float64)
    return [
        index
        for place, index in enumerate(order)
        if not any(
            classes[other] == classes[index] and probabilistic_iou(boxes[other], boxes[index]) > iou
            for other in order[:place]
        )
    ]


def _nothing(found: Plain, boxes: Array, others: list[Array], picture: Picture) -> None:
    pass


def _keypoints(found: Plain, boxes: Array, others: list[Array], picture: Picture, numbers: int = 3) -> None:
    points = found.details.reshape(len(boxes), found.details.shape[1] // numbers, numbers).copy()
    points[..., :2] = picture.clipped(points[..., :2])
    found.details = points


def _rotated(found: Plain, boxes: Array, others: list[Array], picture: Picture) -> None:
    angles = found.details
    found.details = np.concatenate([picture.points(boxes[:, :2]), boxes[:, 2:] / np.float32(picture.gain), angles], 1)
    width, height, angle = boxes[:, 2], boxes[:, 3], angles[:, 0]
    reach_x = (abs(width * np.cos(angle)) + abs(height * np.sin(angle))) / 2
    reach_y = (abs(width * np.sin(angle)) + abs(height * np.cos(angle))) / 2
    reach = np.stack([reach_x, reach_y], 1)
    low, high = picture.clipped(boxes[:, :2] - reach), picture.clipped(boxes[:, :2] + reach)
    found.boxes = np.concatenate([low, high], 1)


def _masks(found: Plain, boxes: Array, others: list[Array], picture: Picture) -> None:
    """Sums of prototypes, resampled to the frame bilinearly, inside their boxes."""
    prototypes = others[0][0]
    for coefficients, (x1, y1, x2, y2) in zip(found.details, found.boxes, strict=True):
        whole = in_frame(np.tensordot(coefficients, prototypes, 1), *picture.frame)
        y, x = np.mgrid[: picture.frame[0], : picture.frame[1]]
        found.masks.append((whole > 0) & (x >= x1) & (x < x2) & (y >= y1) & (y < y2))


def in_frame(sums: Array, rows: int, cols: int, stride: int = 4) -> Array:
    """A mask at a frame's resolution: made finer until the border can be cut off, which is then done."""
    height, width = stride * sums.shape[0], stride * sums.shape[1]
    gain = min(height / rows, width / cols)
    pads = (height - max(round(rows * gain), 1)) | (width - max(round(cols * gain), 1))
    finer = stride // math.gcd(stride, pads | pads // 2)
    height, width = finer * sums.shape[0], finer * sums.shape[1]
    fine = resampled(sums, height, width)
    gain = min(height / rows, width / cols)
    high, wide = max(round(rows * gain), 1), max(round(cols * gain), 1)
    top, left = round((height - high) / 2 - 0.1), round((width - wide) / 2 - 0.1)
    return resampled(fine[top : top + high, left : left + wide], rows, cols)


def resampled(values: Array, rows: int, cols: int) -> Array:
    """Bilinear, the centres of pixels in proportion, the edges repeated."""

    def places(out: int, size: int) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
        at = np.clip((np.arange(out) + 0.5) * size / out - 0.5, 0, size - 1)
        low = np.floor(at).astype(int)
        return low, np.minimum(low + 1, size - 1), (at - low).astype(np.float32)

    (y0, y1, fy), (x0, x1, fx) = places(rows, values.shape[0]), places(cols, values.shape[1])
    upper = values[y0][:, x0] * (1 - fx) + values[y0][:, x1] * fx
    lower = values[y1][:, x0] * (1 - fx) + values[y1][:, x1] * fx
    return np.asarray(upper * (1 - fy[:, None]) + lower * fy[:, None], np.float32)


Keep = Callable[[Array, NDArray[np.int64], list[int], float], list[int]]
Finish = Callable[[Plain, Array, list[Array], Picture], None]
KEEPERS: dict[str, Keep] = {
    "detect": keep_upright,
    "segment": keep_upright,
    "pose": keep_upright,
    "obb": keep_rotated,
}
FINISHERS: dict[str, Finish] = {"detect": _nothing, "segment": _masks, "pose": _keypoints, "obb": _rotated}
