"""From a camera frame to the network's input: letterbox, colour order and scale in one pass.

The resampling is OpenCV's `INTER_LINEAR` on uint8, in its own fixed-point steps: weights of 11 bits, the
horizontal blend first, each product cut to 16 bits, one rounding at the end.

A row is made in segments. One 8-byte load per source row fetches the two neighbouring pixels, six bytes, of
each output column; the arithmetic then runs over whole vectors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from tvm.script import tirx as T

from zcc.compiler.frame.edges import count_edges, share_edges
from zcc.compiler.frame.image import ImageLayout
from zcc.compiler.frame.letterbox import PAD_GREY, Expr, Place, gains, margin, resized
from zcc.runtime.manifest import InputSpec

WEIGHT_BITS = 11
WEIGHT_ONE = 1 << WEIGHT_BITS
SEGMENT_VECTORS = 2  # vectors per segment: enough to overlap loads, and little is blended beside the picture
ROW_GROUPS = 64  # rows are dealt out to threads in turns, so that the border rows are shared fairly
BYTE_ORDER = {"bgr": (2, 1, 0), "rgb": (0, 1, 2)}  # which bytes of a pixel are its red, green and blue
BORDER = [T.int32(PAD_GREY)] * 3


def scratch_shape(spec: InputSpec) -> tuple[int, int]:
    """Shape of the int32 scratch buffer: each output column's first byte in a frame row, and its weight."""
    return (2, spec.width)


def _source(position: Expr, length: Expr, resized_length: Expr) -> Expr:
    """Where an output pixel's centre falls in the frame, in frame pixels, rounded as OpenCV rounds it."""
    scale = T.cast(length, "float64") / T.cast(resized_length, "float64")
    return T.cast((T.cast(position, "float64") + T.float64(0.5)) * scale - T.float64(0.5), "float32")


def _weight(fraction: Expr) -> Expr:
    return T.cast(T.nearbyint(fraction * T.float32(WEIGHT_ONE)), "int32")


def _clamp(value: Expr, low: Expr, high: Expr) -> Expr:
    return T.max(T.min(value, high), low)


def _pixel(pixels: Any, offset: Expr) -> Expr:
    """The three bytes of a pixel as one word."""
    words = [T.cast(pixels[offset + c], "uint32") << T.uint32(8 * c) for c in range(3)]
    return words[0] | words[1] | words[2]


def _byte(word: Expr, index: int) -> Expr:
    return T.cast((word >> T.uint32(8 * index)) & T.uint32(255), "int32")


def _across(near: Expr, far: Expr, channel: int, weight: Expr) -> Expr:
    """The horizontal blend of one channel, 15 bits."""
    first = _byte(near, channel)
    return (first * WEIGHT_ONE + (_byte(far, channel) - first) * weight) >> 4


def _down(upper: Expr, lower: Expr, weight: Expr) -> Expr:
    """The vertical blend of two horizontal ones: a grey level."""
    return (((upper * (WEIGHT_ONE - weight)) >> 16) + ((lower * weight) >> 16) + 2) >> 2


@dataclass(frozen=True)
class Plan:
    """What is settled before any frame is seen."""

    spec: InputSpec
    layout: ImageLayout
    size: int  # columns of a segment
    lanes: int
    groups: int

    @classmethod
    def make(cls, spec: InputSpec, layout: ImageLayout, lanes: int) -> Plan:
        """Segments and vectors that divide a row evenly."""
        lanes = math.gcd(spec.width, lanes)
        vectors = max(n for n in range(1, SEGMENT_VECTORS + 1) if spec.width // lanes % n == 0)
        return cls(spec, layout, vectors * lanes, lanes, min(ROW_GROUPS, spec.height))

    @property
    def order(self) -> tuple[int, ...]:
        """Which bytes of a frame's pixel are its red, green and blue."""
        return BYTE_ORDER[self.spec.color]


@dataclass(frozen=True)
class Stage:
    """What a thread makes its rows from, segment by segment, and where they go."""

    plan: Plan
    place: Place
    columns: Any  # int32 [2, width]: the scratch table
    rows: Any  # int32 [2]: where the two source rows begin among the frame's bytes
    near: Any  # uint32 [2, size]: the left pixel of each output column's pair, in the upper and lower row
    far: Any  # uint32 [2, size]: the right one
    image: Any

    def levels(self, i: Expr, x: Expr, weight: Expr) -> list[Expr]:
        """The colours of output column `x`, the segment's i-th; beside the picture that of the border."""
        inside = self.place.holds_column(x)
        return [T.Select(inside, self._level(byte, i, x, weight), PAD_GREY) for byte in self.plan.order]

    def _level(self, byte: int, i: Expr, x: Expr, weight: Expr) -> Expr:
        """The blend of four bytes, across and then down."""
        pairs = [(self.near[line, i], self.far[line, i]) for line in range(2)]
        upper, lower = (_across(*pair, byte, self.columns[1, x]) for pair in pairs)
        return _down(upper, lower, weight)

    def store(self, y: Expr, x: Expr, levels: list[Expr]) -> None:
        """Emit the store of one pixel of the image."""
        self.plan.layout.store(self.image, y, x, levels)


@T.inline
def _fill_columns(columns: Any, size: int, frame_width: Any, left: Any, width: Any) -> None:
    """Fill the scratch table. The pair of pixels a column names never reaches past the row."""
    for x in T.vectorized(size):
        position: T.let = _source(_clamp(x - left, 0, width - 1), frame_width, width)
        first: T.let = _clamp(T.cast(T.floor(position), "int32"), 0, T.max(frame_width - 2, 0))
        columns[0, x] = 3 * first
        columns[1, x] = _weight(_clamp(position - T.cast(first, "float32"), T.float32(0), T.float32(1)))


@T.inline
def _fetch_pair(pixels: Any, row: Any, offset: Any, last: Any, stage: Any, line: int, i: Any) -> None:
    """Fetch two neighbouring pixels with one load that ends inside the row."""
    start: T.let = T.min(offset, last)
    word: T.let = T.reinterpret("uint64", pixels[T.ramp(row + start, 1, 8)])
    pair: T.let = word >> T.cast((offset - start) * 8, "uint64")
    stage.near[line, i] = T.cast(pair, "uint32")
    stage.far[line, i] = T.cast(pair >> T.uint64(24), "uint32")


@T.inline
def _fetch_segment(pixels: Any, cols: Any, base: Any, stage: Any) -> None:
    """Fetch what a segment of one output row is blended from, out of both source rows."""
    for i in range(stage.plan.size):
        for line in T.unroll(2):
            if cols > 2:
                _fetch_pair(pixels, stage.rows[line], stage.columns[0, base + i], 3 * cols - 8, stage, line, i)
            else:  # a row too short for a wide load has one pair of pixels
                stage.near[line, i] = _pixel(pixels, stage.rows[line])
                stage.far[line, i] = _pixel(pixels, stage.rows[line] + 3 * (cols - 1))


@T.inline
def _blend_segment(stage: Any, y: Any, base: Any, weight: Any) -> None:
    """Blend a segment out of what was fetched."""
    for start in range(stage.plan.size // stage.plan.lanes):
        for lane in T.vectorized(stage.plan.lanes):
            i: T.let = start * stage.plan.lanes + lane
            stage.store(y, base + i, stage.levels(i, base + i, weight))


@T.inline
def _fill_segment(stage: Any, y: Any, base: Any) -> None:
    """Paint a segment of border."""
    for start in range(stage.plan.size // stage.plan.lanes):
        for lane in T.vectorized(stage.plan.lanes):
            stage.store(y, base + start * stage.plan.lanes + lane, BORDER)


@T.inline
def _make_row(pixels: Any, rows: Any, cols: Any, row_stride: Any, y: Any, stage: Any) -> None:
    """Make an output row: picture between border, or border alone."""
    position: T.let = _source(y - stage.place.top, rows, stage.place.height)
    above: T.let = T.cast(T.floor(position), "int32")
    weight: T.let = _weight(position - T.floor(position))
    stage.rows[0] = _clamp(above, 0, rows - 1) * row_stride
    stage.rows[1] = _clamp(above + 1, 0, rows - 1) * row_stride
    for base in T.serial(0, stage.plan.spec.width, step=stage.plan.size):
        if T.And(stage.place.holds_row(y), stage.place.meets_columns(base, stage.plan.size)):
            _fetch_segment(pixels, cols, base, stage)
            _blend_segment(stage, y, base, weight)
        else:
            _fill_segment(stage, y, base)


@T.inline
def _letterbox(plan: Any, frame_handle: Any, image_handle: Any, columns_handle: Any, share: Any) -> None:
    """The kernel's body; no edges are counted without a place for their share."""
    rows, cols, row_stride = T.int32(), T.int32(), T.int32()
    frame = T.match_buffer(frame_handle, (rows, cols, 3), "uint8", strides=(row_stride, 3, 1), align=1)
    layout = T.meta_var(plan.layout)
    shape, strides = T.meta_var((layout.shape(plan.spec), layout.strides()))
    image = T.match_buffer(image_handle, shape, layout.dtype, strides=strides, align=layout.align)
    columns = T.match_buffer(columns_handle, (2, plan.spec.width), "int32", align=4)
    pixels = T.decl_buffer((rows * row_stride,), "uint8", data=frame.data)
    down, across = T.meta_var(gains(plan.spec, rows, cols))
    height: T.let = resized(rows, down)
    width: T.let = resized(cols, across)
    top: T.let = margin(plan.spec.height, height)
    left: T.let = margin(plan.spec.width, width)
    place = T.meta_var(Place(top, left, height, width))
    _fill_columns(columns, plan.spec.width, cols, left, width)
    counts = T.alloc_buffer((plan.groups,), "int32")
    for group in T.parallel(plan.groups):
        sources = T.alloc_buffer((2,), "int32")
        near = T.alloc_buffer((2, plan.size), "uint32")
        far = T.alloc_buffer((2, plan.size), "uint32")
        stage = T.meta_var(Stage(plan, place, columns, sources, near, far, image))
        if share is not None:
            counts[group] = 0
        for y in T.serial(group, plan.spec.height, step=plan.groups):
            _make_row(pixels, rows, cols, row_stride, y, stage)
            if share is not None:
                count_edges(layout, image, y, place, counts, group)
    if share is not None:
        share_edges(counts, plan.groups, place, share)


def build_preprocess(spec: InputSpec, layout: ImageLayout, *, edges: bool = False, lanes: int = 16) -> Any:
    """A kernel that letterboxes (or stretches) any frame into an RGB image of the given layout.

    Parameters of the result: frame uint8 [H, W, 3] with any row stride; what it writes, the image; scratch, int32 of
    `scratch_shape`; and with `edges`, float32 [1] for the share of edges in the picture.
    """
    plan = Plan.make(spec, layout, lanes)

    @T.prim_func
    def preprocess(frame: T.handle, image: T.handle, columns: T.handle) -> None:
        T.func_attr({"global_symbol": "preprocess", "tirx.noalias": True})
        _letterbox(plan, frame, image, columns, None)

    @T.prim_func
    def preprocess_and_count(frame: T.handle, image: T.handle, columns: T.handle, share: T.handle) -> None:
        T.func_attr({"global_symbol": "preprocess", "tirx.noalias": True})
        found = T.match_buffer(share, (1,), "float32", align=4)
        _letterbox(plan, frame, image, columns, found)

    return preprocess_and_count if edges else preprocess
