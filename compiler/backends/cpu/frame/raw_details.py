"""What tasks add to a candidate, read from the map that its scale has for that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tvm.script import tirx as T

from zcc.compiler.backends.cpu.frame.inline import inline
from zcc.compiler.backends.cpu.frame.letterbox import Expr
from zcc.compiler.backends.cpu.frame.raw import channel
from zcc.compiler.backends.cpu.kernels.activation import sigmoid
from zcc.compiler.ir.tasks.detail_decoding import DetailDecoding

# Writes a row: the view of the map, its stride, the cell, the rows, the number of the row.
Read = Callable[[Any, int, Expr, Any, Expr], None]


@inline
def _copy(count: int, view: Any, cell: Any, details: Any, row: Any) -> None:
    width = T.meta_var(int(view.ty.shape[2]))
    for number in range(count):
        details[row, number] = channel(view, number, T.truncdiv(cell, width), T.truncmod(cell, width))


@inline
def _read_points(decoding: Any, view: Any, stride: int, cell: Any, details: Any, row: Any) -> None:
    """Coordinates of keypoints in input pixels, and how visible they are."""
    width = T.meta_var(int(view.ty.shape[2]))
    points, numbers = T.meta_var(decoding.shape)
    factor, offset = T.meta_var(tuple(map(T.float32, decoding.parameters)))
    pixels = T.meta_var(T.float32(stride))
    y: T.let = T.truncdiv(cell, width)
    x: T.let = T.truncmod(cell, width)
    for point in range(points):
        details[row, point * numbers] = (
            channel(view, point * numbers, y, x) * factor + (T.cast(x, "float32") + offset)
        ) * pixels
        details[row, point * numbers + 1] = (
            channel(view, point * numbers + 1, y, x) * factor + (T.cast(y, "float32") + offset)
        ) * pixels
        if numbers > 2:
            details[row, point * numbers + 2] = sigmoid(channel(view, point * numbers + 2, y, x))


def read_details(decoding: DetailDecoding) -> Read:
    """What writes the numbers of a candidate into a row."""
    if decoding.kind == "points":
        return lambda view, stride, *rest: _read_points(decoding, view, stride, *rest)
    return lambda view, stride, *rest: _copy(decoding.count, view, *rest)


def angle_of(decoding: DetailDecoding, view: Any, y: Expr, x: Expr) -> Expr:
    """The angle of a cell's box."""
    value = channel(view, 0, y, x)
    if decoding.kind == "plain":
        return value
    scale, offset = decoding.parameters
    return (sigmoid(value) + T.float32(offset)) * T.float32(scale)
