"""Models of other tasks: what a detector compiler must turn away."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx

from tests.onnx_models import heads, necks
from tests.onnx_models.blocks import cbs
from tests.onnx_models.graph import Graph, Tensor

CLASSES = 4


def classifier(g: Graph) -> dict[str, Tensor]:
    """Class probabilities of the whole image."""
    x = cbs(g, cbs(g, g.images, 8, 3, 2), 16, 3, 2)
    pooled = g.op("GlobalAveragePool", [x.name])[0]
    flat = g.op("Flatten", [pooled], axis=1)[0]
    weight = g.weight(g.rng.normal(0, 0.1, (16, 10)).astype(np.float32))
    logits = Tensor(g.op("MatMul", [flat, weight])[0], (1, 10))
    return {"output0": g.softmax(logits, 1)}


def segmenter(g: Graph) -> dict[str, Tensor]:
    """A detector with mask coefficients, and the mask prototypes."""
    levels = necks.yolov8(g, 8)
    detections = heads.anchor_free(g, levels, CLASSES, depthwise=False)
    prototypes = cbs(g, g.upsample(levels[0]), 32)
    return {"output0": g.concat([detections, per_cell(g, levels, 32)], 1), "output1": prototypes}


def keypoints(g: Graph) -> dict[str, Tensor]:
    """A detector with 17 keypoints per candidate, in pixels."""
    levels = necks.yolov8(g, 8)
    points = g.mul(per_cell(g, levels, 51), 32.0)
    return {"output0": g.concat([heads.anchor_free(g, levels, 1, depthwise=False), points], 1)}


def rotated(g: Graph) -> dict[str, Tensor]:
    """A detector with an angle per candidate."""
    levels = necks.yolov8(g, 8)
    angle = g.mul(g.add(g.unary("Sigmoid", per_cell(g, levels, 1)), -0.25), float(np.pi))
    return {"output0": g.concat([heads.anchor_free(g, levels, CLASSES, depthwise=False), angle], 1)}


def raw_maps(g: Graph) -> dict[str, Tensor]:
    """A detector exported without its decode."""
    levels = necks.yolov5(g, 8)
    return {f"output{i}": heads.anchored(g, [level], CLASSES, "split")[1][0] for i, level in enumerate(levels)}


def logits(g: Graph) -> dict[str, Tensor]:
    """A detector whose scores never saw a sigmoid."""
    levels = necks.yolov8(g, 8)
    boxes = g.slice(heads.anchor_free(g, levels, CLASSES, depthwise=False), 0, 4, 1)
    return {"output0": g.concat([boxes, per_cell(g, levels, CLASSES)], 1)}


def per_cell(g: Graph, levels: list[Tensor], channels: int) -> Tensor:
    """A plain branch that gives every cell some more numbers."""
    parts = [
        g.reshape(g.conv(cbs(g, level, 8, 3), channels), 1, channels, level.shape[2] * level.shape[3])
        for level in levels
    ]
    return g.concat(parts, 2)


REFUSED: dict[str, Callable[[Graph], dict[str, Tensor]]] = {
    "classifier": classifier,
    "segmenter": segmenter,
    "keypoints": keypoints,
    "rotated": rotated,
    "raw_maps": raw_maps,
    "logits": logits,
}


def build_refused(task: str, *, imgsz: tuple[int, int] = (64, 64), opset: int = 13) -> onnx.ModelProto:
    """A sound model that is not a detector zcc compiles."""
    graph = Graph(imgsz, opset, seed=0)
    return graph.finish(REFUSED[task](graph))
