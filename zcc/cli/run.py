"""zcc run: detections in pictures."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zcc.cli.options import json_option, registry_option, variant_options

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zcc.runtime import Detections, Detector


SHOWN = 12  # rows of text per picture


@dataclass(frozen=True)
class Sighting:
    """What was found in one picture."""

    path: Path
    picture: NDArray[np.uint8]  # BGR
    found: Detections
    milliseconds: float


@click.command()
@click.argument("ref")
@click.argument(
    "images",
    nargs=-1,
    required=True,
    metavar="IMAGE...",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@variant_options
@click.option("--save", metavar="DIR", type=click.Path(path_type=Path), help="Where to save the pictures, boxes drawn.")
@click.option("--conf", type=click.FloatRange(0, 1), default=0.25, metavar="X", help="Least score.")
@click.option(
    "--iou",
    type=click.FloatRange(0, 1),
    default=0.45,
    metavar="X",
    help="Overlap above which boxes merge.",
)
@registry_option
@json_option
def run(
    ref: str,
    images: tuple[Path, ...],
    dtype: str | None,
    target: str | None,
    save: Path | None,
    conf: float,
    iou: float,
    registry: str | None,
    as_json: bool,
) -> None:
    """Run the detector REF on pictures, and tell what it finds.

    REF is a name, name:tag, name@sha256:…, a digest or its beginning, or the path of an artifact or a bundle.
    """
    from zcc.cli.output import print_json
    from zcc.runtime import Detector

    detector = Detector.load(ref, dtype=dtype, target=target, registry=registry)
    sightings = _look(detector, images, conf, iou)
    if save is not None:
        sightings = _save(sightings, detector.manifest.classes, save)
    if as_json:
        print_json(_document(detector, sightings))
    else:
        for sighting in sightings:
            click.echo(_describe(sighting, detector.manifest.classes))


def _look(detector: Detector, paths: Iterable[Path], conf: float, iou: float) -> Iterator[Sighting]:
    from zcc.compiler.accuracy.images import read_image

    for path in paths:
        picture = read_image(path)
        frame = picture if detector.manifest.input.color == "bgr" else picture[..., ::-1].copy()
        start = time.perf_counter()
        found = detector(frame, conf=conf, iou=iou)
        yield Sighting(path, picture, found, (time.perf_counter() - start) * 1e3)


def _save(sightings: Iterable[Sighting], names: tuple[str, ...], folder: Path) -> Iterator[Sighting]:
    from zcc.cli.drawing import save_drawing

    folder.mkdir(parents=True, exist_ok=True)
    taken: set[str] = set()
    for sighting in sightings:
        path = folder / _free_name(sighting.path.stem, taken)
        save_drawing(sighting.picture, sighting.found, names, path)
        click.echo(f"saved {path}", err=True)
        yield sighting


def _free_name(stem: str, taken: set[str]) -> str:
    """A file name that no other picture of this call has, though their own names may be the same."""
    names = chain([f"{stem}.jpg"], (f"{stem}-{number}.jpg" for number in count(2)))
    name = next(name for name in names if name not in taken)
    taken.add(name)
    return name


def _describe(sighting: Sighting, names: tuple[str, ...]) -> str:
    height, width = sighting.picture.shape[:2]
    rows = _rows(sighting.found, names)
    title = f"{sighting.path}  {width}x{height}  {len(rows)} detections  {sighting.milliseconds:.1f} ms"
    more = [f"  … {len(rows) - SHOWN} more; --json lists them all"] if len(rows) > SHOWN else []
    return "\n".join([title, *map(_row, rows[:SHOWN]), *more])


def _row(row: dict[str, Any]) -> str:
    left, top, right, bottom = row["box"]
    return f"  {row['name']:<16} {row['score']:.2f}  {left:7.1f} {top:7.1f} {right:7.1f} {bottom:7.1f}"


def _rows(found: Detections, names: tuple[str, ...]) -> list[dict[str, Any]]:
    columns = zip(found.boxes.tolist(), found.scores.tolist(), found.classes.tolist(), strict=True)
    return [{"box": box, "score": score, "class": number, "name": names[number]} for box, score, number in columns]


def _document(detector: Detector, sightings: Iterable[Sighting]) -> dict[str, Any]:
    manifest = detector.manifest
    pictures = [
        {
            "image": str(sighting.path),
            "height": sighting.picture.shape[0],
            "width": sighting.picture.shape[1],
            "milliseconds": sighting.milliseconds,
            "detections": _rows(sighting.found, manifest.classes),
        }
        for sighting in sightings
    ]
    return {"name": manifest.name, "digest": manifest.digest, "dtype": manifest.dtype, "images": pictures}
