"""Convolution of an image of float32 numbers in AMX's tile registers, in pieces of bfloat16.

Its planes have few channels, which a task brings side by side, so that a row of a tile register holds a row of taps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tvm import tirx

from zcc.compiler.backends.cpu.kernels.amx_choices import beside_vectors
from zcc.compiler.backends.cpu.kernels.amx_conv import AmxConv
from zcc.compiler.backends.cpu.kernels.amx_registers import LANES, LEVELS
from zcc.compiler.backends.cpu.kernels.conv_loops import ConvGeometry
from zcc.compiler.backends.cpu.kernels.pack_image import GREY_LEVELS
from zcc.compiler.backends.cpu.kernels.pieces import in_pieces, shape_in_pieces
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit
from zcc.compiler.backends.cpu.kernels.split_conv import built
from zcc.compiler.backends.cpu.kernels.split_image_tile import SplitImagePlan, SplitImageTile
from zcc.compiler.ir.tensors import BFLOAT16, Array
from zcc.runtime.split_weights import TOGETHER, SplitWeights

MOST_CHANNELS = 4


def splits_image(x: Slab, unit: VectorUnit) -> bool:
    """Whether a unit multiplies pieces of an image's numbers, and the image has so few channels, each in its plane."""
    few = x.lanes == 1 and x.blocks <= MOST_CHANNELS and x.width >= LANES
    return LEVELS.dtype in unit.amx and few and x.dtype == "float32"


@dataclass(frozen=True)
class SplitImageConv(AmxConv):
    """A dense convolution of an image's planes; `x` includes the border that the taps reach.

    Parameters: x, weight as `pack` makes it, bias, the operands of the stages, out.
    """

    word = "split_conv"
    per_word = TOGETHER

    @property
    def geometry(self) -> ConvGeometry:
        """What is summed: pixels with their channels side by side."""
        lanes = -(-self.x.blocks // TOGETHER) * TOGETHER
        pixels = Slab.dense(1, self.x.height, self.x.width, lanes, BFLOAT16)
        return ConvGeometry(pixels, self.out, self.kernel, self.stride, self.dilation, self.tile, self.per_word)

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """Output blocks, rows, pieces, words of a row's taps, output lanes x 2."""
        pieces, words, lanes = shape_in_pieces(self.expansion)[-3:]
        return (self.out.blocks, self.kernel[0], pieces, words, lanes)

    def pack(self, dense: Array) -> Array:
        """The weights in pieces."""
        return in_pieces(self.stored(dense), self.expansion).reshape(self.weight_shape)

    @property
    def expansion(self) -> SplitWeights:
        """How they are made of what is stored: of each row of taps, as if its words were channels of two blocks."""
        words = self.kernel[1] * self.geometry.x.lanes // TOGETHER
        return SplitWeights((self.out.blocks * self.kernel[0], TOGETHER, 1, 1, words, self.out.lanes))

    def stored(self, dense: Array) -> Array:
        """The weights in 255ths, row by row: the first channels of all words, then the second ones."""
        odd = self.geometry.x.lanes - self.x.blocks
        even = np.pad(dense[:, :, :, :, 0] / np.float32(GREY_LEVELS), [(0, 0), (0, odd)] + [(0, 0)] * 3)
        outputs, channels, rows, columns, lanes = even.shape
        words = even.reshape(outputs, channels // TOGETHER, TOGETHER, rows, columns, lanes)
        return np.ascontiguousarray(words.transpose(0, 3, 2, 4, 1, 5)).reshape(self.expansion.shape)

    def beside(self, forms: Sequence[Any], unit: VectorUnit) -> Sequence[Any]:
        """Its tiles in tile registers, and forms in vector units; first those that are expected to be quicker."""
        return beside_vectors(self.geometry, unit, LEVELS, forms, SplitImagePlan)

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """The tile's sums, then its stages and stores."""
        geometry = self.geometry
        plan = SplitImagePlan(geometry, LEVELS, unit.threads)
        return built(self, lambda x, weight, bias: SplitImageTile(geometry, plan, x, weight, bias, self.x))
