"""Exports that choose among the answers to their queries, as RT-DETR's do: the best pairs of a query and a class.

Boxes and scores part ways before the choice, so the cut puts them together again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from zcc.compiler.frontend.prune import ancestors
from zcc.compiler.frontend.selection import static_shapes
from zcc.compiler.ir.heads.head import Head
from zcc.compiler.ir.heads.queries import QUERIES

ANSWERS = "zcc_answers"
SIDES = 4  # numbers of a box
GATHERS = frozenset({"GatherElements", "GatherND", "Gather"})
FLATTENS = frozenset({"Flatten", "Reshape", "Squeeze"})

Array = NDArray[Any]


def query_cuts(proto: onnx.ModelProto, head: Head) -> Iterator[tuple[onnx.ModelProto, Head]]:
    """The places where the choice may be cut off, each as a model that ends there and the head it then has."""
    shapes, nodes = static_shapes(proto), ancestors(proto.graph, head.output)
    choices = [node for node in nodes if node.op_type == "TopK"]
    if not choices or head.details:
        return
    scores = _before_flattening(nodes, choices[-1].input[0])
    count, *classes = shapes.get(scores, [0, 0])[1:]
    if classes != [head.classes]:
        return
    gathered = dict.fromkeys(node.input[0] for node in nodes if node.op_type in GATHERS)
    for boxes in gathered:
        if shapes.get(boxes) == [1, count, SIDES]:
            yield _cut(proto, boxes, scores, Head(QUERIES.name, ANSWERS, count, head.classes, False, False))


def _before_flattening(nodes: list[onnx.NodeProto], name: str) -> str:
    """The value that was laid out in one row."""
    made = next((node for node in nodes if name in node.output), None)
    return made.input[0] if made is not None and made.op_type in FLATTENS else name


def _cut(proto: onnx.ModelProto, boxes: str, scores: str, head: Head) -> tuple[onnx.ModelProto, Head]:
    cut = onnx.ModelProto()
    cut.CopyFrom(proto)
    cut.graph.ClearField("output")
    cut.graph.output.append(helper.make_tensor_value_info(ANSWERS, TensorProto.FLOAT, head.shape))
    cut.graph.node.append(helper.make_node("Concat", [boxes, scores], [ANSWERS], axis=2))
    return cut, head


def in_parts(rows: Array) -> bool:
    """Whether boxes are in parts of the input: most lie within 0..1 then, and those in pixels of it do not."""
    found = rows[rows[:, SIDES] > 0]
    return bool(len(found) and (np.median(np.abs(found[:, :SIDES]), axis=0) <= 1).all())


def answers_in_pixels(values: Array, size: tuple[int, int]) -> Array:
    """Candidates with their boxes, in parts of the input, in its pixels."""
    factors = np.ones(values.shape[-1], np.float32)
    factors[:SIDES] = (size[1], size[0]) * 2
    return np.asarray(values * factors, np.float32)


def rows_as_corners(rows: Array, size: tuple[int, int]) -> Array:
    """Rows that begin with centre and size in parts of the input, as corners in its pixels."""
    found = answers_in_pixels(rows, size)
    centre, half = found[:, :2], found[:, 2:SIDES] / 2
    return np.concatenate([centre - half, centre + half, found[:, SIDES:]], axis=1)
