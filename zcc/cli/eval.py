"""zcc eval: how accurate a detector is on labelled pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zcc.cli.options import json_option, registry_option, variant_options

if TYPE_CHECKING:
    from zcc.compiler.accuracy.coco_map import AveragePrecision, MeanAveragePrecision
    from zcc.compiler.accuracy.evaluate import Detect
    from zcc.runtime.detector import Detector
    from zcc.runtime.manifest import Manifest


@click.command(name="eval")
@click.argument("ref")
@click.option(
    "--data",
    required=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Labelled pictures: images/ and labels/ (YOLO text), or a COCO json.",
)
@variant_options
@registry_option
@json_option
def eval(ref: str, data: Path, dtype: str | None, target: str | None, registry: str | None, as_json: bool) -> None:
    """Measure the COCO mAP of the detector REF on labelled pictures.

    Classes are matched by name where the pictures come with names, else by number.
    """
    from zcc.cli.output import print_json
    from zcc.cli.progress import open_progress
    from zcc.compiler.accuracy.dataset import load_dataset
    from zcc.compiler.accuracy.evaluate import evaluate
    from zcc.runtime import Detector

    detector = Detector.load(ref, dtype=dtype, target=target, registry=registry)
    dataset = load_dataset(data).numbered_as(detector.manifest.classes)
    with open_progress().stage(f"evaluate on {len(dataset.scenes)} pictures"):
        result = evaluate(_detect(detector), dataset)
    if as_json:
        print_json(_document(detector.manifest, data, len(dataset.scenes), result))
    else:
        click.echo(_table(detector.manifest, len(dataset.scenes), result))


def _detect(detector: Detector) -> Detect:
    """The detector as the measure calls it: frames are BGR, thresholds let the whole curve through."""
    import numpy as np

    from zcc.compiler.accuracy.evaluate import CONFIDENCE, IOU

    order = slice(None, None, -1 if detector.manifest.input.color == "rgb" else 1)
    return lambda frame: detector(np.ascontiguousarray(frame[..., order]), conf=CONFIDENCE, iou=IOU)


def _document(manifest: Manifest, data: Path, images: int, result: MeanAveragePrecision) -> dict[str, Any]:
    from zcc.compiler.accuracy.evaluate import CONFIDENCE, IOU

    return {
        "name": manifest.name,
        "digest": manifest.digest,
        "dtype": manifest.dtype,
        "target": manifest.target,
        "data": str(data),
        "images": images,
        "map50": result.map50,
        "map50_95": result.map50_95,
        "classes": {
            manifest.classes[kind]: {"map50": each.map50, "map50_95": each.map50_95}
            for kind, each in result.per_class.items()
        },
        "how": f"COCO, conf {CONFIDENCE}, iou {IOU}, at most {manifest.head.max_det} detections per picture",
    }


def _table(manifest: Manifest, images: int, result: MeanAveragePrecision) -> str:
    names = [manifest.classes[kind] for kind in result.per_class]
    width = max(len(name) for name in [*names, "all classes"])
    figures: list[MeanAveragePrecision | AveragePrecision] = [result, *result.per_class.values()]
    return "\n".join(
        [
            f"{manifest.name} {manifest.dtype} for {manifest.target}, {images} pictures",
            f"{'':<{width}}  mAP50  mAP50-95",
            *(
                f"{name:<{width}}  {each.map50:.3f}  {each.map50_95:8.3f}"
                for name, each in zip(["all classes", *names], figures, strict=True)
            ),
        ]
    )
