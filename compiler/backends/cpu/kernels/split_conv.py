"""Convolution of float32 numbers in AMX's tile registers: each as three numbers of bfloat16.

A float32 is the sum of three bfloat16 numbers: its first eight digits, the eight behind them, and the last eight. Of
the nine products of two such numbers the six largest are summed, in float32; those that are left out are below the
last digit of the product. The sums are as close to double precision as multiply-adds in float32 make them, and closer
than Winograd's way does.

A task takes the rows apart that it reads. What the runtime makes of the weights when it loads them is in
zcc/runtime/split_weights.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tvm import tirx
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.amx_choices import beside_vectors
from zcc.compiler.backends.cpu.kernels.amx_conv import AmxConv
from zcc.compiler.backends.cpu.kernels.amx_registers import LANES, SPLIT
from zcc.compiler.backends.cpu.kernels.choices import AmxChoice
from zcc.compiler.backends.cpu.kernels.conv_loops import ConvGeometry
from zcc.compiler.backends.cpu.kernels.float_stages import finishing
from zcc.compiler.backends.cpu.kernels.joined_rows import join_rows
from zcc.compiler.backends.cpu.kernels.paired_columns import pair_columns, pair_taps, pairs_columns
from zcc.compiler.backends.cpu.kernels.pieces import in_pieces, shape_in_pieces
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit, building
from zcc.compiler.backends.cpu.kernels.split_plan import SplitPlan
from zcc.compiler.backends.cpu.kernels.split_tile import SplitTile
from zcc.compiler.backends.cpu.kernels.split_winograd_choices import split_winograd_choices
from zcc.compiler.backends.cpu.kernels.winograd_choices import AmxWinogradChoice, WinogradChoice
from zcc.compiler.backends.cpu.kernels.woven_tile import WovenTile
from zcc.compiler.ir.tensors import BFLOAT16, Array
from zcc.runtime.split_weights import TOGETHER, SplitWeights

BESIDE_WINOGRAD = 0.4  # what `SPLIT.beside` is where vector units have Winograd's way of stride 1


def splits(x: Slab, unit: VectorUnit) -> bool:
    """Whether a unit multiplies pieces of a map's numbers, and a tile register's row is two blocks of them."""
    return SPLIT.dtype in unit.amx and x.lanes == LANES and x.dtype == "float32"


@dataclass(frozen=True)
class SplitConv(AmxConv):
    """A dense convolution; `x` includes the border that the taps reach.

    Parameters: x, weight as `expansion` makes it, bias, the operands of the stages, out.
    """

    word = "split_conv"
    per_word = TOGETHER

    @property
    def geometry(self) -> ConvGeometry:
        """What is summed: channels of two neighbouring blocks, or of columns, side by side."""
        x = self.x
        pairs = Slab.dense(-(-x.blocks // TOGETHER), x.height, x.width, TOGETHER * x.lanes, BFLOAT16)
        blocks = ConvGeometry(pairs, self.out, self.kernel, self.stride, self.dilation, self.tile, self.per_word)
        return pair_columns(blocks) if self._pairs_columns else blocks

    @property
    def _pairs_columns(self) -> bool:
        return pairs_columns(self.x.blocks, self.kernel, self.stride, self.dilation)

    @property
    def in_tiles(self) -> ConvGeometry:
        """The same with rows that fill tile registers; a form that these do not have takes the map's own."""
        joined = join_rows(self.geometry)
        fits = not isinstance(self.tile, AmxChoice) or joined.fits(self.tile.columns)
        return joined if fits else self.geometry

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """Output blocks, pairs of input blocks, rows, columns, pieces, words of input lanes, output lanes x 2."""
        return shape_in_pieces(self.expansion)

    def pack(self, dense: Array) -> Array:
        """The weights in pieces."""
        return in_pieces(self.stored(dense), self.expansion)

    @property
    def expansion(self) -> SplitWeights:
        """How the weights are made of those that are stored."""
        blocks = TOGETHER if self._pairs_columns else self.x.blocks
        return SplitWeights((self.out.blocks, blocks, *self.geometry.kernel, self.x.lanes, self.out.lanes))

    def stored(self, dense: Array) -> Array:
        """The dense weights, by pairs of taps where columns are paired."""
        return pair_taps(dense) if self._pairs_columns else dense

    def beside(self, forms: Sequence[Any], unit: VectorUnit) -> Sequence[Any]:
        """Its tiles in tile registers, and forms in vector units; first those that are expected to be quicker."""
        few = isinstance(forms[0], WinogradChoice) and self.winograd_stride == 1
        product = replace(SPLIT, beside=BESIDE_WINOGRAD) if few else SPLIT
        offered = beside_vectors(self.in_tiles, unit, product, forms, SplitPlan)
        found = self._by_winograd(unit)
        points = tuple(choice for _, choice in found)
        pays = bool(found) and self._winograd_pays(found[0][0], offered[0], unit)
        return (*points, *offered) if pays else (*offered, *points)

    def _by_winograd(self, unit: VectorUnit) -> Sequence[tuple[float, AmxWinogradChoice]]:
        fits = self.winograd_stride == 1 and self.x.lanes == self.out.lanes
        return split_winograd_choices(self.x, self.out, unit.threads) if fits else ()

    def _winograd_pays(self, cycles: float, best: Any, unit: VectorUnit) -> bool:
        """Where there are pairs of blocks beside Winograd's way in vector units, else by the cycles expected.

        With pairs it took 0.43 to 0.98 of the time for maps of YOLOv8n and YOLOv5s, by itself on a core of an Emerald
        Rapids; with one block, half of each pair is zeros, and it took 1.2 times as long.
        """
        if not isinstance(best, AmxChoice):
            return isinstance(best, WinogradChoice) and self.x.blocks >= TOGETHER
        out = self.out
        direct = SplitPlan(replace(self.in_tiles, tile=best), SPLIT, unit.threads).cycles() / unit.threads
        return cycles < direct * out.blocks * out.height * out.width

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """The tile's sums, then its stages and stores."""
        geometry = self.in_tiles
        plan = SplitPlan(geometry, SPLIT, unit.threads)
        return built(self, lambda x, weight, bias: SplitTile(geometry, plan, x, weight, bias, self.x.blocks))


def built(spec: AmxConv, tile: Callable[[Any, Any, Any], WovenTile]) -> tirx.PrimFunc:
    """The kernel of a convolution whose weights are in pieces, by the tile that x, weights and bias make."""
    with building(spec.name) as kernel:
        x = spec.x.argument("x")
        weight = T.arg("weight", T.Buffer(spec.weight_shape, BFLOAT16))
        bias = T.arg("bias", T.Buffer((spec.out.blocks, spec.out.lanes), "float32"))
        finish = finishing(spec, WovenTile.together)
        tile(x, weight, bias).emit(finish)
    return kernel.function
