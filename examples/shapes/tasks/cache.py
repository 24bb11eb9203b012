"""Scenes of stretched shapes with the labels of every task, letterboxed and kept as arrays."""

from __future__ import annotations

import argparse
from functools import partial
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from examples.shapes.cache import MOST_BOXES, SIZE
from examples.shapes.letterbox import letterbox
from examples.shapes.outlines import CLASSES, Shape
from examples.shapes.scenes import STRETCHES, TRAIN_SEED, make_scene
from examples.shapes.task_labels import KEYPOINTS, keypoints_of, rectangle_of

Arrays = dict[str, NDArray[np.float32]]
# Of each shape, in input pixels: class (-1: none), box, keypoints, rotated box, and what its outline follows from.
NUMBERS = {"classes": 1, "boxes": 4, "keypoints": 3 * KEYPOINTS, "rotated": 5, "outlines": 5}


def labels_of(index: int, seed: int = TRAIN_SEED) -> tuple[NDArray[np.uint8], Arrays]:
    """The picture of a scene, and the numbers of its shapes."""
    scene = make_scene(seed, index, STRETCHES)
    image, fit = letterbox(scene.image, SIZE)
    shift = np.array([fit.left, fit.top])
    found = {name: np.zeros((MOST_BOXES, count), np.float32) for name, count in NUMBERS.items()}
    found["classes"][:] = -1
    for row, shape in enumerate(scene.shapes[:MOST_BOXES]):
        found["classes"][row] = CLASSES.index(shape.kind)
        found["boxes"][row] = fit.to_input(scene.boxes[row])
        found["keypoints"][row] = _keypoints(shape, scene.image.shape[:2], fit.scale, shift).ravel()
        found["rotated"][row] = _rotated(rectangle_of(shape) * fit.scale + shift)
        place = np.array([shape.x, shape.y]) * fit.scale + shift
        found["outlines"][row] = (*place, shape.radius * fit.scale, shape.angle, shape.stretch)
    return image, found


def _keypoints(shape: Shape, frame: tuple[int, ...], scale: float, shift: NDArray[np.int64]) -> NDArray[np.float64]:
    points = keypoints_of(shape)
    inside = ((points >= 0) & (points <= (frame[1], frame[0]))).all(axis=1)
    return np.column_stack([points * scale + shift, inside])


def _rotated(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centre, the longer side, the shorter one, and the longer one's direction within half a turn."""
    along, beside = corners[1] - corners[0], corners[2] - corners[1]
    if np.linalg.norm(along) < np.linalg.norm(beside):
        along, beside = beside, -along
    angle = (np.arctan2(along[1], along[0]) + np.pi / 4) % np.pi - np.pi / 4
    return np.array([*corners.mean(axis=0), np.linalg.norm(along), np.linalg.norm(beside), angle])


def write_cache(folder: Path, count: int, seed: int, processes: int) -> None:
    """Write `images.npy` and an array of each kind of label."""
    folder.mkdir(parents=True, exist_ok=True)
    images = np.empty((count, SIZE, SIZE, 3), np.uint8)
    arrays = {name: np.empty((count, MOST_BOXES, numbers), np.float32) for name, numbers in NUMBERS.items()}
    with Pool(processes) as pool:
        for index, (image, found) in enumerate(pool.imap(partial(labels_of, seed=seed), range(count), chunksize=8)):
            images[index] = image
            for name, values in found.items():
                arrays[name][index] = values
    for name, values in {"images": images, **arrays}.items():
        np.save(folder / f"{name}.npy", values)


def main() -> None:
    """Draw the scenes."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scenes", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=TRAIN_SEED)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    write_cache(options.folder, options.scenes, options.seed, options.processes)


if __name__ == "__main__":
    main()
