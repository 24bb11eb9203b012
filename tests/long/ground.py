"""What attacks are made of and made on: a small detector, a registry that holds it, a bundle of it to be changed."""

from __future__ import annotations

import multiprocessing
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.long.forge import Forger

SOUND = "sound.zcc"


class Ground(NamedTuple):
    """What one run has to itself."""

    folder: Path  # an empty one
    registry: Path  # that holds `tiny`
    forger: Forger
    picture: Path
    model: Path
    bundle: Path


def make_ground(folder: Path) -> None:
    """A model, a registry that holds it as `tiny`, and a bundle of it."""
    import onnx

    from tests.onnx_models import build
    from zcc.commands.main import cli

    place = ["--registry", str(folder / "registry")]
    onnx.save(build("yolov8", imgsz=(64, 64)), folder / "tiny.onnx")
    cli.main(["compile", str(folder / "tiny.onnx"), *place], standalone_mode=False)
    cli.main(["export", "tiny", str(folder / SOUND), *place], standalone_mode=False)


def open_ground(folder: Path) -> Ground:
    """A copy of the ground in `folder`, which is made where it is not there yet.

    It is made in a process of its own: this one stays small, as its forks are measured.
    """
    from zcc import sample

    if not (folder / SOUND).exists():
        maker = multiprocessing.get_context("spawn").Process(target=make_ground, args=(folder,))
        maker.start()
        maker.join()
    own = Path(tempfile.mkdtemp(prefix="run-", dir=folder))
    shutil.copytree(folder / "registry", own / "registry")
    (own / "work").mkdir()
    bundle = folder / SOUND
    return Ground(own / "work", own / "registry", Forger(bundle), sample.IMAGES[0], folder / "tiny.onnx", bundle)
