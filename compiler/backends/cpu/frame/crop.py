"""From a frame to a classifier's input: the short side fitted, the middle cut out, averaged as Pillow does it.

An output pixel is a weighted mean of the frame's pixels around it, of all that it stands for where the frame is larger.
A row is made in strips: the frame's rows are added up first, byte by byte, and then the columns of the strip.

What depends on an output row or column goes through memory: where a bounded integer becomes a float, TVM's analysis of
bounds goes astray and takes the code along.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tvm.script import tirx as T

from zcc.compiler.backends.cpu.frame.edges import count_edges, share_edges, sum_lanes
from zcc.compiler.backends.cpu.frame.frame_buffers import FrameBuffers
from zcc.compiler.backends.cpu.frame.frame_format import FrameFormat
from zcc.compiler.backends.cpu.frame.image_layout import ImageLayout
from zcc.compiler.backends.cpu.frame.inline import inline
from zcc.compiler.backends.cpu.frame.letterbox import Expr, LetterboxPlace
from zcc.compiler.backends.cpu.frame.resample import clamp
from zcc.runtime.manifest import InputSpec

STRIP = 64  # columns of the frame
COLOURS = 3
ROWS = 64  # groups that rows are dealt out in
FIRST, LAST, CENTRE, TOTAL = range(4)  # of an output pixel: what it is averaged from, and their weights together
ONE = T.float32(1)
HALF = T.float32(0.5)
TABLE = 5  # rows of the scratch that every preprocess has


@dataclass(frozen=True)
class CropPlan:
    """What is settled before any frame is seen."""

    spec: InputSpec
    layout: ImageLayout
    format: FrameFormat
    lanes: int

    @property
    def groups(self) -> int:
        """Shares of the rows."""
        return min(ROWS, self.spec.height)

    @property
    def packed(self) -> bool:
        """Whether the three colours of a pixel lie side by side in the frame."""
        return len(self.format.planes) == 1 and self.format.planes[0].channels == COLOURS

    def write(self, handles: Sequence[Any], image: Any, columns: Any, share: Any) -> None:
        """Emit the kernel's body."""
        _crop(self, handles, image, columns, share)


@dataclass(frozen=True)
class CropAxis:
    """How the pixels of one axis of the output lie in the frame."""

    scale: Expr  # pixels of the frame for one of the output
    reach: Expr  # to either side of an output pixel's centre
    skipped: Expr  # output pixels before the cut
    length: Expr  # of the frame

    def centre(self, place: Expr) -> Expr:
        """Where the centre of an output pixel lies in the frame."""
        return (T.cast(place + self.skipped, "float32") + HALF) * self.scale

    def first(self, place: Expr) -> Expr:
        """The first pixel that an output pixel is averaged from."""
        return T.max(T.cast(T.floor(self.centre(place) - self.reach + HALF), "int32"), 0)

    def last(self, place: Expr) -> Expr:
        """Behind the last one."""
        return T.min(T.cast(T.floor(self.centre(place) + self.reach + HALF), "int32"), self.length)

    def weight(self, centre: Expr, source: Expr) -> Expr:
        """How much a pixel of the frame counts for one with that centre: less the farther it is."""
        far = T.abs(T.cast(source, "float32") + HALF - centre) / self.reach
        return T.max(ONE - far, T.float32(0))


def _real(table: Any, number: int, place: Expr) -> Expr:
    """A float of a table of integers."""
    return T.reinterpret("float32", table[number, place])


@inline
def _tabulate(axis: Any, place: Any, table: Any, row: Any) -> None:
    """What an output pixel is averaged from; `place` is its number, `row` where the table keeps it."""
    table[FIRST, row] = axis.first(place[0])
    table[LAST, row] = axis.last(place[0])
    table[CENTRE, row] = T.reinterpret("int32", axis.centre(place[0]))
    table[TOTAL, row] = T.reinterpret("int32", T.float32(0))
    for source in range(table[FIRST, row], table[LAST, row]):
        table[TOTAL, row] = T.reinterpret(
            "int32", _real(table, TOTAL, row) + axis.weight(_real(table, CENTRE, row), source)
        )


def _resized(spec: InputSpec, rows: Expr, cols: Expr) -> tuple[Expr, Expr]:
    """The frame's size before the cut: its short side is the input's; an input that is no square is filled."""
    if spec.height != spec.width:
        return T.int32(spec.height), T.int32(spec.width)
    side = T.float64(spec.height)
    high = T.cast(T.floor(side * T.cast(rows, "float64") / T.cast(cols, "float64")), "int32")
    wide = T.cast(T.floor(side * T.cast(cols, "float64") / T.cast(rows, "float64")), "int32")
    upright = rows > cols
    return T.Select(upright, high, spec.height), T.Select(upright, spec.width, wide)


def _skipped(whole: Expr, part: int) -> Expr:
    """What is cut off before the middle; a half goes to the even side, as Python rounds."""
    return T.cast(T.nearbyint(T.cast(whole - part, "float64") / T.float64(2)), "int32")


def _scale(length: Expr, resized: Expr) -> Expr:
    return T.cast(T.cast(length, "float64") / T.cast(resized, "float64"), "float32")


def _level(plan: CropPlan, memory: Sequence[Any], pitches: Sequence[Expr], row: Expr, col: Expr) -> list[Expr]:
    """Red, green and blue of one pixel."""
    levels: list[Expr] = []
    for plane, array, pitch in zip(plan.format.planes, memory, pitches, strict=True):
        at = T.cast(plane.sample(row), "int64") * T.cast(pitch, "int64") + T.cast(
            plane.sample(col) * plane.channels, "int64"
        )
        levels += [T.cast(array[at + channel], "int32") for channel in range(plane.channels)]
    return list(plan.format.colours(levels))


def _store_level(strip: Any, weight: Expr, levels: list[Expr], i: Expr) -> None:
    for colour, level in enumerate(levels):
        value = strip[i * COLOURS + colour] + weight * T.cast(level, "float32")
        T.buffer_store(strip, value, [i * COLOURS + colour])


@inline
def _add_row(plan: Any, frame: Any, memory: Any, row: Any, begin: Any, weight: Any, strip: Any) -> None:
    """Add a row of the frame to a strip of three numbers a column."""
    if plan.packed:
        if begin + STRIP <= frame.cols:
            at: T.let = T.cast(row, "int64") * T.cast(frame.pitches[0], "int64") + T.cast(begin * COLOURS, "int64")
            for vector in range(STRIP * COLOURS // plan.lanes):
                for lane in T.vectorized(plan.lanes):
                    strip[vector * plan.lanes + lane] = strip[vector * plan.lanes + lane] + weight * T.cast(
                        memory[0][at + T.cast(vector * plan.lanes + lane, "int64")], "float32"
                    )
        else:
            for i in range(T.min(STRIP, frame.cols - begin)):
                for colour in T.unroll(COLOURS):
                    strip[i * COLOURS + colour] = strip[i * COLOURS + colour] + weight * T.cast(
                        memory[0][
                            T.cast(row, "int64") * T.cast(frame.pitches[0], "int64")
                            + T.cast((begin + i) * COLOURS + colour, "int64")
                        ],
                        "float32",
                    )
    else:
        for i in range(T.min(STRIP, frame.cols - begin)):
            _store_level(strip, weight, _level(plan, memory, frame.pitches, row, begin + i), i)


@inline
def _add_columns(plan: Any, across: Any, columns: Any, begin: Any, work: Any) -> None:
    """Add what a strip is worth to every output pixel that it touches."""
    for x in range(plan.spec.width):
        if T.And(columns[LAST, x] > begin, columns[FIRST, x] < begin + STRIP):
            for source in range(columns[FIRST, x], columns[LAST, x]):
                if T.And(source >= begin, source < begin + STRIP):
                    work.place[0] = source
                    weight: T.let = across.weight(_real(columns, CENTRE, x), work.place[0])
                    for colour in T.unroll(COLOURS):
                        work.sums[x * COLOURS + colour] = (
                            work.sums[x * COLOURS + colour] + weight * work.strip[(source - begin) * COLOURS + colour]
                        )


def _store(plan: CropPlan, image: Any, y: Expr, x: Expr, sums: Any, weight: Expr) -> None:
    order = plan.format.colours([0, 1, 2]) if plan.packed else (0, 1, 2)
    levels = [clamp(T.cast(T.floor(sums[x * COLOURS + colour] / weight + HALF), "int32"), 0, 255) for colour in order]
    plan.layout.store(image, y, x, levels)


@inline
def _make_row(plan: Any, frame: Any, memory: Any, down: Any, across: Any, columns: Any, y: Any, work: Any,
              image: Any) -> None:  # fmt: skip
    """Make an output row."""
    work.place[0] = y
    _tabulate(down, work.place, work.rows, 0)
    for number in range(plan.spec.width * COLOURS):
        work.sums[number] = T.float32(0)
    for begin in T.serial(columns[FIRST, 0], columns[LAST, plan.spec.width - 1], step=STRIP):
        for number in range(STRIP * COLOURS):
            work.strip[number] = T.float32(0)
        for row in range(work.rows[FIRST, 0], work.rows[LAST, 0]):
            work.place[0] = row
            weight: T.let = down.weight(_real(work.rows, CENTRE, 0), work.place[0])
            _add_row(plan, frame, memory, row, begin, weight, work.strip)
        _add_columns(plan, across, columns, begin, work)
    for x in range(plan.spec.width):
        _store(plan, image, y, x, work.sums, _real(columns, TOTAL, x) * _real(work.rows, TOTAL, 0))


@dataclass(frozen=True)
class Work:
    """What a thread works in."""

    place: Any  # int32 [1]: the number of an output pixel, or of one of the frame
    rows: Any  # int32 [4, 1]: the table of its row
    strip: Any  # float32: a strip's columns
    sums: Any  # float32: the output row's pixels


@inline
def _crop(plan: Any, handles: Any, image_handle: Any, columns_handle: Any, share_handle: Any) -> None:
    """The kernel's body."""
    frame = T.meta_var(FrameBuffers.match(handles, plan.format))
    layout = T.meta_var(plan.layout)
    shape, strides = T.meta_var((layout.shape(plan.spec), layout.strides()))
    image = T.match_buffer(image_handle, shape, layout.dtype, strides=strides, align=layout.align)
    columns = T.match_buffer(columns_handle, (TABLE, plan.spec.width), "int32", align=4)
    share = T.match_buffer(share_handle, (1,), "float32", align=4)
    memory = T.meta_var(frame.flat())
    sizes = T.meta_var(_resized(plan.spec, frame.rows, frame.cols))
    height: T.let = sizes[0]
    width: T.let = sizes[1]
    scale_down: T.let = _scale(frame.rows, height)
    scale_across: T.let = _scale(frame.cols, width)
    top: T.let = _skipped(height, plan.spec.height)
    left: T.let = _skipped(width, plan.spec.width)
    down = T.meta_var(CropAxis(scale_down, T.max(scale_down, ONE), top, frame.rows))
    across = T.meta_var(CropAxis(scale_across, T.max(scale_across, ONE), left, frame.cols))
    whole = T.meta_var(LetterboxPlace(0, 0, plan.spec.height, plan.spec.width))
    column = T.alloc_buffer((1,), "int32")
    for x in range(plan.spec.width):
        column[0] = x
        _tabulate(across, column, columns, x)
    counted = T.alloc_buffer((plan.groups,), "int32")
    for group in T.parallel(plan.groups):
        strip = T.alloc_buffer((STRIP * COLOURS,), "float32")
        sums = T.alloc_buffer((plan.spec.width * COLOURS,), "float32")
        place = T.alloc_buffer((1,), "int32")
        rows = T.alloc_buffer((4, 1), "int32")
        work = T.meta_var(Work(place, rows, strip, sums))
        counts = T.alloc_buffer((plan.lanes,), "int32")
        for lane in T.vectorized(plan.lanes):
            counts[lane] = 0
        for y in T.serial(group, plan.spec.height, step=plan.groups):
            _make_row(plan, frame, memory, down, across, columns, y, work, image)
            count_edges(layout, image, y, whole, plan.lanes, counts)
        sum_lanes(counts, plan.lanes, counted, group)
    share_edges(counted, plan.groups, whole, share)
