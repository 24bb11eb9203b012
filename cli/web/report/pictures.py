"""What variants find in a few pictures, so that they can be seen side by side."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zcc.registry import Registry
from zcc.runtime.agreement import counterparts
from zcc.runtime.detections import Detections
from zcc.runtime.errors import InputError, ZccError
from zcc.runtime.feeds.pictures import is_picture, pictures_in, read_picture
from zcc.runtime.frame import Pixels
from zcc.runtime.variant import Variant
from zcc.web.report.entry import Entry
from zcc.web.report.gather import Gathered
from zcc.web.report.trade_off import front

MOST_PICTURES = 8
MOST_VARIANTS = 6  # of a name
SIDE, QUALITY = 960, 82  # of pictures within the page


@dataclass(frozen=True)
class SeenPicture:
    """What a variant found in a picture, and for each detection that of the reference, -1 where that has none."""

    entry: Entry
    found: Detections
    partners: Sequence[int]
    missed: Sequence[int]  # detections of the reference that it has not


@dataclass(frozen=True)
class Scene:
    """A picture and what the variants of a name found in it, the reference first."""

    name: str  # of the picture
    jpeg: str  # a data URL
    width: int
    height: int
    seen: Sequence[SeenPicture]


@dataclass(frozen=True)
class Gallery:
    """Scenes by the name of the model, and what could not be run."""

    scenes: Sequence[tuple[str, Sequence[Scene]]]
    failures: Sequence[str]


def look(registry: Registry, told: Gathered, paths: Sequence[Path], thresholds: tuple[float, float]) -> Gallery:
    """Run the variants that this machine can run on the pictures."""
    files, scenes = _files(paths), []
    failures = [f"{each.called}: it finds no boxes to draw" for each in told.entries if _boxless(each)]
    for name in told.names:
        loaded: list[tuple[Entry, Variant]] = []
        for entry in _chosen(told, name):
            try:
                loaded.append((entry, Variant(registry.folder(entry.artifact), entry.artifact.manifest)))
            except ZccError as error:
                failures.append(f"{entry.called}: {error.problem}")
        if loaded:
            scenes.append((name, [_scene(path, loaded, thresholds) for path in files]))
    return Gallery(scenes, failures)


def _files(paths: Sequence[Path]) -> list[Path]:
    found = [file for path in paths for file in (pictures_in(path) if path.is_dir() else [path])]
    for path in found:
        if not is_picture(path):
            raise InputError(f"{path} is no picture", "give JPEG, PNG, WebP, BMP or TIFF files, or folders of them")
    return found[:MOST_PICTURES]


def _boxless(entry: Entry) -> bool:
    return entry.artifact.manifest.task.name == "classify"


def _chosen(told: Gathered, name: str) -> list[Entry]:
    """The variants to look at: the most accurate first, as the reference, then those on the front, then the others."""
    running = [each for each in told.of_name(name) if each.hindrance is None and not each.superseded]
    running = [each for each in running if not _boxless(each)]
    known = [each for each in running if each.latency is not None and each.accuracy is not None]
    first = [choice.entry for choice in told.choices[name] if choice.preference == "most-accurate" and choice.entry]
    full = [each for each in running if each.dtype == "fp32"]
    ordered = dict.fromkeys(each.key for each in (*first, *full, *reversed(front(known)), *running))
    by_key = {each.key: each for each in running}
    return [by_key[key] for key in ordered if key in by_key][:MOST_VARIANTS]


def _scene(path: Path, loaded: Sequence[tuple[Entry, Variant]], thresholds: tuple[float, float]) -> Scene:
    pixels = read_picture(path)
    found = [(entry, variant.run(_as_fed(pixels, entry), *thresholds)) for entry, variant in loaded]
    reference = found[0][1]
    seen = [SeenPicture(entry, each, *_compared(reference, each)) for entry, each in found]
    return Scene(path.name, _encoded(pixels), pixels.shape[1], pixels.shape[0], seen)


def _as_fed(pixels: Pixels, entry: Entry) -> Pixels:
    rgb = entry.artifact.manifest.input.color == "rgb"
    return np.ascontiguousarray(pixels[..., ::-1]) if rgb else pixels


def _compared(reference: Detections, found: Detections) -> tuple[list[int], list[int]]:
    theirs = counterparts(reference, found)
    back = {int(mine): number for number, mine in enumerate(theirs) if mine >= 0}
    return [back.get(number, -1) for number in range(len(found))], list(_lacking(theirs.tolist()))


def _lacking(partners: Sequence[int]) -> Iterator[int]:
    return (number for number, partner in enumerate(partners) if partner < 0)


def _encoded(pixels: Pixels) -> str:
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(pixels[..., ::-1]))
    image.thumbnail((SIDE, SIDE))
    written = io.BytesIO()
    image.save(written, "JPEG", quality=QUALITY, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(written.getvalue()).decode()}"
