"""The decoded output of heads with anchors: every candidate of every map, row after row.

With s the sigmoid of an element, a row holds (2 s + cell - 0.5) * stride for its centre, (2 s)^2 * anchor for its size,
and s itself for objectness and classes. All of these are s * once + s^2 * twice + column * across + row * down, with
factors per channel, so that a block of lanes is computed as one vector whatever its channels are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import tirx
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.activation import sigmoid
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit, building

FACTORS = 5  # once, twice, across, down, and what is added
BOX = 4


@dataclass(frozen=True)
class DecodeAnchors:
    """Parameters: each map and its factors float32 [FACTORS, blocks, lanes], then the output as one row of floats."""

    maps: tuple[Slab, ...]
    anchors: tuple[int, ...]  # how many each map has
    attributes: int

    @property
    def name(self) -> str:
        """For example `decode_anchors_25200x85`."""
        return f"decode_anchors_{self.candidates}x{self.attributes}"

    @property
    def candidates(self) -> int:
        """Rows of the output."""
        return sum(count * x.height * x.width for x, count in zip(self.maps, self.anchors, strict=True))

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """Map after map, rows of cells over the threads."""
        with building(self.name) as kernel:
            sources = [
                (x.argument(f"x{i}"), T.arg(f"f{i}", T.Buffer((FACTORS, x.blocks, x.lanes), "float32")))
                for i, x in enumerate(self.maps)
            ]
            out = T.arg("out", T.Buffer((self.candidates * self.attributes,), "float32", align=4))
            first = 0
            for x, count, (source, factors) in zip(self.maps, self.anchors, sources, strict=True):
                self._decode(x, count, source, factors, out, first)
                first += count * x.height * x.width
        return kernel.function

    def _decode(self, x: Slab, count: int, source: Any, factors: Any, out: Any, first: int) -> None:
        with T.parallel(0, x.height) as row, T.serial(0, x.width) as column:
            for block in range(x.blocks):
                for lane, anchor, attribute, width in self._runs(x, block, count):
                    candidate = first + anchor * x.height * x.width + row * x.width + column
                    with T.vectorized(0, width) as i:
                        at = lane + i
                        s = sigmoid(source[block, row, column, at])
                        value = (
                            (factors[1, block, at] * s + factors[0, block, at]) * s
                            + factors[2, block, at] * tirx.Cast("float32", column)
                            + factors[3, block, at] * tirx.Cast("float32", row)
                            + factors[4, block, at]
                        )
                        T.buffer_store(out, value, [candidate * self.attributes + attribute + i])

    def _runs(self, x: Slab, block: int, count: int) -> list[tuple[int, int, int, int]]:
        """The parts of a block that belong to one anchor: first lane, anchor, first attribute, lanes."""
        runs, lane = [], 0
        while lane < x.lanes and block * x.lanes + lane < count * self.attributes:
            anchor, attribute = divmod(block * x.lanes + lane, self.attributes)
            width = min(x.lanes - lane, self.attributes - attribute)
            runs.append((lane, anchor, attribute, width))
            lane += width
        return runs


def anchor_factors(
    stride: int, anchors: Sequence[tuple[float, float]], attributes: int, x: Slab
) -> NDArray[np.float32]:
    """The factors of one map's channels, [FACTORS, blocks, lanes]."""
    once, twice, across, down, added = table = np.zeros((FACTORS, len(anchors), attributes), np.float32)
    once[:, BOX:] = 1
    once[:, :2] = 2 * stride
    added[:, :2] = -0.5 * stride
    across[:, 0] = down[:, 1] = stride
    twice[:, 2:BOX] = 4 * np.asarray(anchors, np.float32)
    padded = np.zeros((FACTORS, x.blocks * x.lanes), np.float32)
    padded[:, : len(anchors) * attributes] = table.reshape(FACTORS, -1)
    return padded.reshape(FACTORS, x.blocks, x.lanes)
