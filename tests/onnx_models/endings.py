"""What end-to-end exports append: the candidates chosen, as rows of (x1, y1, x2, y2, score, class)."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, numpy_helper

from tests.onnx_models.graph import Graph, Tensor


def best_candidates(g: Graph, decoded: Tensor, max_det: int, details: int = 0) -> Tensor:
    """YOLOv10's ending: no NMS, the best candidates and then their best scores, by two TopKs.

    So many numbers of each candidate stand behind its scores, and behind its class in the end.
    """
    attributes, count = decoded.shape[1:]
    classes, keep = attributes - 4 - details, min(max_det, count)
    rows = g.transpose(decoded, (0, 2, 1))
    boxes, scores, *rest = g.split(rows, [4, classes, *([details] if details else [])], 2)
    k = g.ints(keep)
    best = g.op("TopK", [g.reduce_max(scores.name, 2), k], 2, axis=1, largest=1, sorted=1)[1]
    boxes_kept = gather_rows(g, boxes.name, best, 4)
    scores_kept = gather_rows(g, scores.name, best, classes)
    flat = g.op("Reshape", [scores_kept, g.ints(1, keep * classes)])[0]
    values, index = g.op("TopK", [flat, k], 2, axis=1, largest=1, sorted=1)
    row = g.op("Div", [index, g.constant(classes)])[0]
    label = g.op("Mod", [index, g.constant(classes)])[0]
    label = g.unsqueeze(g.op("Cast", [label], to=TensorProto.FLOAT)[0], 2)
    parts = [gather_rows(g, boxes_kept, row, 4), g.unsqueeze(values, 2), label]
    parts += [gather_rows(g, gather_rows(g, each.name, best, details), row, details) for each in rest]
    return Tensor(g.op("Concat", parts, axis=2)[0], (1, keep, 6 + details))


def gather_rows(g: Graph, rows: str, index: str, columns: int) -> str:
    """`rows[0, index]` as GatherElements with the index repeated over the columns."""
    wide = g.op("Tile", [g.unsqueeze(index, 2), g.ints(1, 1, columns)])[0]
    return g.op("GatherElements", [rows, wide], axis=1)[0]


def to_corners(g: Graph, boxes: Tensor, axis: int) -> Tensor:
    """Centre and size to opposite corners."""
    centre, size = g.split(boxes, [2, 2], axis)
    half = g.binary("Div", size, 2.0)
    return g.concat([g.binary("Sub", centre, half), g.add(centre, half)], axis)


def suppressed(g: Graph, decoded: Tensor, max_det: int) -> Tensor:
    """A NonMaxSuppression of every class by itself, its picks gathered and padded to `max_det` rows."""
    attributes = decoded.shape[1]
    boxes, scores = g.split(decoded, [4, attributes - 4], 1)
    corners = g.transpose(to_corners(g, boxes, 1), (0, 2, 1))
    limits = [g.ints(max_det), g.constant([0.45], np.float32), g.constant([0.25], np.float32)]
    picks = g.op("NonMaxSuppression", [corners.name, scores.name, *limits])[0]
    box_picks = g.op("Gather", [picks, g.constant([0, 2])], axis=1)[0]
    score_picks = g.op("GatherND", [scores.name, picks])[0]
    rows = g.op("GatherND", [corners.name, box_picks])[0]
    label = g.op("Cast", [g.op("Gather", [picks, g.ints(1)], axis=1)[0]], to=TensorProto.FLOAT)[0]
    found = g.op("Concat", [rows, g.unsqueeze(score_picks, 1), label], axis=1)[0]
    zero = numpy_helper.from_array(np.zeros(1, np.float32))
    padding = g.op("ConstantOfShape", [g.ints(max_det, 6)], value=zero)[0]
    padded = g.op("Concat", [found, padding], axis=0)[0]
    best = g.op("TopK", [g.op("Gather", [padded, g.constant(4)], axis=1)[0], g.ints(max_det)], 2, axis=0)[1]
    return Tensor(g.unsqueeze(g.op("Gather", [padded, best], axis=0)[0], 0), (1, max_det, 6))


def masked(g: Graph, decoded: Tensor, max_det: int) -> Tensor:
    """What tracing a filter and torchvision's NMS leaves: a mask, boxes moved apart by class."""
    attributes = decoded.shape[1]
    boxes, scores = g.split(g.transpose(decoded, (0, 2, 1)), [4, attributes - 4], 2)
    best, label = g.reduce_max(scores.name, 2), g.op("ArgMax", [scores.name], axis=2, keepdims=0)[0]
    mask = g.op("Greater", [g.squeeze(best, 0), g.constant(0.55, np.float32)])[0]
    kept = g.squeeze(g.op("NonZero", [mask])[0], 0)
    corners = to_corners(g, boxes, 2).name
    box, score, label = (g.op("Gather", [g.squeeze(value, 0), kept], axis=0)[0] for value in (corners, best, label))
    label = g.op("Cast", [label], to=TensorProto.FLOAT)[0]
    apart = g.unsqueeze(g.op("Mul", [label, g.constant(7680, np.float32)])[0], 1)
    moved = g.unsqueeze(g.op("Add", [box, apart])[0], 0)
    ranked = g.unsqueeze(g.unsqueeze(score, 0), 0)
    limits = [g.ints(2**40), g.constant([0.7], np.float32)]
    picks = g.op("NonMaxSuppression", [moved, ranked, *limits])[0]
    order = g.op("Gather", [picks, g.constant(2)], axis=1)[0]
    order = g.op("Slice", [order, g.ints(0), g.ints(max_det), g.ints(0)])[0]
    rows = g.op("Concat", [box, g.unsqueeze(score, 1), g.unsqueeze(label, 1)], axis=1)[0]
    found = g.op("Gather", [rows, order], axis=0)[0]
    size = g.op("Gather", [g.op("Shape", [found])[0], g.ints(0)], axis=0)[0]
    missing = g.op("Sub", [g.ints(max_det), size])[0]
    pads = g.op("Concat", [g.ints(0, 0), missing, g.ints(0)], axis=0)[0]
    return Tensor(g.unsqueeze(g.op("Pad", [found, pads])[0], 0), (1, max_det, 6))
