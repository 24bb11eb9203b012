"""zcc eval: how accurate a detector is on labelled pictures, and what it loses against another."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zcc.commands.options import json_option, prefer_option, registry_option, variant_options
from zcc.commands.output import print_json, say, say_lines
from zcc.runtime.escaping import escaped

if TYPE_CHECKING:
    from zcc.compiler.quality.coco_map import AveragePrecision, MeanAveragePrecision
    from zcc.compiler.quality.comparison import Comparison
    from zcc.compiler.quality.confusion import Confusion
    from zcc.compiler.quality.pictures import Pictures
    from zcc.runtime import Detector
    from zcc.runtime.manifest import Manifest, Measurement


@dataclass(frozen=True)
class Evaluation:
    """What was measured, in every form that is asked for."""

    document: dict[str, Any]
    text: str
    figures: list[Measurement]


@click.command(name="eval")
@click.argument("ref")
@click.option(
    "--data",
    required=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Labelled pictures: images/ and labels/ (YOLO text), or a COCO json. With --against, labels may be missing.",
)
@variant_options
@prefer_option
@click.option("--against", metavar="REF2", help="Also tell what REF changes against this detector.")
@click.option("--against-dtype", metavar="DTYPE", help="Of several variants of REF2, the one in this precision.")
@click.option(
    "--save-json", metavar="FILE", type=click.Path(path_type=Path), help="Write all detections as COCO results."
)
@click.option("--confusion", is_flag=True, help="Also show which class is taken for which.")
@registry_option
@json_option
def eval(
    ref: str,
    data: Path,
    dtype: str | None,
    target: str | None,
    prefer: str,
    against: str | None,
    against_dtype: str | None,
    save_json: Path | None,
    confusion: bool,
    registry: str | None,
    as_json: bool,
) -> None:
    """Measure the COCO mAP of the detector REF on labelled pictures.

    Classes are matched by name where the pictures come with names (classes.txt, data.yaml, or those of a COCO json),
    else by number, which is told. With --against, also how far its confidences drift from those of REF2, and how each
    class changes; where the pictures have no labels, what REF2 finds stands for them. Precision and recall are those of
    detections with a score of 0.25 that overlap a label by half. The figures are recorded with the artifact, where
    `zcc list` shows them.
    """
    from zcc.commands.recording import record
    from zcc.registry import Registry
    from zcc.runtime import Detector

    if against_dtype is not None and against is None:
        raise click.UsageError("--against-dtype chooses among the variants of --against REF2, which is missing")
    detector = Detector.load(ref, dtype, target, registry, prefer=prefer)
    if against is not None and (confusion or save_json is not None):
        raise click.UsageError("--confusion and --save-json tell of one detector: leave out --against")
    if against is not None:
        reference = Detector.load(against, dtype=against_dtype, registry=registry)
        outcome = _beside(reference, detector, data)
    else:
        outcome = _alone(detector, data, confusion, save_json)
    recorded = record(Registry.open(registry), detector.manifest.digest, outcome.figures)
    if as_json:
        print_json({**outcome.document, "recorded": recorded})
    else:
        say_lines(outcome.text)


def _alone(detector: Detector, data: Path, shows_confusion: bool, save_json: Path | None) -> Evaluation:
    from zcc.commands.confusion_text import confusion_text
    from zcc.commands.contrast import as_measured, warn_of_labels
    from zcc.commands.progress import open_progress
    from zcc.compiler.quality.coco_results import coco_results
    from zcc.compiler.quality.confident import confident
    from zcc.compiler.quality.confusion import confusion
    from zcc.compiler.quality.figures import precision_figures
    from zcc.compiler.quality.pictures import labelled_pictures
    from zcc.compiler.quality.standard import Standard

    pictures = labelled_pictures(data, detector.manifest.classes, detector.manifest.task)
    with open_progress().stage(f"evaluate on {pictures.count} pictures"):
        standard = Standard(as_measured(detector), pictures)
    found, warnings = standard.precision, warn_of_labels(standard)
    names = detector.manifest.classes
    mistaken = confusion(zip(pictures.labels or (), map(confident, standard.seen), strict=True), len(names))
    if save_json is not None:
        save_json.write_text(json.dumps(coco_results(pictures, standard.seen)), encoding="utf-8")
        say(f"saved {escaped(str(save_json))}", err=True)
    document = _document(detector.manifest, data, pictures, found)
    for kind in found.per_class:
        told = {"precision": float(mistaken.precision[kind]), "recall": float(mistaken.recall[kind])}
        document["classes"][names[kind]].update(told)
    text = _text(detector.manifest, pictures, found, None, mistaken)
    return Evaluation(
        {**document, "confusion": {"classes": list(names), **mistaken.describe()}, "warnings": warnings},
        "\n\n".join([text, confusion_text(mistaken, names)]) if shows_confusion else text,
        precision_figures(found, pictures),
    )


def _beside(reference: Detector, detector: Detector, data: Path) -> Evaluation:
    from zcc.commands.contrast import contrast, drift_lines, label, truth
    from zcc.compiler.quality.figures import comparison_figures

    manifest, other = detector.manifest, reference.manifest
    comparison = contrast(reference, detector, data)
    pictures, found = comparison.pictures, comparison.candidate
    document = {
        **_document(manifest, data, pictures, found),
        "against": {"name": other.name, "digest": other.digest, "dtype": other.dtype, "target": other.target},
        **comparison.describe(manifest.classes),
    }
    lines = [f"points are against {label(other)}: {truth(comparison, other.dtype)}", *drift_lines(comparison.drift)]
    return Evaluation(
        document,
        "\n".join([_text(manifest, pictures, found, comparison), *lines]),
        comparison_figures(comparison, f"{other.dtype} {other.digest[:19]}", manifest.classes),
    )


def _document(manifest: Manifest, data: Path, pictures: Pictures, found: MeanAveragePrecision) -> dict[str, Any]:
    from zcc.compiler.quality.evaluate import CONFIDENCE, IOU

    return {
        "name": manifest.name,
        "digest": manifest.digest,
        "dtype": manifest.dtype,
        "target": manifest.target,
        "data": str(data),
        "images": pictures.count,
        "map50": found.map50,
        "map50_95": found.map50_95,
        "measure": found.measure,
        "classes": {
            manifest.classes[kind]: {"map50": each.map50, "map50_95": each.map50_95}
            for kind, each in found.per_class.items()
        },
        "how": f"COCO, conf {CONFIDENCE}, iou {IOU}, at most {manifest.head.max_det} detections per picture",
    }


def _text(
    manifest: Manifest,
    pictures: Pictures,
    found: MeanAveragePrecision,
    comparison: Comparison | None,
    mistaken: Confusion | None = None,
) -> str:
    """A row for each class; beside another detector also by how many points each changes."""
    from zcc.commands.columns import columns
    from zcc.commands.contrast import label
    from zcc.compiler.quality.comparison import in_points

    figures: list[MeanAveragePrecision | AveragePrecision] = [found, *found.per_class.values()]
    names = ["all classes", *(manifest.classes[kind] for kind in found.per_class)]
    rows = [[name, f"{each.map50:.3f}", f"{each.map50_95:.3f}"] for name, each in zip(names, figures, strict=True)]
    titles = ["", found.measure.replace("50-95", "50"), found.measure]
    if mistaken is not None:
        titles += ["precision", "recall"]
        parts = zip(mistaken.precision[list(found.per_class)], mistaken.recall[list(found.per_class)], strict=True)
        told = [["", ""], *([_part(precision), _part(recall)] for precision, recall in parts)]
        rows = [[*row, *each] for row, each in zip(rows, told, strict=True)]
    if comparison is not None:
        titles.append("points")
        changes = [-comparison.drop, *(comparison.changes[kind] for kind in found.per_class)]
        rows = [[*row, in_points(change)] for row, change in zip(rows, changes, strict=True)]
    return f"{label(manifest)}, {pictures.count} pictures\n{columns([titles, *rows])}"


def _part(value: float) -> str:
    return "-" if value != value else f"{value:.3f}"  # not a number: nothing was found of it
