"""From the network's decoded output to detections in pixels of the frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tvm.script import tirx as T

from zcc.compiler.backends.cpu.frame.candidates import CandidateSource, FoundBuffers, collect
from zcc.compiler.backends.cpu.frame.decoded import Decoded
from zcc.compiler.backends.cpu.frame.details import write_details
from zcc.compiler.backends.cpu.frame.inline import inline, prim_func
from zcc.compiler.backends.cpu.frame.letterbox import Expr, gains, margin, resized
from zcc.compiler.backends.cpu.frame.nms import Kept, is_suppressed, keep
from zcc.compiler.backends.cpu.frame.pairs import Pairs
from zcc.compiler.backends.cpu.frame.placed import PicturePlace
from zcc.compiler.backends.cpu.frame.ranking import DIGITS, RADIX, rank
from zcc.compiler.backends.cpu.frame.rotated import Ranked, select_rotated
from zcc.compiler.backends.cpu.frame.scratch import Shapes, carve, elements, variable
from zcc.compiler.ir.heads.head import Head
from zcc.runtime.manifest import InputSpec, TaskInfo


@dataclass(frozen=True)
class DetectionBuffers:
    """Buffers that hold the outcome, but for the boxes."""

    scores: Any
    labels: Any
    count: Any
    capacity: int


@inline
def _write_boxes(kept: Any, picture: Any, boxes: Any, count: Any) -> None:
    """Undo the letterbox on every kept box."""
    for row in range(count):
        boxes[row, 0] = picture.to_frame(kept.corners[0, row], 0)
        boxes[row, 1] = picture.to_frame(kept.corners[1, row], 1)
        boxes[row, 2] = picture.to_frame(kept.corners[2, row], 0)
        boxes[row, 3] = picture.to_frame(kept.corners[3, row], 1)


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
            keep(kept, out.count[0], box, found.labels[index], index)
            out.scores[out.count[0]] = found.scores[index]
            out.labels[out.count[0]] = found.labels[index]
            out.count[0] = out.count[0] + 1
        place[0] = place[0] + 1


DETECTION = TaskInfo()


def source_of(head: Head | CandidateSource, lanes: int) -> CandidateSource:
    """Where a head's candidates are read from: its decoded output, or the maps that a raw head names."""
    if not isinstance(head, Head):
        return head
    decoded = Decoded(head, lanes)
    return Pairs(decoded) if head.every_class else decoded


def is_rotated(task: TaskInfo) -> bool:
    """Whether boxes are suppressed as rotated ones."""
    return task.name == "obb"


def scratch(
    head: Head | CandidateSource, max_det: int, lanes: int = 16, task: TaskInfo = DETECTION
) -> tuple[Shapes, Shapes]:
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
        "kept_indices": (places,),
    }
    if is_rotated(task):
        ranked = -(-source.candidates // lanes) * lanes
        floats["spreads"], integers["ranked_labels"] = (6, ranked), (ranked,)
    return floats, integers


@dataclass(frozen=True)
class PostprocessPlan:
    """What is settled before any frame is seen."""

    source: CandidateSource
    spec: InputSpec
    task: TaskInfo
    lanes: int

    def place(self, height: Expr, width: Expr) -> tuple[Expr, Expr, Expr, Expr]:
        """What lies above and left of a frame of that size in the input, and input pixels per frame pixel."""
        down, across = gains(self.spec, height, width)
        spare = margin(self.spec.height, resized(height, down)), margin(self.spec.width, resized(width, across))
        top, left, gain_y, gain_x = (T.cast(each, "float32") for each in (*spare, down, across))
        return top, left, gain_y, gain_x


@inline
def _find(plan: Any, views: Any, buffers: Any, sizes: Any, out: Any, boxes: Any, details: Any) -> None:
    """The kernel's body."""
    found = T.meta_var(
        FoundBuffers(
            buffers["found_counts"], buffers["found_indices"], buffers["found_scores"], buffers["found_labels"]
        )
    )
    kept = T.meta_var(Kept(buffers["kept_corners"], buffers["kept_labels"], buffers["kept_indices"], plan.lanes))
    height, width, conf, iou = T.meta_var(sizes)
    order = T.meta_var(buffers["order"])
    total = variable("int32")
    collect(plan.source, views, conf, found)
    rank(found, plan.source.blocks, buffers["keys"], order, buffers["digits"], total)
    if is_rotated(plan.task):
        ranked = T.meta_var(Ranked(buffers["spreads"], buffers["ranked_labels"], plan.lanes))
        select_rotated(plan.source, views, found, order, total[0], ranked, kept, details, iou, out)
    else:
        _select(plan.source, views, found, order, total[0], kept, iou, out)
    places = T.meta_var(plan.place(height, width))
    top: T.let = places[0]
    left: T.let = places[1]
    gain_y: T.let = places[2]
    gain_x: T.let = places[3]
    picture = T.meta_var(PicturePlace((width, height), (left, top), (gain_x, gain_y)))
    _write_boxes(kept, picture, boxes, out.count[0])
    write_details(plan.task, plan.source, views, kept, picture, details, out.count[0])


def build_postprocess(
    head: Head | CandidateSource, spec: InputSpec, max_det: int, *, lanes: int = 16, task: TaskInfo = DETECTION
) -> Any:
    """A kernel that turns the head's output into at most `max_det` detections, best first.

    Parameters of the result: the output, or the memory that holds a raw head's maps, float32; the frame's
    height and width, conf, iou; what it writes: boxes float32 [max_det, 4], scores float32 [max_det], labels
    int32 [max_det], count int32 [1], details float32 [max_det, details of the task], which is read and written by tasks
    that have some; and scratch, float32 and int32, as `scratch` lays it out. Rows past
    `count` are left as they were.
    """
    source = source_of(head, lanes)
    float_views, int_views = scratch(head, max_det, lanes, task)
    plan = PostprocessPlan(source, spec, task, lanes)

    @prim_func
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
        details_handle: T.handle,
        floats_handle: T.handle,
        integers_handle: T.handle,
    ) -> None:
        T.func_attr({"global_symbol": "postprocess", "tirx.noalias": True})
        output = T.match_buffer(output_handle, source.shape, "float32", align=4)
        boxes = T.match_buffer(boxes_handle, (max_det, 4), "float32", align=4)
        scores = T.match_buffer(scores_handle, (max_det,), "float32", align=4)
        labels = T.match_buffer(labels_handle, (max_det,), "int32", align=4)
        count = T.match_buffer(count_handle, (1,), "int32", align=4)
        details = T.match_buffer(details_handle, (max_det, max(task.details, 1)), "float32", align=4)
        floats = T.match_buffer(floats_handle, (elements(float_views),), "float32", align=4)
        integers = T.match_buffer(integers_handle, (elements(int_views),), "int32", align=4)
        buffers = T.meta_var(carve((floats, float_views), (integers, int_views)))
        sizes = T.meta_var((height, width, conf, iou))
        out = T.meta_var(DetectionBuffers(scores, labels, count, max_det))
        views = T.meta_var(source.open(output))
        _find(plan, views, buffers, sizes, out, boxes, details)

    return postprocess
