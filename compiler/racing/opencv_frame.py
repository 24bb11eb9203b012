"""The frame around the peers' networks, as one writes it with OpenCV and numpy when speed matters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from zcc.compiler.ir.heads.head import Head
from zcc.compiler.racing.contestant import Floats, FoundBoxes, Pixels, Step, Thresholds
from zcc.compiler.racing.race_task import RaceTask
from zcc.runtime.manifest import InputSpec

PAD_GREY = 114
_suppress: Any = cv2.dnn.NMSBoxesBatched  # its types know lists alone; it takes arrays, and is quicker with them


@dataclass(frozen=True)
class PicturePlacement:
    """Where a frame's picture lies in the network's input."""

    frame: tuple[int, int]  # height, width
    gain: tuple[float, float]  # down, across
    size: tuple[int, int]
    corner: tuple[int, int]  # top, left

    @classmethod
    def of(cls, height: int, width: int, spec: InputSpec) -> PicturePlacement:
        """Centred in its own proportions, or stretched."""
        down, across = spec.height / height, spec.width / width
        if spec.resize == "letterbox":
            down = across = min(down, across)
        size = max(1, round(height * down)), max(1, round(width * across))
        corner = (spec.height - size[0]) // 2, (spec.width - size[1]) // 2
        return cls((height, width), (down, across), size, corner)

    def to_frame(self, boxes: Floats) -> Floats:
        """Boxes in input pixels as boxes in frame pixels, clipped to the frame."""
        (down, across), (top, left), (height, width) = self.gain, self.corner, self.frame
        corner, gain, most = (
            np.array([x, y] * 2, np.float32) for x, y in ((left, top), (across, down), (width, height))
        )
        return np.clip((boxes - corner) / gain, 0, most)


def frame_steps(network: Callable[[Floats], Floats], task: RaceTask, thresholds: Thresholds) -> tuple[Step, ...]:
    """The three steps of a peer: letterbox, network, detections."""

    def pre(frame: Pixels) -> tuple[PicturePlacement, Floats]:
        placement = PicturePlacement.of(frame.shape[0], frame.shape[1], task.spec)
        return placement, prepare(frame, placement, task.spec)

    def infer(prepared: tuple[PicturePlacement, Floats]) -> tuple[PicturePlacement, Floats]:
        placement, image = prepared
        return placement, network(image)

    def post(result: tuple[PicturePlacement, Floats]) -> FoundBoxes:
        placement, output = result
        return detections(output, placement, task, thresholds)

    return ("pre", pre), ("network", infer), ("post", post)


def prepare(frame: Pixels, placement: PicturePlacement, spec: InputSpec) -> Floats:
    """The network's input: resized, framed in grey, as RGB planes of 0..1."""
    (height, width), (top, left) = placement.size, placement.corner
    if frame.shape[:2] != (height, width):
        frame = cv2.resize(frame, (width, height), interpolation=cv2.INTER_LINEAR)
    border = (top, spec.height - height - top, left, spec.width - width - left)
    if any(border):
        frame = cv2.copyMakeBorder(frame, *border, cv2.BORDER_CONSTANT, value=(PAD_GREY,) * 3)
    return cv2.dnn.blobFromImage(frame, 1 / 255, swapRB=spec.color == "bgr")


def detections(output: Floats, placement: PicturePlacement, task: RaceTask, thresholds: Thresholds) -> FoundBoxes:
    """What is above the threshold, without what OpenCV suppresses."""
    head = task.head
    conf, iou = thresholds
    if head.suppression is not None:
        conf, iou = max(conf, head.suppression.score), head.suppression.iou
    boxes, scores, classes = candidates(output[0], head, conf)
    if head.finished:
        kept = np.argsort(-scores, kind="stable")
    else:
        corner_and_size = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
        kept = np.array(_suppress(corner_and_size, scores, classes, conf, iou), np.intp)
    kept = kept[: task.max_det]
    return FoundBoxes(placement.to_frame(boxes[kept]), scores[kept], classes[kept])


def candidates(output: Floats, head: Head, conf: float) -> FoundBoxes:
    """Boxes in input pixels of everything whose score is above `conf`; what is below is dropped first."""
    certain = head.objectness or head.final  # the fifth number is no class's score
    if head.candidates_last:
        output = output[:, (output[4] if certain else output[4:].max(axis=0)) > conf].T
    elif certain:
        output = output[output[:, 4] > conf]
    if head.final:
        return FoundBoxes(output[:, :4], output[:, 4], output[:, 5].astype(np.int32))
    scores = output[:, -head.classes :]
    if head.objectness:
        scores = scores * output[:, 4:5]
    if head.every_class:
        rows, classes = np.nonzero(scores > conf)
    else:
        best = scores.argmax(axis=1)
        rows = np.flatnonzero(scores[np.arange(len(scores)), best] > conf)
        classes = best[rows]
    return FoundBoxes(corners(output[rows, :4], head), scores[rows, classes], classes.astype(np.int32))


def corners(boxes: Floats, head: Head) -> Floats:
    """Boxes as x1, y1, x2, y2."""
    if head.corners:
        return boxes
    centres, halves = boxes[:, :2], boxes[:, 2:] / 2
    return np.concatenate([centres - halves, centres + halves], axis=1)
