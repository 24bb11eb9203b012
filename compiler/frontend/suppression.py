"""Files that carry a NonMaxSuppression of their own: cut before it, so that the compiled one does its work.

How many boxes a NonMaxSuppression gives depends on the image, and all that exporters put behind it then has
no static shape. The compiled suppression is faster and comes anyway, so the file's is taken out and its
thresholds are kept. Where to cut is found by structure and proved by numbers: suppressing what the cut gives
must yield the file's own rows on the probe image.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from zcc.compiler.frontend import heads, probe
from zcc.compiler.frontend.greedy_nms import greedy_nms
from zcc.compiler.frontend.model import Head, Suppression
from zcc.compiler.frontend.prune import ancestors, inputs_of
from zcc.compiler.frontend.selection import scalars, static_shapes
from zcc.runtime.errors import ModelError

NMS = "NonMaxSuppression"
FILTERS = frozenset({"Greater", "GreaterOrEqual"})
ROWS = "zcc_candidates"
PIXELS, SCORE = 0.05, 1e-3
REMEDY = "export the model without NMS"

Array = NDArray[Any]
Cut = tuple[onnx.ModelProto, Head]


def take_over(
    proto: onnx.ModelProto, head: Head, rows: Array, size: tuple[int, int]
) -> tuple[onnx.ModelProto, Head]:
    """The model without its own NMS and the head that is left; unchanged where there is none.

    `rows` is what the file's head gave for the first probe image.
    """
    found = [node for node in ancestors(proto.graph, head.output) if node.op_type == NMS]
    if not found:
        return proto, head
    if len(found) > 1:
        raise ModelError(f"the model carries {len(found)} NonMaxSuppression nodes", REMEDY)
    thresholds = read_thresholds(proto, found[0], head.output)
    for cut, left in (*decoded_cuts(proto, head, size), *input_cuts(proto, found[0], head)):
        fixed = replace(left, suppression=thresholds)
        value = probe.sample_outputs(cut, size)[left.output][0]
        if same_rows(greedy_nms(fixed, value, len(rows)), rows):
            return cut, fixed
    raise ModelError("the model's own NonMaxSuppression works in a way that zcc does not know", REMEDY)


def read_thresholds(proto: onnx.ModelProto, node: onnx.NodeProto, output: str) -> Suppression:
    """The thresholds of an NMS; ONNX takes 0 for one that is left out, and scores may be filtered before."""
    known = scalars(proto)
    iou, score = (
        known.get(node.input[place]) if len(node.input) > place and node.input[place] else 0.0
        for place in (3, 4)
    )
    if iou is None or score is None:
        raise ModelError("the thresholds of the model's own NonMaxSuppression are not constants", REMEDY)
    filters = [
        known.get(other.input[1], 0.0) for other in ancestors(proto.graph, output) if other.op_type in FILTERS
    ]
    return Suppression(iou, max([score, *(threshold for threshold in filters if threshold < 1)]))


# ---- where to cut


def decoded_cuts(proto: onnx.ModelProto, head: Head, size: tuple[int, int]) -> Iterator[Cut]:
    """Cuts at a tensor of all decoded candidates, through which everything goes that reaches the head."""
    shapes = static_shapes(proto)
    for node in ancestors(proto.graph, head.output):
        for value in node.output:
            readings = heads.readings(value, shapes.get(value, ()), size)
            if any(left.classes == head.classes for left in readings) and not bypassed(
                proto, head.output, value
            ):
                cut = with_output(proto, value, shapes[value])
                with suppress(ModelError):  # its numbers are not those of a head
                    yield cut, heads.find_head(cut, probe.sample_outputs(cut, size), size, head.classes)


def bypassed(proto: onnx.ModelProto, output: str, value: str) -> bool:
    """Whether the image reaches the output by a way around the value."""
    image = proto.graph.input[0].name
    wanted = {output}
    for node in reversed(proto.graph.node):
        if wanted & set(node.output) and value not in node.output:
            wanted |= inputs_of(node)
    return image in wanted


def input_cuts(proto: onnx.ModelProto, node: onnx.NodeProto, head: Head) -> Iterator[Cut]:
    """A cut right before the NMS: every box with every class's score is a row of its own."""
    shapes = static_shapes(proto)
    boxes, scores = (shapes.get(name, []) for name in node.input[:2])
    centred = any(attribute.name == "center_point_box" and attribute.i for attribute in node.attribute)
    if centred or len(boxes) != 3 or len(scores) != 3 or scores[1] != head.classes:
        return
    classes, count = scores[1:]
    cut = with_output(proto, ROWS, [1, classes * count, 6])
    add_rows(cut.graph, node.input[0], node.input[1], classes, count)
    left = replace(head, output=ROWS, candidates=classes * count)
    yield cut, left


def add_rows(graph: onnx.GraphProto, boxes: str, scores: str, classes: int, count: int) -> None:
    """Nodes that make the rows (x1, y1, x2, y2, score, class) of every box and class."""
    labels = np.repeat(np.arange(classes, dtype=np.float32), count).reshape(1, -1, 1)
    constants: dict[str, Array] = {
        "labels": labels,
        "repeats": np.array([1, classes, 1], np.int64),
        "column": np.array([1, classes * count, 1], np.int64),
    }
    graph.initializer.extend(
        numpy_helper.from_array(value, f"{ROWS}_{name}") for name, value in constants.items()
    )
    graph.node.extend(
        [
            helper.make_node("Tile", [boxes, f"{ROWS}_repeats"], [f"{ROWS}_boxes"]),
            helper.make_node("Reshape", [scores, f"{ROWS}_column"], [f"{ROWS}_scores"]),
            helper.make_node("Concat", [f"{ROWS}_boxes", f"{ROWS}_scores", f"{ROWS}_labels"], [ROWS], axis=2),
        ]
    )


def with_output(proto: onnx.ModelProto, name: str, shape: list[int]) -> onnx.ModelProto:
    """A copy whose only output is the named value."""
    cut = onnx.ModelProto()
    cut.CopyFrom(proto)
    cut.graph.ClearField("output")
    cut.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    return cut


# ---- the proof


def same_rows(ours: Array, theirs: Array) -> bool:
    """Whether two sets of detections are the same, whatever their order; rows of score 0 are padding."""
    theirs = theirs[theirs[:, 4] > 0]
    if len(ours) != len(theirs):
        return False
    ours, theirs = (rows[np.lexsort(np.round(rows[:, [0, 1, 5, 4]], 2).T)] for rows in (ours, theirs))
    apart = np.abs(ours - theirs)
    return bool((apart[:, :4] <= PIXELS).all() and (apart[:, 4] <= SCORE).all() and not apart[:, 5].any())
