"""zcc compare: two detectors side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zcc.commands.options import json_option, read_pair, registry_option
from zcc.commands.output import print_json, say, say_lines
from zcc.runtime.escaping import escaped
from zcc.runtime.wording import counted

if TYPE_CHECKING:
    from zcc.compiler.quality.comparison import Comparison
    from zcc.compiler.quality.picture_differences import PictureDifference
    from zcc.runtime import Detector
    from zcc.runtime.manifest import Measurement


@click.command()
@click.argument("a")
@click.argument("b")
@click.option(
    "--data",
    required=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Pictures, best with labels: images/ and labels/ (YOLO text), or a COCO json.",
)
@click.option(
    "--dtype", "dtypes", callback=read_pair, metavar="A,B", help="Of several variants, those in this precision."
)
@click.option(
    "--target", "targets", callback=read_pair, metavar="A,B", help="Of several variants, those for this target."
)
@click.option(
    "--save", metavar="DIR", type=click.Path(path_type=Path), help="Where to save the worst pictures, side by side."
)
@click.option(
    "--worst", type=click.IntRange(min=1), default=10, metavar="N", help="Pictures that are listed, and saved."
)
@registry_option
@json_option
def compare(
    a: str,
    b: str,
    data: Path,
    dtypes: tuple[str | None, str | None],
    targets: tuple[str | None, str | None],
    save: Path | None,
    worst: int,
    registry: str | None,
    as_json: bool,
) -> None:
    """Put the detectors A and B side by side: accuracy, confidences, latency, size, and where they differ.

    Where the pictures have no labels, what A finds stands for them. One word for --dtype or --target holds for both
    references, two with a comma between them for one each: zcc compare NAME NAME --dtype fp32,int8 --data DIR.
    Latencies are taken here, in turns. Pictures in which one finds what the other does not come worst first.
    """
    from zcc.commands.contrast import contrast
    from zcc.commands.progress import open_progress
    from zcc.compiler.quality.latency import measure_latencies
    from zcc.compiler.quality.picture_differences import picture_differences
    from zcc.runtime import Detector

    pair = [
        Detector.load(reference, dtype=dtype, target=target, registry=registry)
        for reference, dtype, target in zip((a, b), dtypes, targets, strict=True)
    ]
    comparison = contrast(pair[0], pair[1], data)
    with open_progress().stage("latency, in turns"):
        latencies = measure_latencies(pair)
    differences = picture_differences(comparison.sure)
    if save is not None:
        _save(save, pair, comparison, differences[:worst])
    if as_json:
        names = comparison.pictures.names
        told = [each.describe(names[each.number]) for each in differences]
        print_json({**_document(pair, comparison, latencies, data), "pictures": told})
    else:
        say_lines("\n".join([_text(pair, comparison, latencies), *_worst(comparison, differences, worst)]))


def _worst(comparison: Comparison, differences: Sequence[PictureDifference], most: int) -> list[str]:
    """The pictures in which most differs."""
    from zcc.commands.columns import columns

    count = comparison.pictures.count
    if not differences:
        return ["", f"nothing differs in any of {counted(count, 'picture')}"]
    names = comparison.pictures.names
    rows = [["picture", "only A", "only B", "both", "scores apart by"]]
    for each in differences[:most]:
        told = each.describe(Path(names[each.number]).name)
        rows.append([told["image"], *(str(told[key]) for key in ("lost", "gained", "in_both")), f"{each.drift:.3f}"])
    rest = len(differences) - most
    return ["", f"{len(differences)} of {counted(count, 'picture')} differ, the worst first", columns(rows)] + (
        [f"and {rest} more; --json lists them all"] if rest > 0 else []
    )


def _save(
    folder: Path, pair: Sequence[Detector], comparison: Comparison, differences: Sequence[PictureDifference]
) -> None:
    """Save the pictures side by side, their names in order of how much differs."""
    from zcc.commands.contrast import label
    from zcc.commands.side_by_side import side_by_side

    folder.mkdir(parents=True, exist_ok=True)
    titles = label(pair[0].manifest), label(pair[1].manifest)
    wanted = {each.number: place for place, each in enumerate(differences)}
    for number, frame in enumerate(comparison.pictures.frames):
        if number in wanted:
            stem = Path(comparison.pictures.names[number]).stem
            path = folder / f"{wanted[number] + 1:03d}-{stem}.jpg"
            drawn = side_by_side(frame, differences[wanted[number]], pair[0].manifest.classes, titles)
            drawn.save(path, quality=92, subsampling=0)
    say(f"saved {counted(len(differences), 'picture')} in {escaped(str(folder))}", err=True)


def _document(
    pair: Sequence[Detector], comparison: Comparison, latencies: Sequence[Measurement], data: Path
) -> dict[str, Any]:
    names, precisions = pair[0].manifest.classes, (comparison.reference, comparison.candidate)
    a, b = (
        {
            "name": detector.manifest.name,
            "digest": detector.manifest.digest,
            "dtype": detector.manifest.dtype,
            "target": detector.manifest.target,
            "map50": precision.map50,
            "map50_95": precision.map50_95,
            "classes": {names[kind]: asdict(each) for kind, each in precision.per_class.items()},
            "latency_ms": latency.value,
            "size": detector.manifest.sizes["total"],
        }
        for detector, precision, latency in zip(pair, precisions, latencies, strict=True)
    )
    told = comparison.describe(names)
    shared = {key: told[key] for key in ("truth", "images", "drop_map50", "drop_map50_95", "drift", "class_changes")}
    speedup = latencies[0].value / latencies[1].value
    return {"data": str(data), "a": a, "b": b, **shared, "speedup": speedup, "latency": latencies[0].how}


def _text(pair: Sequence[Detector], comparison: Comparison, latencies: Sequence[Measurement]) -> str:
    from zcc.commands.columns import columns
    from zcc.commands.contrast import drift_lines, label, truth

    a, b = (detector.manifest for detector in pair)
    megabytes = [manifest.sizes["total"] / 1e6 for manifest in (a, b)]
    times = [latency.value for latency in latencies]
    rows = [
        ["", "A", "B", "change"],
        *_precisions(comparison, a.classes),
        ["latency, ms", *(f"{time:.2f}" for time in times), f"x {times[1] / times[0]:.2f}"],
        ["size, MB", *(f"{size:.2f}" for size in megabytes), f"x {megabytes[1] / megabytes[0]:.2f}"],
    ]
    title = [f"A  {label(a)}  {a.digest[:19]}", f"B  {label(b)}  {b.digest[:19]}", truth(comparison, "A"), ""]
    return "\n".join([*title, columns(rows), "", *drift_lines(comparison.drift)])


def _precisions(comparison: Comparison, names: Sequence[str]) -> list[list[str]]:
    """Precision in all, then per class those that lose most first; changes are in points."""
    from zcc.compiler.quality.comparison import in_points

    before, after = comparison.reference, comparison.candidate
    figures = [
        ("mAP50", before.map50, after.map50, -comparison.drop50),
        ("mAP50-95", before.map50_95, after.map50_95, -comparison.drop),
        *(
            (f"  {names[kind]}", before.per_class[kind].map50_95, after.per_class[kind].map50_95, change)
            for kind, change in comparison.changes.items()
        ),
    ]
    return [
        [name, f"{mine:.3f}", f"{theirs:.3f}", f"{in_points(change)} points"] for name, mine, theirs, change in figures
    ]
