"""Write scenes as a labelled folder: `images/*.jpg`, `labels/*.txt` in YOLO form, `classes.txt`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PIL import Image

from examples.shapes.outlines import CLASSES
from examples.shapes.scenes import STRETCHES, VALIDATION_SEED, Scene, make_scene
from examples.shapes.sequence import SEQUENCE_SEED, make_frame
from examples.shapes.task_labels import LABELS, task_lines

_JPEG_QUALITY = 92

Make = Callable[[int, int], Scene]  # from a seed and a number


def write_scenes(folder: Path, count: int, seed: int, make: Make = make_scene, task: str = "detect") -> None:
    """Write the first `count` scenes of the series into `folder`, with labels of a task."""
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "classes.txt").write_text("\n".join(CLASSES) + "\n", encoding="utf-8")
    for index in range(count):
        scene = make(seed, index)
        Image.fromarray(scene.image).save(folder / "images" / f"{index:05}.jpg", quality=_JPEG_QUALITY)
        (folder / "labels" / f"{index:05}.txt").write_text(task_lines(scene, task), encoding="utf-8")


def main() -> None:
    """Generate a labelled folder."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scenes", type=int, default=200)
    parser.add_argument("--sequence", action="store_true", help="one fixed camera, long quiet and short crowded phases")
    parser.add_argument("--seed", type=int, help=f"{VALIDATION_SEED}, and {SEQUENCE_SEED} for a sequence, by default")
    parser.add_argument("--stretched", action="store_true", help="shapes up to 2.5 times as wide as high")
    parser.add_argument("--task", choices=LABELS, default="detect", help="what the labels are for; boxes by default")
    options = parser.parse_args()
    make, usual = (make_frame, SEQUENCE_SEED) if options.sequence else (make_scene, VALIDATION_SEED)
    if options.stretched:
        make = partial(make_scene, stretches=STRETCHES)
    write_scenes(options.folder, options.scenes, usual if options.seed is None else options.seed, make, options.task)


if __name__ == "__main__":
    main()
