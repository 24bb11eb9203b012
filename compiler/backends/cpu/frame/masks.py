"""Masks of what is left: sums of prototypes over the boxes' areas alone, and these as bitmaps in the frame's pixels.

Both kernels go through any number of detections; each thread takes every so-many-th row of all of them, so that a large
object is shared out as well as many small ones.
"""

from __future__ import annotations

from typing import Any

from tvm.script import tirx as T

from zcc.compiler.backends.cpu.frame.inline import inline
from zcc.compiler.backends.cpu.frame.letterbox import Expr
from zcc.compiler.backends.cpu.frame.raw import PackedMap
from zcc.compiler.backends.cpu.frame.resample import clamp

GROUPS = 32  # shares that the rows are dealt out in
LEFT, TOP, RIGHT, BOTTOM = range(4)  # of a detection's area, in cells of the prototypes or pixels of the frame
SCALE, OFFSET, LEAST, MOST = range(4)  # of an axis: cells per pixel, where pixel -0.5 lies, and the bounds
AXES = 2


@inline
def _fold(values: Any, half: int) -> None:
    for lane in T.vectorized(half):
        values[lane] = values[lane] + values[half + lane]


def _sum_up(values: Any, lanes: int) -> None:
    """Add halves to halves until the sum stands in front."""
    while lanes > 1:
        lanes //= 2
        _fold(values, lanes)


@inline
def _load(coefficients: Any, count: int, row: Any, weights: Any, size: int) -> None:
    """A detection's coefficients, with zeros for lanes that hold no prototype."""
    for place in range(size):
        weights[place] = T.float32(0)
    for place in range(count):
        weights[place] = coefficients[row, place]


@inline
def _sum_row(view: Any, weights: Any, sums: Any, y: Any, first: Any, last: Any, at: Any, areas: Any) -> None:
    """The sums of a row of cells."""
    blocks, lanes = T.meta_var((int(view.ty.shape[0]), int(view.ty.shape[3])))
    for x in range(first, last):
        for lane in T.vectorized(lanes):
            sums[lane] = view[0, y, x, lane] * weights[lane]
        for block in range(1, blocks):
            for lane in T.vectorized(lanes):
                sums[lane] = sums[lane] + view[block, y, x, lane] * weights[block * lanes + lane]
        _sum_up(sums, lanes)
        areas[at + T.cast(x - first, "int64")] = sums[0]


def build_areas(prototypes: PackedMap, count: int) -> Any:
    """A kernel that sums `count` prototypes up by each detection's coefficients, over its area.

    Parameters of the result: the memory that holds the prototypes; coefficients float32 [n, count]; areas in cells,
    int32 [n, 4]; where each begins in the result, int64 [n]; the result, float32 [total]; n and total.
    """
    size = prototypes.slab.blocks * prototypes.slab.lanes

    @T.prim_func
    def areas(
        memory_handle: T.handle,
        coefficients_handle: T.handle,
        cells_handle: T.handle,
        starts_handle: T.handle,
        areas_handle: T.handle,
        n: T.int32,
        total: T.int64,
    ) -> None:
        T.func_attr({"global_symbol": "areas", "tirx.noalias": True})
        memory = T.match_buffer(memory_handle, (prototypes.end,), "float32", align=4)
        coefficients = T.match_buffer(coefficients_handle, (n, count), "float32", align=4)
        cells = T.match_buffer(cells_handle, (n, 4), "int32", align=4)
        starts = T.match_buffer(starts_handle, (n,), "int64", align=8)
        found = T.match_buffer(areas_handle, (total,), "float32", align=4)
        view = T.meta_var(prototypes.view(memory))
        for group in T.parallel(GROUPS):
            weights = T.alloc_buffer((size,), "float32")
            sums = T.alloc_buffer((prototypes.slab.lanes,), "float32")
            for row in range(n):
                _load(coefficients, count, row, weights, size)
                first: T.let = cells[row, LEFT]
                last: T.let = cells[row, RIGHT]
                for y in T.serial(cells[row, TOP] + group, cells[row, BOTTOM], step=GROUPS):
                    line: T.let = T.cast(y - cells[row, TOP], "int64") * T.cast(last - first, "int64")
                    _sum_row(view, weights, sums, y, first, last, starts[row] + line, found)

    return areas


def _position(places: Any, axis: int, pixel: Expr) -> Expr:
    """Where a pixel's centre lies among the prototypes' cells, inside the picture."""
    at = (T.cast(pixel, "float32") + T.float32(0.5)) * places[axis, SCALE] + places[axis, OFFSET]
    return clamp(at, places[axis, LEAST], places[axis, MOST])


@inline
def _blend_lines(areas: Any, upper: Any, lower: Any, weight: Any, width: Any, line: Any) -> None:
    """A row between two rows of cells; its last value is there twice, for pixels right of its centre."""
    for x in range(width):
        line[x] = (
            areas[upper + T.cast(x, "int64")]
            + (areas[lower + T.cast(x, "int64")] - areas[upper + T.cast(x, "int64")]) * weight
        )
    line[width] = line[width - 1]


def _is_inside(line: Any, position: Expr, first: Expr) -> Expr:
    """1 where the sum between two cells is above 0."""
    cell = T.cast(T.floor(position), "int32") - first
    share = position - T.floor(position)
    return T.cast(line[cell] + (line[cell + 1] - line[cell]) * share > T.float32(0), "uint8")


@inline
def _draw_row(line: Any, places: Any, first: Any, left: Any, width: Any, at: Any, out: Any, lanes: int) -> None:
    """The pixels of a row, a vector at a time."""
    for vector in range(T.truncdiv(width, lanes)):
        for lane in T.vectorized(lanes):
            out[at + T.cast(vector * lanes + lane, "int64")] = _is_inside(
                line, _position(places, 0, left + vector * lanes + lane), first
            )
    for x in range(T.truncdiv(width, lanes) * lanes, width):
        out[at + T.cast(x, "int64")] = _is_inside(line, _position(places, 0, left + x), first)


def build_masks(width: int, *, lanes: int = 16) -> Any:
    """A kernel that makes bitmaps of areas, of prototypes `width` cells wide: bilinear, inside where above 0.

    Parameters of the result: areas float32 [total], their cells int32 [n, 4], where each begins int64 [n]; the pixels
    of each bitmap int32 [n, 4], where each begins int64 [n]; the place of the frame among the cells, float32 [2, 4],
    x first; the bitmaps, uint8 [size]; n, total and size.
    """

    @T.prim_func
    def masks(
        areas_handle: T.handle,
        cells_handle: T.handle,
        starts_handle: T.handle,
        pixels_handle: T.handle,
        begins_handle: T.handle,
        places_handle: T.handle,
        out_handle: T.handle,
        n: T.int32,
        total: T.int64,
        size: T.int64,
    ) -> None:
        T.func_attr({"global_symbol": "masks", "tirx.noalias": True})
        areas = T.match_buffer(areas_handle, (total,), "float32", align=4)
        cells = T.match_buffer(cells_handle, (n, 4), "int32", align=4)
        starts = T.match_buffer(starts_handle, (n,), "int64", align=8)
        pixels = T.match_buffer(pixels_handle, (n, 4), "int32", align=4)
        begins = T.match_buffer(begins_handle, (n,), "int64", align=8)
        places = T.match_buffer(places_handle, (AXES, 4), "float32", align=4)
        out = T.match_buffer(out_handle, (size,), "uint8", align=1)
        for group in T.parallel(GROUPS):
            line = T.alloc_buffer((width + 1,), "float32")
            for row in range(n):
                wide: T.let = cells[row, RIGHT] - cells[row, LEFT]
                high: T.let = cells[row, BOTTOM] - cells[row, TOP]
                for y in T.serial(pixels[row, TOP] + group, pixels[row, BOTTOM], step=GROUPS):
                    position: T.let = _position(places, 1, y)
                    above: T.let = T.cast(T.floor(position), "int32") - cells[row, TOP]
                    below: T.let = T.min(above + 1, high - 1)
                    upper: T.let = starts[row] + T.cast(above, "int64") * T.cast(wide, "int64")
                    lower: T.let = starts[row] + T.cast(below, "int64") * T.cast(wide, "int64")
                    _blend_lines(areas, upper, lower, position - T.floor(position), wide, line)
                    across: T.let = pixels[row, RIGHT] - pixels[row, LEFT]
                    at: T.let = begins[row] + T.cast(y - pixels[row, TOP], "int64") * T.cast(across, "int64")
                    _draw_row(line, places, cells[row, LEFT], pixels[row, LEFT], across, at, out, lanes)

    return masks
