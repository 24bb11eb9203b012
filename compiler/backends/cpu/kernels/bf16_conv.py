"""Direct convolution of bfloat16 numbers, summed in fp32: by pairs, or by products of matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from tvm import tirx

from zcc.compiler.backends.cpu.kernels.bf16 import BF16, BFMMLA
from zcc.compiler.backends.cpu.kernels.choices import Tile
from zcc.compiler.backends.cpu.kernels.lane_conv import build_by_lanes
from zcc.compiler.backends.cpu.kernels.matrix_tile import REGISTER, WORD, matrix_choices
from zcc.compiler.backends.cpu.kernels.pair_conv import PairConv
from zcc.compiler.backends.cpu.kernels.pairs import PairNumbers
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit
from zcc.compiler.backends.cpu.kernels.tiled_conv import TiledConv


@dataclass(frozen=True)
class Bf16Conv(PairConv):
    """The convolution of maps stored as uint16."""

    word = "bf16_conv"
    numbers: ClassVar[PairNumbers] = BF16


@dataclass(frozen=True)
class Bf16MatrixConv(TiledConv):
    """The same by products of matrices; maps may have any block of whole words of channels."""

    word = "bf16_conv"

    def choices(self, unit: VectorUnit) -> Sequence[Tile]:
        """Tiles that may be the quickest, in both orders of tasks."""
        return matrix_choices(self.out, unit, min(self.x.lanes, REGISTER // BFMMLA.item) * BFMMLA.item // WORD)

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """The tile's sums, then its stages and stores."""
        return build_by_lanes(self, unit)
