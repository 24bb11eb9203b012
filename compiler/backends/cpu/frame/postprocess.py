"""From the network's decoded output to detections in pixels of the frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tvm.script import tirx as T

from zcc.compiler.backends.cpu.frame.candidates import CandidateSource, FoundBuffers, collect
from zcc.compiler.backends.cpu.frame.decoded import Decoded
from zcc.compiler.backends.cpu.frame.inline import inline
from zcc.compiler.backends.cpu.frame.letterbox import Expr, gains, margin, resized
from zcc.compiler.backends.cpu.frame.nms import Kept, is_suppressed, keep
from zcc.compiler.backends.cpu.frame.pairs import Pairs
from zcc.compiler.backends.cpu.frame.ranking import DIGITS, RADIX, rank
from zcc.compiler.backends.cpu.frame.scratch import Shapes, carve, elements, variable
from zcc.compiler.ir.heads.head import Head
from zcc.runtime.manifest import InputSpec


@dataclass(frozen=True)
class DetectionBuffers:
    """Buffers that hold the outcome, but for the boxes."""

    scores: Any
    labels: Any
    count: Any
    capacity: int


def _to_frame(position: Expr, spare: Expr, gain: Expr, length: Expr) -> Expr:
    """An input coordinate in frame pixels, inside the frame."""
    return T.max(T.min((position - spare) / gain, T.cast(length, "float32")), T.float32(0))


@inline
def _write_boxes(kept: Any, spec: Any, height: Any, width: Any, boxes: Any, count: Any) -> None:
    """Undo the letterbox on every kept box."""
    down, across = T.meta_var(gains(spec, height, width))
    top: T.let = T.cast(margin(spec.height, resized(height, down)), "float32")
    left: T.let = T.cast(margin(spec.width, resized(width, across)), "float32")
    gain_y: T.let = T.cast(down, "float32")
    gain_x: T.let = T.cast(across, "float32")
    for row in range(count):
        boxes[row, 0] = _to_frame(kept.corners[0, row], left, gain_x, width)
        boxes[row, 1] = _to_frame(kept.corners[1, row], top, gain_y, height)
        boxes[row, 2] = _to_frame(kept.corners[2, row], left, gain_x, width)
        boxes[row, 3] = _to_frame(kept.corners[3, row], top, gain_y, height)


@inline
def _select(source: Any, views: Any, found: Any, order: Any, total: Any, kept: Any, iou: Any, out: Any) -> None:
    """Walk down the ranking and keep what no kept box suppresses, until enough is kept."""
    box = T.alloc_buffer((4,), "float32")
    suppressed = variable("bool")
    place = variable("int32")
    place[0] = 0
    suppressed[0] = T.bool(False)
    out.count[0] = 0
    while place[0] < total and out.count[0] < out.capacity:
        index: T.let = order[0, place[0]]
        source.read_box(views, index, box)
        if source.suppress:
            is_suppressed(kept, out.count[0], box, found.labels[index], iou, suppressed)
        if T.Not(suppressed[0]):
            keep(kept, out.count[0], box, found.labels[index])
            out.scores[out.count[0]] = found.scores[index]
            out.labels[out.count[0]] = found.labels[index]
            out.count[0] = out.count[0] + 1
        place[0] = place[0] + 1


def source_of(head: Head | CandidateSource, lanes: int) -> CandidateSource:
    """Where a head's candidates are read from: its decoded output, or the maps that a raw head names."""
    if not isinstance(head, Head):
        return head
    decoded = Decoded(head, lanes)
    return Pairs(decoded) if head.every_class else decoded


def scratch(head: Head | CandidateSource, max_det: int, lanes: int = 16) -> tuple[Shapes, Shapes]:
    """The float32 and the int32 views that the kernel needs."""
    source = source_of(head, lanes)
    places = -(-max_det // lanes) * lanes
    floats = {"found_scores": (source.candidates,), "kept_corners": (5, places)}
    integers = {
        "found_counts": (source.blocks.count,),
        "found_indices": (source.blocks.capacity,),
        "found_labels": (source.candidates,),
        "keys": (2, source.candidates),
        "order": (2, source.candidates),
        "digits": (DIGITS, RADIX),
        "kept_labels": (places,),
    }
    return floats, integers


def build_postprocess(head: Head | CandidateSource, spec: InputSpec, max_det: int, *, lanes: int = 16) -> Any:
    """A kernel that turns the head's output into at most `max_det` detections, best first.

    Parameters of the result: the output, or the memory that holds a raw head's maps, float32; the frame's
    height and width, conf, iou; what it writes: boxes float32 [max_det, 4], scores float32 [max_det], labels
    int32 [max_det], count int32 [1]; and scratch, float32 and int32, as `scratch` lays it out. Rows past
    `count` are left as they were.
    """
    source = source_of(head, lanes)
    float_views, int_views = scratch(head, max_det, lanes)

    @T.prim_func
    def postprocess(
        output_handle: T.handle,
        height: T.int32,
        width: T.int32,
        conf: T.float32,
        iou: T.float32,
        boxes_handle: T.handle,
        scores_handle: T.handle,
        labels_handle: T.handle,
        count_handle: T.handle,
        floats_handle: T.handle,
        integers_handle: T.handle,
    ) -> None:
        T.func_attr({"global_symbol": "postprocess", "tirx.noalias": True})
        output = T.match_buffer(output_handle, source.shape, "float32", align=4)
        boxes = T.match_buffer(boxes_handle, (max_det, 4), "float32", align=4)
        scores = T.match_buffer(scores_handle, (max_det,), "float32", align=4)
        labels = T.match_buffer(labels_handle, (max_det,), "int32", align=4)
        count = T.match_buffer(count_handle, (1,), "int32", align=4)
        floats = T.match_buffer(floats_handle, (elements(float_views),), "float32", align=4)
        integers = T.match_buffer(integers_handle, (elements(int_views),), "int32", align=4)
        buffers = T.meta_var(carve((floats, float_views), (integers, int_views)))
        found = T.meta_var(
            FoundBuffers(
                buffers["found_counts"], buffers["found_indices"], buffers["found_scores"], buffers["found_labels"]
            )
        )
        kept = T.meta_var(Kept(buffers["kept_corners"], buffers["kept_labels"], lanes))
        out = T.meta_var(DetectionBuffers(scores, labels, count, max_det))
        views = T.meta_var(source.open(output))
        total = variable("int32")
        collect(source, views, conf, found)
        rank(found, source.blocks, buffers["keys"], buffers["order"], buffers["digits"], total)
        _select(source, views, found, buffers["order"], total[0], kept, iou, out)
        _write_boxes(kept, spec, height, width, boxes, count[0])

    return postprocess
