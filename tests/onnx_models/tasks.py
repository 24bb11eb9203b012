"""Whole models of the other tasks, by their names."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
from onnx import TensorProto

from tests.onnx_models import endings, heads
from tests.onnx_models.blocks import cbs
from tests.onnx_models.graph import Graph, Tensor

Outputs = dict[str, Tensor]


def backbone(g: Graph) -> list[Tensor]:
    """Maps of strides 8, 16 and 32, by as few layers as that takes."""
    levels = [cbs(g, cbs(g, cbs(g, g.images, 8, 3, 2), 8, 3, 2), 16, 3, 2)]
    for _ in range(2):
        levels.append(cbs(g, levels[-1], 16, 3, 2))
    return levels


def per_cell(g: Graph, levels: list[Tensor], channels: int) -> Tensor:
    """A plain branch that gives every cell some more numbers."""
    parts = [
        g.reshape(g.conv(cbs(g, level, 8, 3), channels), 1, channels, level.shape[2] * level.shape[3])
        for level in levels
    ]
    return g.concat(parts, 2)


def cells(g: Graph, levels: list[Tensor]) -> tuple[np.ndarray, np.ndarray]:
    """The centre of every cell, (2, N), and its stride."""
    centres = [heads.cell_grid(*level.shape[2:]).reshape(-1, 2).T + np.float32(0.5) for level in levels]
    strides = [np.full(level.shape[2] * level.shape[3], heads.stride_of(g, level), np.float32) for level in levels]
    return np.concatenate(centres, 1), np.concatenate(strides)


def classify(g: Graph, classes: int) -> Outputs:
    """Class probabilities of the whole image."""
    x = cbs(g, cbs(g, g.images, 8, 3, 2), 16, 3, 2)
    pooled = g.op("GlobalAveragePool", [x.name])[0]
    flat = g.op("Flatten", [pooled], axis=1)[0]
    weight = g.weight(g.rng.normal(0, 2, (16, classes)).astype(np.float32))
    logits = Tensor(g.op("MatMul", [flat, weight])[0], (1, classes))
    return {"output0": g.softmax(logits, 1)}


def segment(g: Graph, classes: int, coefficients: int = 32, prototypes: int = 32) -> Outputs:
    """A detector with mask coefficients, and the mask prototypes."""
    levels = backbone(g)
    detections = heads.anchor_free(g, levels, classes, depthwise=False)
    maps = cbs(g, g.upsample(levels[0]), prototypes)
    return {"output0": g.concat([detections, per_cell(g, levels, coefficients)], 1), "output1": maps}


def pose(g: Graph, classes: int, keypoints: int = 5, visibility: bool = True, spare: int = 0) -> Outputs:
    """A detector with keypoints in pixels; `spare` numbers more make them odd."""
    levels = backbone(g)
    centres, strides = cells(g, levels)
    numbers = 3 if visibility else 2
    made = per_cell(g, levels, keypoints * numbers)
    count = made.shape[2]
    made = g.reshape(made, 1, keypoints, numbers, count)
    place = g.mul(g.slice(made, 0, 2, 2), 2.0)
    points = g.mul(g.add(place, (centres - np.float32(0.5))[None, None]), strides[None, None, None])
    if visibility:
        points = g.concat([points, g.unary("Sigmoid", g.slice(made, 2, 3, 2))], 2)
    parts = [heads.anchor_free(g, levels, classes, depthwise=False), g.reshape(points, 1, keypoints * numbers, count)]
    return {"output0": g.concat([*parts, *([per_cell(g, levels, spare)] if spare else [])], 1)}


def obb(g: Graph, classes: int) -> Outputs:
    """A detector of rotated boxes, whose distances are along their own sides."""
    levels = backbone(g)
    centres, strides = cells(g, levels)
    angle = g.mul(g.add(g.unary("Sigmoid", per_cell(g, levels, 1)), -0.25), float(np.pi))
    distances = heads.mean_distances(g, per_cell(g, levels, 4 * heads.BINS))
    low, high = g.slice(distances, 0, 2, 1), g.slice(distances, 2, 4, 1)
    shift = g.binary("Div", g.binary("Sub", high, low), 2.0)
    across, down = g.slice(shift, 0, 1, 1), g.slice(shift, 1, 2, 1)
    cosine, sine = g.unary("Cos", angle), g.unary("Sin", angle)
    x = g.binary("Sub", g.mul(across, cosine), g.mul(down, sine))
    y = g.add(g.mul(across, sine), g.mul(down, cosine))
    boxes = g.concat([g.add(g.concat([x, y], 1), centres[None]), g.add(low, high)], 1)
    scores = g.unary("Sigmoid", per_cell(g, levels, classes))
    return {"output0": g.concat([g.mul(boxes, strides[None, None]), scores, angle], 1)}


def end_to_end(g: Graph, classes: int, of: str = "pose", details: int = 15) -> Outputs:
    """A model of a task that chooses its candidates itself, as those of 26 do."""
    decoded, *rest = TASKS[of](g, classes).values()
    chosen = {"output0": endings.best_candidates(g, decoded, 50, details)}
    return {**chosen, **dict(zip(("output1",), rest, strict=False))}


def queries(g: Graph, classes: int, count: int = 25, chosen: bool = False) -> Outputs:
    """A fixed number of answers, chosen among the cells: boxes in parts of the input, and a score for each class.

    Where they are `chosen`, the best pairs of an answer and a class are left.
    """
    levels = backbone(g)
    decoded = g.unary("Sigmoid", per_cell(g, levels, 4 + classes))
    rows = g.transpose(decoded, (0, 2, 1))
    scores = g.reduce_max(g.slice(rows, 4, 4 + classes, 2).name, 2)
    best = g.op("TopK", [scores, g.ints(count)], 2, axis=1, largest=1, sorted=1)[1]
    answers = Tensor(endings.gather_rows(g, rows.name, best, 4 + classes), (1, count, 4 + classes))
    return {"output0": best_answers(g, answers) if chosen else answers}


def best_answers(g: Graph, answers: Tensor) -> Tensor:
    """As many pairs of an answer and a class as there are answers: box, score and class of each."""
    _, count, attributes = answers.shape
    boxes, scores = g.split(answers, [4, attributes - 4], 2)
    flat = g.op("Flatten", [scores.name], axis=1)[0]
    values, index = g.op("TopK", [flat, g.ints(count)], 2, axis=1, largest=1, sorted=1)
    row, label = (g.op(kind, [index, g.constant(attributes - 4)])[0] for kind in ("Div", "Mod"))
    label = g.op("Cast", [label], to=TensorProto.FLOAT)[0]
    parts = [endings.gather_rows(g, boxes.name, row, 4), g.unsqueeze(values, 2), g.unsqueeze(label, 2)]
    return Tensor(g.op("Concat", parts, axis=2)[0], (1, count, 6))


TASKS: dict[str, Callable[..., Outputs]] = {
    "classify": classify,
    "segment": segment,
    "pose": pose,
    "obb": obb,
}


def offsets(g: Graph, classes: int) -> Outputs:
    """A detector with objectness and a point in every cell, whose boxes are not decoded: YOLOX as it is exported."""
    levels = backbone(g)
    boxes, scores = per_cell(g, levels, 4), g.unary("Sigmoid", per_cell(g, levels, 1 + classes))
    return {"output0": g.transpose(g.concat([boxes, scores], 1), (0, 2, 1))}


def decoded_offsets(g: Graph, classes: int) -> Outputs:
    """The same with its boxes decoded, and its objectness from a convolution of its own, as YOLOX has it."""
    levels = backbone(g)
    centres, strides = cells(g, levels)
    raw, corners = per_cell(g, levels, 4), (centres - np.float32(0.5))[None]
    places, sizes = g.add(g.slice(raw, 0, 2, 1), corners), g.unary("Exp", g.slice(raw, 2, 4, 1))
    scores = [g.unary("Sigmoid", per_cell(g, levels, count)) for count in (1, classes)]
    boxes = g.mul(g.concat([places, sizes], 1), strides[None, None])
    return {"output0": g.transpose(g.concat([boxes, *scores], 1), (0, 2, 1))}


OTHERS: dict[str, Callable[..., Outputs]] = {
    "end-to-end": end_to_end,
    "queries": queries,
    "offsets": offsets,
    "decoded-offsets": decoded_offsets,
}


def build_task(
    task: str,
    *,
    imgsz: tuple[int, int] = (64, 64),
    classes: int = 3,
    opset: int = 13,
    seed: int = 0,
    **options: bool | int | str,
) -> onnx.ModelProto:
    """A checked model of a task; `imgsz` is (height, width)."""
    graph = Graph(imgsz, opset, seed)
    return graph.finish((TASKS | OTHERS)[task](graph, classes, **options))
