"""Write the pictures that are shipped with the sample detector: quiet and crowded ones, of several sizes."""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

from examples.shapes.scenes import PICTURES_SEED, make_scene

PICTURES = {"quiet": 27, "portrait": 5, "crowd": 12, "wide": 40}
_JPEG_QUALITY = 88


def main() -> None:
    """Write the pictures into a folder."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    for name, index in PICTURES.items():
        scene = make_scene(PICTURES_SEED, index)
        Image.fromarray(scene.image).save(folder / f"{name}.jpg", quality=_JPEG_QUALITY)


if __name__ == "__main__":
    main()
