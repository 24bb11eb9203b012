"""What the tiles of convolutions have in common: the maps, the taps, and the loops over all tiles.

Tasks are (group of output blocks, output row) pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from tvm import tirx
from tvm.ir import Expr
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.choices import Sums, Tile
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.vector import named
from zcc.compiler.ir.tensors import Array

# Gets a vector when it is computed, and may emit something else before the next.
Between = Callable[[Expr], Expr]


def at_once(value: Expr) -> Expr:
    """Nothing between vectors."""
    return value


class Finish(Protocol):
    """Makes results of sums."""

    def __call__(self, sums: Callable[[int], list[Expr]], place: Sequence[Any], between: Between = at_once) -> None:
        """Gets the sums of a block of the tile, by its number, and where the tile begins: block, row, column."""
        ...


@dataclass(frozen=True)
class ConvGeometry:
    """What is summed: maps, taps and tile; `x` includes the border that the taps reach."""

    x: Slab
    out: Slab
    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    tile: Sums
    per_word: int  # input channels in a word

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """Output blocks, input blocks, rows, columns, words of input lanes, output lanes x channels of a word."""
        words = self.x.lanes // self.per_word
        return (self.out.blocks, self.x.blocks, *self.kernel, words, self.out.lanes * self.per_word)

    def first_column(self, tile: Any) -> Any:
        """Where a tile begins; the last one overlaps its neighbour when it must."""
        columns = self.tile.columns
        exact = self.out.width % columns == 0
        return tile * columns if exact else tirx.min(tile * columns, self.out.width - columns)

    def in_map(self, row: Any, column: Any) -> tuple[Any, Any]:
        """Where in the map a row and a column of its own are."""
        return row, column

    def halves(self, pair: Any, row: Any, column: Any, blocks: int) -> list[list[Any]]:
        """Where the two numbers of a word are, by block, row and column; of an odd block, the last comes twice."""
        at = self.in_map(row, column)
        return [[pair * 2, *at], [tirx.min(pair * 2 + 1, blocks - 1), *at]]

    def fits(self, columns: int) -> bool:
        """Whether tiles may have so many columns."""
        return columns <= self.out.width

    def task(self, number: Any) -> tuple[Any, Any]:
        """A task's group of output blocks, and its row."""
        groups = self.out.blocks // self.tile.blocks
        if isinstance(self.tile, Tile) and self.tile.rows_first:
            return tirx.floormod(number, groups), tirx.floordiv(number, groups)
        return tirx.floordiv(number, self.out.height), tirx.floormod(number, self.out.height)


def in_words(dense: Array, per_word: int) -> Array:
    """Weights with the input channels of a word beside each other, from [..., input lanes, output lanes]."""
    *outer, lanes, filled = dense.shape
    words = dense.reshape(*outer, lanes // per_word, per_word, filled)
    return np.ascontiguousarray(words.swapaxes(-1, -2)).reshape(*words.shape[:-2], filled * per_word)


def each_tile(geometry: ConvGeometry) -> Iterator[tuple[Any, Any, Any]]:
    """Once, inside the loops over all tiles: a tile's first block, its row and its first column."""
    out, tile = geometry.out, geometry.tile
    tasks = out.blocks // tile.blocks * out.height
    with T.parallel(0, tasks) as number, T.serial(0, -(-out.width // tile.columns)) as index:
        group, row = geometry.task(number)
        yield named(group * tile.blocks), row, named(geometry.first_column(index))
