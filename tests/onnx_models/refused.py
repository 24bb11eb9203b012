"""Models of no task that zcc compiles."""

from __future__ import annotations

from collections.abc import Callable

import onnx

from tests.onnx_models import heads, necks
from tests.onnx_models.graph import Graph, Tensor
from tests.onnx_models.tasks import per_cell

CLASSES = 4


def keypoints(g: Graph) -> dict[str, Tensor]:
    """A detector with 17 keypoints per candidate, in pixels, whose visibilities are no probabilities."""
    levels = necks.yolov8(g, 8)
    points = g.mul(per_cell(g, levels, 51), 32.0)
    return {"output0": g.concat([heads.anchor_free(g, levels, 1, depthwise=False), points], 1)}


def raw_maps(g: Graph) -> dict[str, Tensor]:
    """A detector exported without its decode."""
    levels = necks.yolov5(g, 8)
    return {f"output{i}": heads.anchored(g, [level], CLASSES, "split")[1][0] for i, level in enumerate(levels)}


def logits(g: Graph) -> dict[str, Tensor]:
    """A detector whose scores never saw a sigmoid."""
    levels = necks.yolov8(g, 8)
    boxes = g.slice(heads.anchor_free(g, levels, CLASSES, depthwise=False), 0, 4, 1)
    return {"output0": g.concat([boxes, per_cell(g, levels, CLASSES)], 1)}


REFUSED: dict[str, Callable[[Graph], dict[str, Tensor]]] = {
    "keypoints": keypoints,
    "raw_maps": raw_maps,
    "logits": logits,
}


def build_refused(what: str, *, imgsz: tuple[int, int] = (64, 64), opset: int = 13) -> onnx.ModelProto:
    """A sound model of no task that zcc compiles."""
    graph = Graph(imgsz, opset, seed=0)
    return graph.finish(REFUSED[what](graph))
