"""Detections as COCO's results file, which pycocotools and others read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zcc.compiler.quality.coco_map import DetectionArrays
from zcc.compiler.quality.pictures import Pictures


def coco_results(pictures: Pictures, seen: Sequence[DetectionArrays]) -> list[dict[str, Any]]:
    """A row for each detection; ids are those of the COCO json, else the picture's name and the class's number."""
    ids: Mapping[int, int] = pictures.category_ids
    return [
        {
            "image_id": _image_id(pictures, number),
            "category_id": ids.get(kind, kind),
            "bbox": [round(left, 3), round(top, 3), round(right - left, 3), round(bottom - top, 3)],
            "score": round(score, 5),
        }
        for number, found in enumerate(seen)
        for (left, top, right, bottom), score, kind in zip(
            found.boxes.tolist(), found.scores.tolist(), found.classes.tolist(), strict=True
        )
    ]


def _image_id(pictures: Pictures, number: int) -> int | str:
    known = getattr(pictures.labels[number], "image_id", None) if pictures.labels is not None else None
    if known is not None:
        return int(known) if isinstance(known, int) else str(known)
    stem = Path(pictures.names[number]).stem
    return int(stem) if stem.isdecimal() else stem
