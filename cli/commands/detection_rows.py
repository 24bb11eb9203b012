"""What was found, as rows: for people, as JSON, as CSV, and as YOLO's text."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from zcc.runtime.escaping import escaped

if TYPE_CHECKING:
    from zcc.commands.sightings import Look, Sighting
    from zcc.runtime import Detections
    from zcc.runtime.explanation import Explanation

SHOWN = 12  # rows of text per picture
CSV_TITLES = ("image", "frame", "class", "name", "score", "left", "top", "right", "bottom")


def rows(found: Detections, names: Sequence[str]) -> list[dict[str, Any]]:
    """One for each detection, the surest first."""
    columns = zip(found.boxes.tolist(), found.scores.tolist(), found.classes.tolist(), strict=True)
    return [{"box": box, "score": score, "class": number, "name": names[number]} for box, score, number in columns]


def as_text(sighting: Sighting, names: Sequence[str]) -> str:
    """A line for the picture, and a line for each of the surest."""
    height, width = sighting.picture.shape[:2]
    found = rows(sighting.found, names)
    frame = "" if sighting.number is None else f" frame {sighting.number}"
    count = f"{len(found)} detection{'' if len(found) == 1 else 's'}"
    title = f"{escaped(sighting.name)}{frame}  {width}x{height}  {count}  {sighting.milliseconds:.1f} ms"
    more = [f"  … {len(found) - SHOWN} more; --json lists them all"] if len(found) > SHOWN else []
    return "\n".join([title, *map(_line, found[:SHOWN]), *more])


def _line(row: dict[str, Any]) -> str:
    left, top, right, bottom = row["box"]
    return f"  {escaped(row['name']):<16} {row['score']:.2f}  {left:7.1f} {top:7.1f} {right:7.1f} {bottom:7.1f}"


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
        "detections": rows(sighting.found, names),
    }


def csv_titles() -> str:
    """The first line of a CSV."""
    return ",".join(CSV_TITLES)


def as_csv(sighting: Sighting, names: Sequence[str]) -> Iterator[str]:
    """A line for each detection; boxes are in pixels of the picture."""
    for row in rows(sighting.found, names):
        box = [round(edge, 2) for edge in row["box"]]
        yield _csv_line([sighting.name, sighting.number, row["class"], row["name"], round(row["score"], 4), *box])


def _csv_line(values: Sequence[object]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="").writerow(values)
    return written.getvalue()


def as_yolo(sighting: Sighting) -> str:
    """YOLO's labels: class, centre, width and height as parts of the picture's; a line for each detection."""
    import numpy as np

    height, width = sighting.picture.shape[:2]
    boxes = sighting.found.boxes / (width, height, width, height)
    parts = np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1)
    lines = zip(sighting.found.classes.tolist(), parts.tolist(), strict=True)
    return "".join(f"{number} {' '.join(f'{part:.6f}' for part in each)}\n" for number, each in lines)
