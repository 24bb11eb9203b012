"""From a camera frame to the network's input: letterbox, colour and scale in one pass.

A row is made in segments. First what its columns are blended from is fetched, column by column; the arithmetic then
runs over whole vectors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from tvm.script import tirx as T

from zcc.compiler.backends.cpu.frame.crop import CropPlan
from zcc.compiler.backends.cpu.frame.edges import count_edges, share_edges, sum_lanes
from zcc.compiler.backends.cpu.frame.formats import FORMATS
from zcc.compiler.backends.cpu.frame.frame_buffers import FrameBuffers
from zcc.compiler.backends.cpu.frame.frame_format import FrameFormat, Levels
from zcc.compiler.backends.cpu.frame.image_layout import ImageLayout
from zcc.compiler.backends.cpu.frame.inline import inline, prim_func
from zcc.compiler.backends.cpu.frame.letterbox import PAD_GREY, Expr, LetterboxPlace, gains, margin, resized
from zcc.compiler.backends.cpu.frame.resample import across, clamp, down, source_position, weight_of
from zcc.runtime.manifest import InputSpec

SEGMENT_VECTORS = 2  # vectors per segment: enough to overlap loads, and little is blended beside the picture
ROW_GROUPS = 64  # rows are dealt out to threads in turns, so that the border rows are shared fairly
BORDER = [T.int32(PAD_GREY)] * 3
FIRST, WEIGHT, BEGIN = 0, 1, 2  # rows of the table of columns


def scratch_shape(spec: InputSpec) -> tuple[int, int]:
    """Shape of the int32 scratch buffer, the table of columns.

    It holds the first of the two frame pixels that each output column is blended from, the other one's weight, and
    where the load from each plane begins.
    """
    return (BEGIN + max(len(known.planes) for known in FORMATS.values()), spec.width)


@dataclass(frozen=True)
class PreprocessPlan:
    """What is settled before any frame is seen."""

    spec: InputSpec
    layout: ImageLayout
    format: FrameFormat
    size: int  # columns of a segment
    lanes: int
    groups: int

    @classmethod
    def make(cls, spec: InputSpec, layout: ImageLayout, frame_format: FrameFormat, lanes: int) -> PreprocessPlan:
        """Segments and vectors that divide a row evenly."""
        lanes = math.gcd(spec.width, lanes)
        vectors = max(n for n in range(1, SEGMENT_VECTORS + 1) if spec.width // lanes % n == 0)
        return cls(spec, layout, frame_format, vectors * lanes, lanes, min(ROW_GROUPS, spec.height))

    def write(self, handles: Sequence[Any], image: Any, columns: Any, share: Any) -> None:
        """Emit the kernel's body."""
        _letterbox(self, handles, image, columns, share)


@dataclass(frozen=True)
class RowMaker:
    """What a thread makes its rows from, segment by segment, and where they go."""

    plan: PreprocessPlan
    place: LetterboxPlace
    cols: Expr  # of the frame
    memory: Sequence[Any]  # its planes, flat
    rows: Any  # int64 [planes, 2]: where the upper and the lower source row begin in each
    columns: Any  # int32: the table of columns
    words: Sequence[Any]  # per plane [2, size]: what was loaded for each output column from the upper and lower row
    image: Any

    def begin(self, frame: FrameBuffers, line: int, row: Expr) -> None:
        """Emit where a source row begins in each plane."""
        for number, (plane, pitch) in enumerate(zip(self.plan.format.planes, frame.pitches, strict=True)):
            T.buffer_store(self.rows, T.cast(plane.sample(row), "int64") * pitch, [number, line])

    def fetch(self, line: int, i: Expr, x: Expr) -> None:
        """Emit the loads for an output column, the segment's i-th."""
        for number, plane in enumerate(self.plan.format.planes):
            at = self.rows[number, line] + T.cast(self.columns[BEGIN + number, x], "int64")
            T.buffer_store(self.words[number], plane.fetch(self.memory[number], at), [line, i])

    def assemble(self, line: int, i: Expr) -> None:
        """Emit the same for a frame too narrow to load from."""
        for number, plane in enumerate(self.plan.format.planes):
            word = plane.assemble(self.memory[number], self.rows[number, line], self.cols)
            T.buffer_store(self.words[number], word, [line, i])

    def is_wide(self) -> Expr:
        """Whether the frame's rows are long enough to load from."""
        return self.cols >= max(plane.least_width for plane in self.plan.format.planes)

    def levels(self, i: Expr, x: Expr, weight: Expr) -> list[Expr]:
        """The colours of output column `x`, the segment's i-th; beside the picture that of the border."""
        upper, lower = (self._blend_across(line, i, x) for line in range(2))
        inside = self.place.holds_column(x)
        return [T.Select(inside, down(*pair, weight), PAD_GREY) for pair in zip(upper, lower, strict=True)]

    def _blend_across(self, line: int, i: Expr, x: Expr) -> list[Expr]:
        near, far = (self._colours(line, i, x, self.columns[FIRST, x] + side) for side in range(2))
        return [across(*pair, self.columns[WEIGHT, x]) for pair in zip(near, far, strict=True)]

    def _colours(self, line: int, i: Expr, x: Expr, pixel: Expr) -> Levels:
        """The colours of a pixel of the frame."""
        levels: list[Expr] = []
        for number, plane in enumerate(self.plan.format.planes):
            levels += plane.levels(self.words[number][line, i], self.columns[BEGIN + number, x], pixel)
        return self.plan.format.colours(levels)

    def store(self, y: Expr, x: Expr, levels: list[Expr]) -> None:
        """Emit the store of one pixel of the image."""
        self.plan.layout.store(self.image, y, x, levels)


def _fill_begins(plan: PreprocessPlan, columns: Any, x: Expr, cols: Expr) -> None:
    for number, plane in enumerate(plan.format.planes):
        T.buffer_store(columns, plane.begin(columns[FIRST, x], cols), [BEGIN + number, x])


@inline
def _fill_columns(columns: Any, plan: Any, frame_width: Any, left: Any, width: Any) -> None:
    """Fill the table of columns. The pair of pixels a column names never reaches past the row."""
    for start in range(plan.spec.width // plan.lanes):
        for lane in T.vectorized(plan.lanes):
            x: T.let = start * plan.lanes + lane
            position: T.let = source_position(clamp(x - left, 0, width - 1), frame_width, width)
            first: T.let = clamp(T.cast(T.floor(position), "int32"), 0, T.max(frame_width - 2, 0))
            columns[FIRST, x] = first
            columns[WEIGHT, x] = weight_of(clamp(position - T.cast(first, "float32"), T.float32(0), T.float32(1)))
        for lane in T.vectorized(plan.lanes):
            _fill_begins(plan, columns, start * plan.lanes + lane, frame_width)


@inline
def _fetch_segment(stage: Any, base: Any) -> None:
    """Fetch what a segment of one output row is blended from, out of both source rows."""
    for i in range(stage.plan.size):
        if stage.is_wide():
            for line in T.unroll(2):
                stage.fetch(line, i, base + i)
        else:
            for line in T.unroll(2):
                stage.assemble(line, i)


@inline
def _blend_segment(stage: Any, y: Any, base: Any, weight: Any) -> None:
    """Blend a segment out of what was fetched."""
    for start in range(stage.plan.size // stage.plan.lanes):
        for lane in T.vectorized(stage.plan.lanes):
            i: T.let = start * stage.plan.lanes + lane
            stage.store(y, base + i, stage.levels(i, base + i, weight))


@inline
def _fill_segment(stage: Any, y: Any, base: Any) -> None:
    """Paint a segment of border."""
    for start in range(stage.plan.size // stage.plan.lanes):
        for lane in T.vectorized(stage.plan.lanes):
            stage.store(y, base + start * stage.plan.lanes + lane, BORDER)


@inline
def _make_row(frame: Any, y: Any, stage: Any) -> None:
    """Make an output row: picture between border, or border alone."""
    position: T.let = source_position(y - stage.place.top, frame.rows, stage.place.height)
    above: T.let = T.cast(T.floor(position), "int32")
    weight: T.let = weight_of(position - T.floor(position))
    stage.begin(frame, 0, clamp(above, 0, frame.rows - 1))
    stage.begin(frame, 1, clamp(above + 1, 0, frame.rows - 1))
    for base in T.serial(0, stage.plan.spec.width, step=stage.plan.size):
        if T.And(stage.place.holds_row(y), stage.place.meets_columns(base, stage.plan.size)):
            _fetch_segment(stage, base)
            _blend_segment(stage, y, base, weight)
        else:
            _fill_segment(stage, y, base)


def _words(plan: PreprocessPlan) -> list[Any]:
    return [T.alloc_buffer((2, plan.size), plane.word) for plane in plan.format.planes]


@inline
def _letterbox(plan: Any, handles: Any, image_handle: Any, columns_handle: Any, share_handle: Any) -> None:
    """The kernel's body."""
    frame = T.meta_var(FrameBuffers.match(handles, plan.format))
    layout = T.meta_var(plan.layout)
    shape, strides = T.meta_var((layout.shape(plan.spec), layout.strides()))
    image = T.match_buffer(image_handle, shape, layout.dtype, strides=strides, align=layout.align)
    columns = T.match_buffer(columns_handle, scratch_shape(plan.spec), "int32", align=4)
    share = T.match_buffer(share_handle, (1,), "float32", align=4)
    memory = T.meta_var(frame.flat())
    gain_down, gain_across = T.meta_var(gains(plan.spec, frame.rows, frame.cols))
    height: T.let = resized(frame.rows, gain_down)
    width: T.let = resized(frame.cols, gain_across)
    top: T.let = margin(plan.spec.height, height)
    left: T.let = margin(plan.spec.width, width)
    place = T.meta_var(LetterboxPlace(top, left, height, width))
    _fill_columns(columns, plan, frame.cols, left, width)
    sums = T.alloc_buffer((plan.groups,), "int32")
    for group in T.parallel(plan.groups):
        sources = T.alloc_buffer((len(plan.format.planes), 2), "int64")
        words = T.meta_var(_words(plan))
        counts = T.alloc_buffer((plan.lanes,), "int32")
        stage = T.meta_var(RowMaker(plan, place, frame.cols, memory, sources, columns, words, image))
        for lane in T.vectorized(plan.lanes):
            counts[lane] = 0
        for y in T.serial(group, plan.spec.height, step=plan.groups):
            _make_row(frame, y, stage)
            count_edges(layout, image, y, place, plan.lanes, counts)
        sum_lanes(counts, plan.lanes, sums, group)
    share_edges(sums, plan.groups, place, share)


def _of_one_plane(plan: PreprocessPlan | CropPlan) -> Any:
    @prim_func
    def preprocess(frame: T.handle, image: T.handle, columns: T.handle, share: T.handle) -> None:
        T.func_attr({"global_symbol": "preprocess", "tirx.noalias": True})
        plan.write((frame,), image, columns, share)

    return preprocess


def _of_two_planes(plan: PreprocessPlan | CropPlan) -> Any:
    @prim_func
    def preprocess(luma: T.handle, chroma: T.handle, image: T.handle, columns: T.handle, share: T.handle) -> None:
        T.func_attr({"global_symbol": "preprocess", "tirx.noalias": True})
        plan.write((luma, chroma), image, columns, share)

    return preprocess


def _of_three_planes(plan: PreprocessPlan | CropPlan) -> Any:
    @prim_func
    def preprocess(
        luma: T.handle, u: T.handle, v: T.handle, image: T.handle, columns: T.handle, share: T.handle
    ) -> None:
        T.func_attr({"global_symbol": "preprocess", "tirx.noalias": True})
        plan.write((luma, u, v), image, columns, share)

    return preprocess


SIGNATURES = {1: _of_one_plane, 2: _of_two_planes, 3: _of_three_planes}


@cache
def build_preprocess(spec: InputSpec, layout: ImageLayout, format_name: str, *, lanes: int = 16) -> Any:
    """A kernel that fits any frame of a format into an RGB image of the given layout, as the spec says.

    Parameters of the result: the planes of the frame, uint8 with any row stride; what it writes, the image; scratch,
    int32 of `scratch_shape`; and float32 [1] for the share of edges in the picture.
    """
    frame_format = FORMATS[format_name]
    if spec.resize == "crop":
        return SIGNATURES[len(frame_format.planes)](CropPlan(spec, layout, frame_format, math.gcd(spec.width, lanes)))
    return SIGNATURES[len(frame_format.planes)](PreprocessPlan.make(spec, layout, frame_format, lanes))
