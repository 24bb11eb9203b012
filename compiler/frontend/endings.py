"""Exports that choose detections themselves: cut before the choice, which the compiled postprocess makes.

How many boxes a NonMaxSuppression gives depends on the image, and what exporters put behind it then has no
static shape; a TopK sorts where a threshold would do. The compiled postprocess chooses faster and comes anyway,
so the file's ending is taken out and its rules are kept. Where to cut, and which rules they are, is found by
structure and proved by numbers: choosing from what the cut gives must yield the file's own rows on noise. A
trained model that finds nothing in noise proves nothing either; then the likeliest structure is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import product, takewhile
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from zcc.compiler.frontend import find_head, probe
from zcc.compiler.frontend.chosen_queries import answers_in_pixels, in_parts, query_cuts, rows_as_corners
from zcc.compiler.frontend.greedy_nms import greedy_nms
from zcc.compiler.frontend.prune import ancestors, inputs_of
from zcc.compiler.frontend.selection import classes_selected_from, scalars, selects, static_shapes
from zcc.compiler.ir.heads.head import Head, Suppression
from zcc.runtime.errors import ModelError, UsageError

NMS = "NonMaxSuppression"
FILTERS = frozenset({"Greater", "GreaterOrEqual"})
NEVER = 1.0  # no overlap is larger
CANDIDATES = "zcc_candidates"
# How far the same row may differ: in pixels, in proportion of the score, and how far from the lowest score.
PIXELS, SCORE, LAST = 0.05, 1e-3, 1e-3
REMEDY = "export the model without it: with raw outputs, without NMS"

Array = NDArray[Any]
Cut = tuple[onnx.ModelProto, Head]


def take_over(proto: onnx.ModelProto, head: Head, size: tuple[int, int]) -> Cut:
    """The model without its own choice of detections, and the head that is left; as it is if it chooses none."""
    nodes = ancestors(proto.graph, head.output)
    if not selects(nodes):
        return proto, head
    rules = read_rules(proto, nodes)
    images = probe.contrast_images(size)
    rows = [value[0] for value in probe.sample_outputs(proto, images)[head.output]]
    of_answers = all(map(in_parts, rows))
    found = (_cut_answers if of_answers else _cut_candidates)(proto, head, size, rules, images, rows)
    if found is not None:
        return found
    chosen_from = classes_selected_from(proto, head.output)
    if chosen_from not in (0, head.classes):
        raise UsageError(
            f"{head.classes} class names do not fit the model's {chosen_from} classes",
            "give one name per class with --classes FILE",
        )
    raise ModelError(
        f"the model chooses its detections of {head.classes} classes in a way that zcc does not know", REMEDY
    )


def _cut_candidates(
    proto: onnx.ModelProto,
    head: Head,
    size: tuple[int, int],
    rules: Suppression,
    images: Sequence[Array],
    rows: Sequence[Array],
) -> Cut | None:
    """The first cut from which choosing by the rules yields the rows that the file gives for the images."""
    nodes = ancestors(proto.graph, head.output)
    for cut, left in cuts(proto, head, size):
        values = probe.sample_outputs(cut, images)[left.output]
        for corners, every_class in product((False, True), class_readings(nodes)):
            ruled = replace(left, family=head.family, corners=corners, every_class=every_class, suppression=rules)
            chosen = [greedy_nms(ruled, value, len(theirs)) for value, theirs in zip(values, rows, strict=True)]
            if all(map(same_rows, chosen, rows)):
                return cut, ruled
    return None


def _cut_answers(
    proto: onnx.ModelProto,
    head: Head,
    size: tuple[int, int],
    rules: Suppression,
    images: Sequence[Array],
    rows: Sequence[Array],
) -> Cut | None:
    """The same where boxes are in parts of the input: the choice is among answers to queries."""
    theirs = [rows_as_corners(each, size) for each in rows]
    for cut, left in query_cuts(proto, head):
        values = probe.sample_outputs(cut, images)[left.output]
        ruled = replace(left, every_class=True, suppression=rules)
        pixels = [answers_in_pixels(value, size) for value in values]
        chosen = [greedy_nms(ruled, value, len(each)) for value, each in zip(pixels, theirs, strict=True)]
        if all(map(same_rows, chosen, theirs)):
            return cut, ruled
    return None


def read_rules(proto: onnx.ModelProto, nodes: list[onnx.NodeProto]) -> Suppression:
    """The thresholds among these nodes: those of an NMS, and those that scores are compared with."""
    known = scalars(proto)
    found = [node for node in nodes if node.op_type == NMS]
    if len(found) > 1:
        raise ModelError(f"the model carries {len(found)} NonMaxSuppression nodes", REMEDY)
    iou, score = (threshold(found[0], place, known) for place in (3, 4)) if found else (NEVER, 0.0)
    compared = [known.get(node.input[1], 0.0) for node in nodes if node.op_type in FILTERS]
    return Suppression(iou, max([score, *(value for value in compared if value < 1)]))


def threshold(node: onnx.NodeProto, place: int, known: dict[str, float]) -> float:
    """One threshold of an NMS, which is 0 where it is left out."""
    name = node.input[place] if len(node.input) > place else ""
    if name and name not in known:
        raise ModelError("the thresholds of the model's own NonMaxSuppression are not constants", REMEDY)
    return known[name] if name else 0.0


def class_readings(nodes: list[onnx.NodeProto]) -> tuple[bool, bool]:
    """Whether every class of a candidate counts: the likelier answer first, for at times both give the same rows.

    An ending that keeps the best class has to ask which it was.
    """
    best_alone = any(node.op_type == "ArgMax" for node in nodes)
    return (False, True) if best_alone else (True, False)


# ---- where to cut


def cuts(proto: onnx.ModelProto, head: Head, size: tuple[int, int]) -> Iterator[Cut]:
    """The places where the model may be cut, each as a model that ends there and the head it then has."""
    yield from decoded_cuts(proto, head, size)
    for node in ancestors(proto.graph, head.output):
        if node.op_type == NMS:
            yield from input_cuts(proto, node, head)


def decoded_cuts(proto: onnx.ModelProto, head: Head, size: tuple[int, int]) -> Iterator[Cut]:
    """Cuts at a tensor of all decoded candidates, through which everything goes that reaches the choice."""
    shapes, seen = static_shapes(proto), probe.probe_images(size)
    before = takewhile(lambda node: not selects([node]), ancestors(proto.graph, head.output))
    for node in before:
        for value in node.output:
            readings = find_head.readings(value, shapes.get(value, ()), size, head.details)
            fits = any(left.classes == head.classes for left in readings)
            if fits and not bypassed(proto, head.output, value):
                cut = with_output(proto, value, shapes[value])
                with suppress(ModelError, UsageError):  # its numbers are not those of a head
                    yield (
                        cut,
                        find_head.find_head(cut, probe.sample_outputs(cut, seen), size, head.classes, head.details),
                    )


def bypassed(proto: onnx.ModelProto, output: str, value: str) -> bool:
    """Whether the image reaches the output by a way around the value."""
    wanted = {output}
    for node in reversed(proto.graph.node):
        if wanted & set(node.output) and value not in node.output:
            wanted |= inputs_of(node)
    return proto.graph.input[0].name in wanted


def input_cuts(proto: onnx.ModelProto, node: onnx.NodeProto, head: Head) -> Iterator[Cut]:
    """A cut right before an NMS, its boxes and scores put together."""
    shapes = static_shapes(proto)
    boxes, scores = (shapes.get(name, []) for name in node.input[:2])
    if head.details or len(boxes) != 3 or len(scores) != 3 or scores[1] != head.classes or boxes[1] != scores[2]:
        return
    classes, count = scores[1:]
    cut = with_output(proto, CANDIDATES, [1, 4 + classes, count])
    columns = f"{CANDIDATES}_boxes"
    cut.graph.node.extend(
        [
            helper.make_node("Transpose", [node.input[0]], [columns], perm=[0, 2, 1]),
            helper.make_node("Concat", [columns, node.input[1]], [CANDIDATES], axis=1),
        ]
    )
    yield cut, replace(head, output=CANDIDATES, candidates=count, candidates_last=True, final=False)


def with_output(proto: onnx.ModelProto, name: str, shape: list[int]) -> onnx.ModelProto:
    """A copy whose only output is the named value."""
    cut = onnx.ModelProto()
    cut.CopyFrom(proto)
    cut.graph.ClearField("output")
    cut.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    return cut


# ---- the proof


def same_rows(ours: Array, theirs: Array) -> bool:
    """Whether two sets of detections are the same, whatever their order; rows of score 0 are padding.

    Rows with nearly the lowest score may differ: which of several equals comes last before the end is chance.
    """
    theirs = theirs[theirs[:, 4] > 0]
    if len(ours) != len(theirs) or not len(ours):
        return len(ours) == len(theirs)
    apart = np.abs(ours[:, None] - theirs[None])
    close = apart[..., 4] <= SCORE * theirs[:, 4]
    alike = (apart[..., :4] <= PIXELS).all(-1) & close & (apart[..., 5] == 0) & (apart[..., 6:] <= PIXELS).all(-1)
    odd = np.concatenate([ours[~alike.any(1), 4], theirs[~alike.any(0), 4]])
    return bool((odd <= theirs[:, 4].min() * (1 + LAST)).all())
