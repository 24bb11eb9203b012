"""The pixels of a map as rows of another width, for convolutions that look at one pixel at a time.

A product in tile registers, with what it loads, takes nearly as long for ten columns of a map as for sixteen. So a row
of 20 or 40 columns leaves much of them unused, and one that begins where the last has ended does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tvm import tirx

from zcc.compiler.backends.cpu.kernels.amx_plan import PACKED
from zcc.compiler.backends.cpu.kernels.amx_registers import LANES
from zcc.compiler.backends.cpu.kernels.conv_loops import ConvGeometry
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.vector import named


@dataclass(frozen=True)
class JoinedRows(ConvGeometry):
    """Rows as wide as a tile register has rows."""

    width: int  # of the map's own rows

    def in_map(self, row: Any, column: Any) -> tuple[Any, Any]:
        """Where in the map a row and a column of these rows are."""
        pixel = named(row * self.out.width + column)
        return tirx.floordiv(pixel, self.width), tirx.floormod(pixel, self.width)

    def fits(self, columns: int) -> bool:
        """Those whose chunks, of as many columns as divide PACKED, are each in one row of the map."""
        return self.out.width % columns == 0


def join_rows(geometry: ConvGeometry) -> ConvGeometry:
    """The rows that fill tile registers, where the map's own do not; else the same."""
    out, height = geometry.out, geometry.out.height * geometry.out.width // LANES
    by_pixel = geometry.kernel == geometry.stride == (1, 1)
    if not by_pixel or out.width % LANES == 0 or out.width % PACKED or out.height * out.width % LANES:
        return geometry
    x, joined = (Slab.dense(slab.blocks, height, LANES, slab.lanes, slab.dtype) for slab in (geometry.x, out))
    steps = geometry.kernel, geometry.stride, geometry.dilation
    return JoinedRows(x, joined, *steps, geometry.tile, geometry.per_word, out.width)
