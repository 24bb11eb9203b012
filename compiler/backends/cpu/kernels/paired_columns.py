"""A map of one block of channels in pairs of columns, for convolutions that go two columns at a time.

Numbers in pieces are multiplied two in a word, those of two blocks of channels. Where there is one block, half of each
word would be zeros; two neighbouring columns fill it instead, and taps come two at a time, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from tvm import tirx

from zcc.compiler.backends.cpu.kernels.conv_loops import ConvGeometry
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.ir.tensors import Array
from zcc.runtime.split_weights import TOGETHER


@dataclass(frozen=True)
class PairedColumns(ConvGeometry):
    """What is summed of pairs of columns."""

    width: int  # of the map's own rows

    def halves(self, pair: Any, row: Any, column: Any, blocks: int) -> list[list[Any]]:
        """The last column may have none beside it; its weights are zeros there."""
        first = column * TOGETHER
        return [[pair, row, first], [pair, row, tirx.min(first + 1, self.width - 1)]]


def pairs_columns(blocks: int, kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int]) -> bool:
    """Whether a convolution of so many blocks goes by pairs of columns."""
    return blocks == 1 and kernel[1] > 1 and stride[1] == TOGETHER and dilation[1] == 1


def pair_columns(geometry: ConvGeometry) -> ConvGeometry:
    """The pairs of columns of a map with one block of pairs of channels."""
    x, (rows, columns) = geometry.x, geometry.kernel
    pairs = Slab.dense(x.blocks, x.height, -(-x.width // TOGETHER), x.lanes, x.dtype)
    kernel, stride, dilation = (rows, -(-columns // TOGETHER)), (geometry.stride[0], 1), geometry.dilation
    return PairedColumns(pairs, geometry.out, kernel, stride, dilation, geometry.tile, geometry.per_word, x.width)


def pair_taps(dense: Array) -> Array:
    """Weights of one block as those of two: of the first taps of pairs, and of the second ones."""
    outputs, _, rows, columns, *lanes = dense.shape
    even = np.pad(dense, [(0, 0)] * 3 + [(0, columns % TOGETHER)] + [(0, 0)] * len(lanes))
    taps = even.reshape(outputs, rows, -1, TOGETHER, *lanes)
    return np.ascontiguousarray(np.moveaxis(taps, 3, 1))
