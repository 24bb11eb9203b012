"""The training scenes, letterboxed and kept as arrays on disk, so that an epoch costs no drawing."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from examples.shapes.letterbox import letterbox
from examples.shapes.scenes import TRAIN_SEED, make_scene

SIZE = 320
MOST_BOXES = 64


def main() -> None:
    """Draw the scenes and write `images.npy`, `boxes.npy` (input pixels) and `classes.npy` (-1: none)."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scenes", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=TRAIN_SEED)
    options = parser.parse_args()
    write_cache(options.folder, options.scenes, options.seed)


def write_cache(folder: Path, count: int, seed: int) -> None:
    """Write the arrays of `count` scenes of the series into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    images = np.lib.format.open_memmap(folder / "images.npy", mode="w+", dtype=np.uint8, shape=(count, SIZE, SIZE, 3))
    boxes = np.zeros((count, MOST_BOXES, 4), np.float32)
    classes = np.full((count, MOST_BOXES), -1, np.int64)
    for index in range(count):
        scene = make_scene(seed, index)
        images[index], fit = letterbox(scene.image, SIZE)
        boxes[index, : len(scene.boxes)] = fit.to_input(scene.boxes)
        classes[index, : len(scene.classes)] = scene.classes
    images.flush()
    np.save(folder / "boxes.npy", boxes)
    np.save(folder / "classes.npy", classes)


if __name__ == "__main__":
    main()
