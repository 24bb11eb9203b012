"""Masks of what is left: sums of prototypes over the boxes' areas alone, and these as bitmaps in the frame's pixels.

Both kernels go through any number of detections; each thread takes every so-many-th row of all of them, so that a large
object is shared out as well as many small ones.
"""

from __future__ import annotations

from typing import Any

from tvm.script import tirx as T

from zcc.compiler.backends.cpu.frame.inline import inline, prim_func
from zcc.compiler.backends.cpu.frame.letterbox import Expr
from zcc.compiler.backends.cpu.frame.raw import PackedMap
from zcc.compiler.backends.cpu.frame.resample import clamp

GROUPS = 32  # shares that the rows are dealt out in
LEFT, TOP, RIGHT, BOTTOM = range(4)  # of a detection's area, in cells of the prototypes or pixels of the frame
# Of an axis: parts of cells per pixel, the frame's last part, parts before its first, parts of a cell, and cells.
SCALE, LAST, BEFORE, PARTS, CELLS = range(5)
ACROSS, DOWN = range(2)
PLACES = (2, 5)
FINEST = 4  # parts of a cell


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

    @prim_func
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
    """Where a pixel's centre lies among the frame's parts of cells."""
    at = (T.cast(pixel, "float32") + T.float32(0.5)) * places[axis, SCALE] - T.float32(0.5)
    return clamp(at, T.float32(0), places[axis, LAST])


def _cell(places: Any, axis: int, part: Expr) -> Expr:
    """Where a part's centre lies among the cells."""
    at = (part + places[axis, BEFORE] + T.float32(0.5)) / places[axis, PARTS] - T.float32(0.5)
    return clamp(at, T.float32(0), places[axis, CELLS] - T.float32(1))


def _blend(low: Expr, high: Expr, share: Expr) -> Expr:
    return low + (high - low) * share


def _share(position: Expr) -> Expr:
    return position - T.floor(position)


@inline
def _blend_lines(areas: Any, start: Any, places: Any, y: Any, top: Any, high: Any, width: Any, line: Any) -> None:
    """The row of cells that a row of pixels lies in: between two rows of parts, each between two rows of cells."""
    position: T.let = _position(places, DOWN, y)
    upper: T.let = _cell(places, DOWN, T.floor(position))
    lower: T.let = _cell(places, DOWN, T.min(T.floor(position) + T.float32(1), places[DOWN, LAST]))
    above: T.let = T.cast(T.floor(upper), "int32") - top
    below: T.let = T.cast(T.floor(lower), "int32") - top
    rows: T.let = start + T.cast(above, "int64") * T.cast(width, "int64")
    next_rows: T.let = start + T.cast(T.min(above + 1, high - 1), "int64") * T.cast(width, "int64")
    others: T.let = start + T.cast(below, "int64") * T.cast(width, "int64")
    next_others: T.let = start + T.cast(T.min(below + 1, high - 1), "int64") * T.cast(width, "int64")
    for x in range(width):
        line[x] = _blend(
            _blend(areas[rows + T.cast(x, "int64")], areas[next_rows + T.cast(x, "int64")], _share(upper)),
            _blend(areas[others + T.cast(x, "int64")], areas[next_others + T.cast(x, "int64")], _share(lower)),
            _share(position),
        )


@inline
def _refine(line: Any, places: Any, first: Any, last: Any, left: Any, width: Any, parts: Any) -> None:
    """The parts of a row of cells from the first to the last, which is there twice: for pixels right of its centre."""
    for part in range(last - first + 1):
        at: T.let = _cell(places, ACROSS, T.cast(first + part, "float32"))
        cell: T.let = T.cast(T.floor(at), "int32") - left
        parts[part] = _blend(line[cell], line[T.min(cell + 1, width - 1)], _share(at))
    parts[last - first + 1] = parts[last - first]


def _is_inside(parts: Any, position: Expr, first: Expr) -> Expr:
    """1 where the sum between two parts is above 0."""
    part = T.cast(T.floor(position), "int32") - first
    return T.cast(_blend(parts[part], parts[part + 1], _share(position)) > T.float32(0), "uint8")


@inline
def _draw_row(parts: Any, places: Any, first: Any, left: Any, width: Any, at: Any, out: Any, lanes: int) -> None:
    """The pixels of a row, a vector at a time."""
    for vector in range(T.truncdiv(width, lanes)):
        for lane in T.vectorized(lanes):
            out[at + T.cast(vector * lanes + lane, "int64")] = _is_inside(
                parts, _position(places, ACROSS, left + vector * lanes + lane), first
            )
    for x in range(T.truncdiv(width, lanes) * lanes, width):
        out[at + T.cast(x, "int64")] = _is_inside(parts, _position(places, ACROSS, left + x), first)


def _part(places: Any, pixel: Expr) -> Expr:
    """The part at or before a pixel's centre, across."""
    return T.cast(T.floor(_position(places, ACROSS, pixel)), "int32")


def build_masks(width: int, *, lanes: int = 16) -> Any:
    """A kernel that makes bitmaps of areas, of prototypes `width` cells wide: bilinear, inside where above 0.

    Parameters of the result: areas float32 [total], their cells int32 [n, 4], where each begins int64 [n]; the pixels
    of each bitmap int32 [n, 4], where each begins int64 [n]; the place of the frame among the cells, float32 [2, 5],
    x first; the bitmaps, uint8 [size]; n, total and size.
    """

    @prim_func
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
        places = T.match_buffer(places_handle, PLACES, "float32", align=4)
        out = T.match_buffer(out_handle, (size,), "uint8", align=1)
        for group in T.parallel(GROUPS):
            line = T.alloc_buffer((width,), "float32")
            parts = T.alloc_buffer((width * FINEST + 1,), "float32")
            for row in range(n):
                wide: T.let = cells[row, RIGHT] - cells[row, LEFT]
                high: T.let = cells[row, BOTTOM] - cells[row, TOP]
                across: T.let = pixels[row, RIGHT] - pixels[row, LEFT]
                first: T.let = _part(places, pixels[row, LEFT])
                final: T.let = _part(places, T.max(pixels[row, RIGHT] - 1, pixels[row, LEFT]))
                last: T.let = T.min(final + 1, T.cast(places[ACROSS, LAST], "int32"))
                for y in T.serial(pixels[row, TOP] + group, pixels[row, BOTTOM], step=GROUPS):
                    _blend_lines(areas, starts[row], places, y, cells[row, TOP], high, wide, line)
                    _refine(line, places, first, last, cells[row, LEFT], wide, parts)
                    at: T.let = begins[row] + T.cast(y - pixels[row, TOP], "int64") * T.cast(across, "int64")
                    _draw_row(parts, places, first, pixels[row, LEFT], across, at, out, lanes)

    return masks
