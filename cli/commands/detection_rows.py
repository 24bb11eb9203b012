"""What was found, as rows: for people, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from zcc.commands.result_rows import as_line
from zcc.runtime.escaping import escaped
from zcc.runtime.tasks.rows import result_rows
from zcc.runtime.wording import counted

if TYPE_CHECKING:
    from zcc.commands.sightings import Look, Sighting
    from zcc.runtime.explanation import Explanation

SHOWN = 12  # rows of text per picture
CSV_TITLES = ("image", "frame", "class", "name", "score", "left", "top", "right", "bottom")


def as_text(sighting: Sighting, names: Sequence[str]) -> str:
    """A line for the picture, and a line for each of the surest."""
    height, width = sighting.picture.shape[:2]
    found = result_rows(sighting.found, names)
    frame = "" if sighting.number is None else f" frame {sighting.number}"
    count = _count(found)
    title = f"{escaped(sighting.name)}{frame}  {width}x{height}  {count}  {sighting.milliseconds:.1f} ms"
    more = [f"  … {len(found) - SHOWN} more; --json lists them all"] if len(found) > SHOWN else []
    return "\n".join([title, *map(as_line, found[:SHOWN]), *more])


def _count(found: Sequence[dict[str, Any]]) -> str:
    if found and "box" not in found[0]:
        return f"the likeliest {len(found)} classes"
    return counted(len(found), "detection")


def as_document(look: Look, sightings: Iterable[Sighting], told: Explanation | None) -> dict[str, Any]:
    """Everything, for JSON."""
    manifest = look.detector.manifest
    images = [_image(sighting, manifest.classes) for sighting in sightings]
    return {
        "name": manifest.name,
        "digest": manifest.digest,
        "dtype": manifest.dtype,
        "target": manifest.target,
        **({} if told is None else {"explanation": told.describe()}),
        "images": images,
        "skipped": [{"image": name, "why": why} for name, why in look.skipped.items()],
    }


def _image(sighting: Sighting, names: Sequence[str]) -> dict[str, Any]:
    return {
        "image": sighting.name,
        **({} if sighting.number is None else {"frame": sighting.number}),
        "height": sighting.picture.shape[0],
        "width": sighting.picture.shape[1],
        "milliseconds": sighting.milliseconds,
        "detections": result_rows(sighting.found, names),
    }


def csv_titles() -> str:
    """The first line of a CSV."""
    return ",".join(CSV_TITLES)


def as_csv(sighting: Sighting, names: Sequence[str]) -> Iterator[str]:
    """A line for each detection; boxes are in pixels of the picture."""
    for row in result_rows(sighting.found, names):
        box = [round(edge, 2) for edge in row["box"]] if "box" in row else [""] * 4
        yield _csv_line([sighting.name, sighting.number, row["class"], row["name"], round(row["score"], 4), *box])


def _csv_line(values: Sequence[object]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="").writerow(values)
    return written.getvalue()
