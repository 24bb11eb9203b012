"""Whether a compiled model of a task says the same as ONNX Runtime and plain loops, on many generated scenes.

    python -m tests.long.equal_tasks MODEL.onnx --classes 80 [--scenes 100] [--registry DIR [--compiled]] [--conf X]

Scenes are those of examples/shapes, crowded ones and empty ones among them. Detections must be the same; boxes and
keypoints within 0.5 pixels, corners within 0.7, masks within 0.5% of their pixels, scores within 1e-3. Where two scores
are that near to each other or to the threshold, rounding may decide, which is counted and shown. Untrained weights find
things in the border around a picture, where all cells score alike: `--square` takes the middle of each scene.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from examples.shapes.scenes import VALIDATION_SEED, make_scene
from tests.compiler.backends.cpu.frame.test_crop import cut
from tests.runtime.tasks.plain import Plain, PlainModel
from zcc.compiler.compile import CompileOptions, compile_model
from zcc.registry import Registry
from zcc.runtime import Detector
from zcc.runtime.tasks.rotated import corners

PIXELS, CORNERS, MASK, SCORE = 0.5, 0.7, 0.005, 1e-3
IOU = 0.45
EMPTY = 8  # of the scenes, one of so many is a plain wall
NOTHING = 1.0  # a threshold that no score exceeds


def main() -> None:
    """Compare, and say what differs."""
    options = _parser().parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        registry = options.registry or scratch
        if not options.compiled:
            compile_model(CompileOptions(options.model), Registry.open(registry))
        detector = Detector.load(options.model.stem, registry=registry)
        task = detector.manifest.task.name
        plain = (
            PlainClassifier(options.model) if task == "classify" else PlainModel(options.model, task, options.classes)
        )
        counts: Counter[str] = Counter()
        for index in range(options.first, options.first + options.scenes):
            scene = make_scene(VALIDATION_SEED, index).image[..., ::-1]
            empty = index % EMPTY == EMPTY - 1
            frame = np.ascontiguousarray(
                middle(scene) if options.square else np.full_like(scene, 90) if empty else scene
            )
            conf = NOTHING if empty and options.square else options.conf
            expected = plain(frame, conf, IOU)
            for difference in differences(detector(frame, conf, IOU), expected):
                counts[difference] += 1
                print(f"scene {index}: {difference}")
            counts["detections"] += len(expected.scores)
    print(f"{options.scenes} scenes, {dict(counts)}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--classes", type=int, default=80)
    parser.add_argument("--scenes", type=int, default=100)
    parser.add_argument("--registry")
    parser.add_argument("--compiled", action="store_true", help="it is in the registry under its file's name")
    parser.add_argument("--first", type=int, default=0, help="the number of the first scene")
    parser.add_argument("--square", action="store_true", help="the middle of each scene, for untrained weights")
    parser.add_argument("--conf", type=float, default=0.25)
    return parser


def middle(image: Any) -> Any:
    """The largest square in the middle."""
    side = min(image.shape[:2])
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    return image[top : top + side, left : left + side]


class PlainClassifier:
    """A classifier, run by ONNX Runtime on what is cut out of a frame."""

    def __init__(self, path: Path) -> None:
        self._session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        (self._given,) = self._session.get_inputs()

    def __call__(self, frame: Any, conf: float, iou: float) -> Plain:
        """The probabilities, as scores of numbered classes."""
        image = cut(frame[..., ::-1], *self._given.shape[2:]).transpose(2, 0, 1)[None] / np.float32(255)
        (likely,) = self._session.run(None, {self._given.name: image})[0]
        return Plain(np.zeros((0, 4), np.float32), likely, np.arange(len(likely)), np.zeros((0, 0), np.float32))


def differences(got: Any, expected: Plain) -> list[str]:
    """What is not the same, in words; empty where everything is."""
    if hasattr(got, "probabilities"):
        away = np.abs(got.probabilities - expected.scores).max()
        return [] if away <= SCORE else [f"probabilities differ by {away:.1e}"]
    if len(got) != len(expected.scores):
        return [f"another number of detections: {len(got)} instead of {len(expected.scores)}"]
    pairs = [partner(got, expected, number) for number in range(len(got))]
    if None in pairs:
        return ["a detection without a counterpart"]
    order = np.array(pairs, int)
    found = {
        "scores": np.abs(got.scores - expected.scores[order]).max(initial=0) > SCORE,
        "boxes": np.abs(got.boxes - expected.boxes[order]).max(initial=0) > PIXELS,
    }
    if hasattr(got, "keypoints"):
        away = np.abs(got.keypoints[..., :2] - expected.details[order][..., :2])
        found["keypoints"] = away.max(initial=0) > PIXELS
    if hasattr(got, "corners"):
        found["corners"] = np.abs(got.corners - corners(expected.details[order])).max(initial=0) > CORNERS
    if hasattr(got, "masks"):
        masks = [(got.masks.full(number), expected.masks[other]) for number, other in enumerate(order)]
        found["masks"] = any((mine != theirs).sum() > max(MASK * theirs.sum(), 2) for mine, theirs in masks)
    return [f"{name} differ" for name, differ in found.items() if differ]


def partner(got: Any, expected: Plain, number: int) -> int | None:
    """The detection of the same class whose box is nearest, among those with the same score."""
    alike = (expected.classes == got.classes[number]) & (np.abs(expected.scores - got.scores[number]) <= SCORE)
    if not alike.any():
        return None
    away = np.abs(expected.boxes - got.boxes[number]).max(1)
    return int(np.where(alike, away, np.inf).argmin())


if __name__ == "__main__":
    main()
