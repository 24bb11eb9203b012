"""Measure an exported detector on a labelled folder with ONNX Runtime: COCO mAP."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from examples.shapes.outlines import CLASSES
from examples.shapes.reference import ReferenceDetector
from zcc.compiler.quality.dataset import load_dataset
from zcc.compiler.quality.evaluate import CONFIDENCE, IOU, evaluate


def main() -> None:
    """Print mAP as JSON, in all and per class."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    options = parser.parse_args()
    detector = ReferenceDetector(options.model)
    dataset = load_dataset(options.data).numbered_as(CLASSES)
    result = evaluate(lambda frame: detector(frame, CONFIDENCE, IOU), dataset)
    report = {
        "images": len(dataset.scenes),
        "map50": round(result.map50, 4),
        "map50_95": round(result.map50_95, 4),
        "map50_95 per class": {CLASSES[kind]: round(each.map50_95, 4) for kind, each in result.per_class.items()},
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
