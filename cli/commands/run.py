"""zcc run: detections in pictures and videos."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zcc.commands.options import json_option, prefer_option, registry_option, variant_options
from zcc.commands.output import print_json, say, say_lines
from zcc.commands.result_rows import as_line, result_rows
from zcc.commands.sightings import Look, Sighting
from zcc.runtime.escaping import escaped

if TYPE_CHECKING:
    from zcc.runtime.explanation import Explanation


SHOWN = 12  # rows of text per picture


@click.command()
@click.argument("ref")
@click.argument("inputs", nargs=-1, metavar="IMAGE...", type=click.Path(path_type=Path))
@variant_options
@prefer_option
@click.option("--explain", is_flag=True, help="Tell why each variant of REF is taken or passed over.")
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
    inputs: tuple[Path, ...],
    dtype: str | None,
    target: str | None,
    prefer: str,
    explain: bool,
    save: Path | None,
    conf: float,
    iou: float,
    registry: str | None,
    as_json: bool,
) -> None:
    """Run the detector REF on pictures, folders of pictures and videos, and tell what it finds.

    REF is a name, name:tag, name@sha256:…, a digest or its beginning, or the path of an artifact or a bundle, which has
    a / in it or ends in .zcc. Videos are read with OpenCV. What cannot be read is told and passed over, and the exit
    code is 1 in the end. With --explain there need be no pictures.
    """
    from zcc.runtime import Detector

    if not inputs and not explain:
        raise click.UsageError("name at least one picture, folder or video")
    told = Detector.explain(ref, dtype, target, registry, prefer=prefer) if explain else None
    if told is not None and not (as_json and inputs):
        print_json(told.describe()) if as_json else say_lines(told)
    if told is not None and told.chosen is not None and not inputs:
        return
    detector = Detector.load(ref, dtype, target, registry, prefer=prefer)
    look = Look(detector, conf, iou)
    sightings = look.at(inputs)
    if save is not None:
        sightings = _save(sightings, detector.manifest.classes, save)
    if as_json:
        print_json(_document(look, sightings, told))
    else:
        for sighting in sightings:
            say_lines(_describe(sighting, detector.manifest.classes))
    look.raise_for_skipped()


def _save(sightings: Iterable[Sighting], names: tuple[str, ...], folder: Path) -> Iterator[Sighting]:
    from zcc.commands.drawing import save_drawing

    folder.mkdir(parents=True, exist_ok=True)
    taken: set[str] = set()
    for sighting in sightings:
        path = folder / _free_name(sighting.path.stem, taken)
        save_drawing(sighting.picture, sighting.found, names, path)
        say(f"saved {escaped(str(path))}", err=True)
        yield sighting


def _free_name(stem: str, taken: set[str]) -> str:
    """A file name that no other picture of this call has, though their own names may be the same."""
    names = chain([f"{stem}.jpg"], (f"{stem}-{number}.jpg" for number in count(2)))
    name = next(name for name in names if name not in taken)
    taken.add(name)
    return name


def _describe(sighting: Sighting, names: tuple[str, ...]) -> str:
    height, width = sighting.picture.shape[:2]
    rows = result_rows(sighting.found, names)
    frame = "" if sighting.number is None else f" frame {sighting.number}"
    place = escaped(str(sighting.path))
    title = f"{place}{frame}  {width}x{height}  {len(rows)} detections  {sighting.milliseconds:.1f} ms"
    more = [f"  … {len(rows) - SHOWN} more; --json lists them all"] if len(rows) > SHOWN else []
    return "\n".join([title, *map(as_line, rows[:SHOWN]), *more])


def _document(look: Look, sightings: Iterable[Sighting], told: Explanation | None) -> dict[str, Any]:
    manifest = look.detector.manifest
    pictures = [
        {
            "image": str(sighting.path),
            **({} if sighting.number is None else {"frame": sighting.number}),
            "height": sighting.picture.shape[0],
            "width": sighting.picture.shape[1],
            "milliseconds": sighting.milliseconds,
            "detections": result_rows(sighting.found, manifest.classes),
        }
        for sighting in sightings
    ]
    return {
        "name": manifest.name,
        "digest": manifest.digest,
        "dtype": manifest.dtype,
        **({} if told is None else {"explanation": told.describe()}),
        "images": pictures,
        "skipped": [{"image": str(path), "why": why} for path, why in look.skipped.items()],
    }
