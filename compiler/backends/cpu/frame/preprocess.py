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

from zcc.compiler.backends.cpu.frame.columns import BEGIN, FIRST, WEIGHT, fill_columns, scratch_shape
from zcc.compiler.backends.cpu.frame.crop import CropPlan
from zcc.compiler.backends.cpu.frame.edges import count_edges, share_edges, sum_lanes
from zcc.compiler.backends.cpu.frame.formats import FORMATS
from zcc.compiler.backends.cpu.frame.frame_buffers import FrameBuffers
from zcc.compiler.backends.cpu.frame.frame_format import FrameFormat, Levels
from zcc.compiler.backends.cpu.frame.image_layout import ImageLayout
from zcc.compiler.backends.cpu.frame.inline import inline, prim_func
from zcc.compiler.backends.cpu.frame.letterbox import PAD_GREY, Expr, LetterboxPlace, gains, margin, resized
from zcc.compiler.backends.cpu.frame.resample import across, clamp, down, source_position, weight_of
from zcc.compiler.backends.cpu.kernels.vector import prefetch
from zcc.runtime.manifest import InputSpec

SEGMENT_VECTORS = 2  # vectors per segment: enough to overlap loads, and little is blended beside the picture
# Tasks of neighbouring rows, which find more in the cache of what they read than rows far apart: frames of 640x640 took
# 0.87 ms instead of 1.15, of 720p 0.80 instead of 0.86 (one thread of a Zen 4, within frames). A thread's tasks come
# one after another, so their rows are far apart: each thread has as much of the border as the others.
ROW_GROUPS = 64
LINE = 64  # bytes
BORDER = [T.int32(PAD_GREY)] * 3


@dataclass(frozen=True)
class PreprocessPlan:
    """What is settled before any frame is seen."""

    spec: InputSpec
    layout: ImageLayout
    format: FrameFormat
    size: int  # columns of a segment
    lanes: int
    groups: int

    @property
    def stride(self) -> int:
        """Groups from a task's to that of the next: a golden part of them, which leaves none out."""
        wanted = (5**0.5 - 1) / 2 * self.groups
        coprime = [count for count in range(1, self.groups + 1) if math.gcd(count, self.groups) == 1]
        return min(coprime, key=lambda count: abs(count - wanted))

    def first_row(self, group: Expr) -> Expr:
        """Where a group of rows begins, and the one before it ends."""
        return T.truncdiv(group * self.spec.height, self.groups)

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

    def is_as_large(self, frame: FrameBuffers) -> Expr:
        """Whether the frame's pixels are those of the picture, and its rows long enough to load from."""
        same = T.And(self.place.height == frame.rows, self.place.width == frame.cols)
        return T.And(same, self.is_wide())

    def levels(self, i: Expr, x: Expr, weight: Expr) -> list[Expr]:
        """The colours of output column `x`, the segment's i-th."""
        upper, lower = (self._blend_across(line, i, x) for line in range(2))
        return self._beside_border(x, [down(*pair, weight) for pair in zip(upper, lower, strict=True)])

    def copied(self, i: Expr, x: Expr) -> list[Expr]:
        """The same of a frame that is as large as its picture."""
        pixel = clamp(x - self.place.left, 0, self.place.width - 1)
        return self._beside_border(x, self._colours(0, i, x, pixel))

    def _beside_border(self, x: Expr, levels: Levels) -> list[Expr]:
        inside = self.place.holds_column(x)
        return [T.Select(inside, level, PAD_GREY) for level in levels]

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
def _copy_segment(stage: Any, y: Any, base: Any) -> None:
    """Copy a segment of a frame that needs no blending."""
    for column in range(stage.plan.size):
        stage.fetch(0, column, base + column)
    for start in range(stage.plan.size // stage.plan.lanes):
        for lane in T.vectorized(stage.plan.lanes):
            i: T.let = start * stage.plan.lanes + lane
            stage.store(y, base + i, stage.copied(i, base + i))


def _fetch_row_ahead(frame: FrameBuffers, row: Expr, stage: RowMaker) -> None:
    for number, plane in enumerate(stage.plan.format.planes):
        begin = T.cast(plane.sample(row), "int64") * frame.pitches[number]
        size = plane.sample(frame.cols) * plane.channels
        with T.serial(0, T.truncdiv(size, LINE)) as line:
            prefetch(stage.memory[number], begin + T.cast(line * LINE, "int64"))


@inline
def _fill_segment(stage: Any, y: Any, base: Any) -> None:
    """Paint a segment of border."""
    for start in range(stage.plan.size // stage.plan.lanes):
        for lane in T.vectorized(stage.plan.lanes):
            stage.store(y, base + start * stage.plan.lanes + lane, BORDER)


@inline
def _fetch_rows_ahead(frame: Any, y: Any, stage: Any) -> None:
    """Bring what the next output row is made of nearer, where it was not read for this one."""
    now: T.let = T.cast(T.floor(source_position(y - stage.place.top, frame.rows, stage.place.height)), "int32")
    then: T.let = T.cast(T.floor(source_position(y + 1 - stage.place.top, frame.rows, stage.place.height)), "int32")
    for row in T.serial(T.max(then, now + 2), T.min(then + 2, frame.rows)):
        _fetch_row_ahead(frame, row, stage)


@inline
def _make_row(frame: Any, y: Any, stage: Any) -> None:
    """Make an output row: picture between border, or border alone."""
    position: T.let = source_position(y - stage.place.top, frame.rows, stage.place.height)
    above: T.let = T.cast(T.floor(position), "int32")
    weight: T.let = weight_of(position - T.floor(position))
    stage.begin(frame, 0, clamp(above, 0, frame.rows - 1))
    stage.begin(frame, 1, clamp(above + 1, 0, frame.rows - 1))
    if T.And(stage.place.holds_row(y), stage.place.holds_row(y + 1)):
        _fetch_rows_ahead(frame, y, stage)
    for base in T.serial(0, stage.plan.spec.width, step=stage.plan.size):
        if T.And(stage.place.holds_row(y), stage.place.meets_columns(base, stage.plan.size)):
            if stage.is_as_large(frame):
                _copy_segment(stage, y, base)
            else:
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
    fill_columns(columns, plan, frame.cols, left, width)
    sums = T.alloc_buffer((plan.groups,), "int32")
    for task in T.parallel(plan.groups):
        group: T.let = T.truncmod(task * plan.stride, plan.groups)
        sources = T.alloc_buffer((len(plan.format.planes), 2), "int64")
        words = T.meta_var(_words(plan))
        counts = T.alloc_buffer((plan.lanes,), "int32")
        stage = T.meta_var(RowMaker(plan, place, frame.cols, memory, sources, columns, words, image))
        for lane in T.vectorized(plan.lanes):
            counts[lane] = 0
        for y in T.serial(plan.first_row(group), plan.first_row(group + 1)):
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
