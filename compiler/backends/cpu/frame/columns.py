"""The table of columns: what each column of the image is blended from, worked out once for all rows."""

from __future__ import annotations

from typing import Any

from tvm.script import tirx as T

from zcc.compiler.backends.cpu.frame.formats import FORMATS
from zcc.compiler.backends.cpu.frame.inline import inline
from zcc.compiler.backends.cpu.frame.letterbox import Expr
from zcc.compiler.backends.cpu.frame.resample import clamp, source_position, weight_of
from zcc.runtime.manifest import InputSpec

FIRST, WEIGHT, BEGIN = 0, 1, 2  # its rows


def scratch_shape(spec: InputSpec) -> tuple[int, int]:
    """Shape of the int32 scratch buffer, the table of columns.

    It holds the first of the two frame pixels that each output column is blended from, the other one's weight, and
    where the load from each plane begins.
    """
    return (BEGIN + max(len(known.planes) for known in FORMATS.values()), spec.width)


def _fill_begins(plan: Any, columns: Any, x: Expr, cols: Expr) -> None:
    for number, plane in enumerate(plan.format.planes):
        T.buffer_store(columns, plane.begin(columns[FIRST, x], cols), [BEGIN + number, x])


@inline
def fill_columns(columns: Any, plan: Any, frame_width: Any, left: Any, width: Any) -> None:
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
