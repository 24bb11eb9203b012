"""zcc run: detections in pictures, videos and cameras."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from zcc.commands.detection_rows import as_csv, as_document, as_text, csv_titles
from zcc.commands.options import json_option, prefer_option, read_words, registry_option, variant_options
from zcc.commands.output import print_json, reserved_stdout, say, say_lines
from zcc.commands.sightings import Look, Sighting
from zcc.runtime.escaping import escaped

if TYPE_CHECKING:
    from zcc.commands.run_outputs import Output
    from zcc.runtime import Detector
    from zcc.runtime.explanation import Explanation
    from zcc.runtime.manifest import Manifest

SHOWN_CLASSES = 8
GREY, FIRST_FRAME = 114, (720, 1280, 3)


@click.command()
@click.argument("ref")
@click.argument("inputs", nargs=-1, metavar="INPUT...")
@variant_options
@prefer_option
@click.option("--explain", is_flag=True, help="Tell why each variant of REF is taken or passed over.")
@click.option(
    "--save",
    metavar="PLACE",
    type=click.Path(path_type=Path),
    help="Save it with boxes drawn: in a folder, a video (.mp4, .mkv, .avi, .mov, .webm) or a picture file.",
)
@click.option(
    "--save-video", metavar="FILE", type=click.Path(path_type=Path), help="Put all drawn frames into one video."
)
@click.option(
    "--save-txt", metavar="DIR", type=click.Path(path_type=Path), help="Write YOLO labels, a file for each picture."
)
@click.option(
    "--save-crops", metavar="DIR", type=click.Path(path_type=Path), help="Cut out what was found, a folder a class."
)
@click.option("--show", is_flag=True, help="Show it in a window, where there is a display; q closes it.")
@click.option(
    "--class", "classes", multiple=True, callback=read_words, metavar="NAME",
    help="Only detections of this class, by name or number; several with commas between them.",
)  # fmt: skip
@click.option("--conf", type=click.FloatRange(0, 1), default=0.25, metavar="X", help="Least score.")
@click.option(
    "--iou",
    type=click.FloatRange(0, 1),
    default=0.45,
    metavar="X",
    help="Overlap above which boxes merge.",
)
@click.option("--limit", type=click.IntRange(1, 10**9), metavar="N", help="Stop after so many pictures and frames.")
@registry_option
@click.option("--csv", "as_table", is_flag=True, help="Print comma-separated values and nothing else on stdout.")
@json_option
def run(
    ref: str,
    inputs: tuple[str, ...],
    dtype: str | None,
    target: str | None,
    prefer: str,
    explain: bool,
    save: Path | None,
    save_video: Path | None,
    save_txt: Path | None,
    save_crops: Path | None,
    show: bool,
    classes: tuple[str, ...],
    conf: float,
    iou: float,
    limit: int | None,
    registry: str | None,
    as_table: bool,
    as_json: bool,
) -> None:
    """Run the detector REF on pictures, videos, cameras, and tell what it finds.

    REF is a name, name:tag, name@sha256:…, a digest or its beginning, or the path of an artifact or a bundle, which has
    a / in it or ends in .zcc. INPUT is a picture, a folder of pictures, a pattern such as 'shots/**/*.jpg' in quotes, a
    video, an address (http, https, rtsp), a camera (camera, camera:1, /dev/video0), a GStreamer pipeline, or - for
    what comes through standard input. Videos and cameras need the extra video. What cannot be read is told and passed
    over, and the exit code is 1 in the end. With --explain there need be no input.
    """
    from zcc.commands.frame_progress import with_progress
    from zcc.commands.run_outputs import finished, through
    from zcc.runtime import Detector

    if not inputs and not explain:
        raise click.UsageError("name at least one picture, folder, video or camera")
    if as_json and as_table:
        raise click.UsageError("--json and --csv exclude each other")
    told = Detector.explain(ref, dtype, target, registry, prefer=prefer) if explain else None
    if told is not None and not (as_json and inputs):
        print_json(told.describe()) if as_json else say_lines(told)
    if told is not None and told.chosen is not None and not inputs:
        return
    detector = Detector.load(ref, dtype, target, registry, prefer=prefer)
    look = Look(detector, conf, iou, wanted_classes(classes, detector.manifest.classes), limit)
    outputs = _outputs(detector.manifest.classes, save, save_video, save_txt, save_crops, show)
    say(_variant(detector.manifest), err=True)
    _warm_up(detector)
    found = look.named(inputs)
    with finished(outputs):
        _tell(look, with_progress(through(look.at(found), outputs), found, limit), told, as_table, as_json)
    look.raise_for_skipped()


def _tell(look: Look, sightings: Iterator[Sighting], told: Explanation | None, as_table: bool, as_json: bool) -> None:
    names = look.detector.manifest.classes
    if as_json:
        with reserved_stdout():  # what reads videos may print
            document = as_document(look, sightings, told)
        print_json(document)
    elif as_table:
        say(csv_titles())
        for sighting in sightings:
            for line in as_csv(sighting, names):
                say(line)
    else:
        for sighting in sightings:
            say_lines(as_text(sighting, names))


def _outputs(
    names: Sequence[str],
    save: Path | None,
    save_video: Path | None,
    save_txt: Path | None,
    save_crops: Path | None,
    show: bool,
) -> list[Output]:
    from zcc.commands.run_outputs import CropFolder, LabelFolder, VideoFile, saved
    from zcc.commands.window import Window

    return [
        *([] if save is None else [saved(save, names)]),
        *([] if save_video is None else [VideoFile(save_video, names)]),
        *([] if save_txt is None else [LabelFolder(save_txt)]),
        *([] if save_crops is None else [CropFolder(save_crops, names)]),
        *([Window(names)] if show else []),
    ]


def wanted_classes(words: Iterable[str], names: Sequence[str]) -> frozenset[int] | None:
    """The numbers of the classes that words name, or number; None where there are no words."""
    from zcc.commands.suggestions import meant

    numbers = {name: number for number, name in enumerate(names)} | {str(n): n for n in range(len(names))}
    found = set()
    for word in words:
        if word not in numbers:
            hint = meant(word, names) or f"; there are {', '.join(names[:SHOWN_CLASSES])}"
            raise click.BadParameter(f"there is no class {word!r}{hint}", param_hint="--class")
        found.add(numbers[word])
    return frozenset(found) or None


def _variant(manifest: Manifest) -> str:
    digest = manifest.digest.removeprefix("sha256:")[:8]
    return escaped(f"running {manifest.name} {manifest.dtype} for {manifest.target} ({digest})")


def _warm_up(detector: Detector) -> None:
    """The first frame of a process takes several times as long as those behind it."""
    import numpy as np

    detector(np.full(FIRST_FRAME, GREY, np.uint8))
