"""Float32 numbers, taken apart into numbers of bfloat16: what AMX multiplies of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from tvm import tirx
from tvm.ir import Expr

from zcc.compiler.backends.cpu.kernels.amx_registers import LANES
from zcc.compiler.backends.cpu.kernels.vector import as_type, broadcast, named
from zcc.compiler.ir.tensors import Array
from zcc.runtime.split_weights import PIECES, SplitWeights
from zcc.runtime.split_winograd_weights import SplitWinogradWeights

InPieces = SplitWeights | SplitWinogradWeights
HIGH, SHIFT = 0xFFFF0000, 16  # of a float32: the bits that bfloat16 keeps, and how many it does not


def shape_in_pieces(order: InPieces) -> tuple[int, ...]:
    """The shape that kernels have the weights in: those of a word are lanes beside each other."""
    *outer, filled, word = order.made_shape
    return (*outer, filled * word)


def in_pieces(dense: Array, order: InPieces) -> Array:
    """Weights in pieces, as the runtime makes them."""
    made = np.empty(order.made, np.float32)
    order.fill(np.ascontiguousarray(dense, np.float32), made)
    return made.view(np.uint16).reshape(shape_in_pieces(order))


def words_of(values: Sequence[Expr]) -> list[Expr]:
    """For each piece, that of the first value in the low half of a word, and of the second in the high one."""
    left, words = list(values), []
    for _ in range(PIECES):
        bits = [named(bits_of(value) & in_each(HIGH)) for value in left]
        left = [named(value - as_type(str(value.ty.dtype), high)) for value, high in zip(left, bits, strict=True)]
        low = tirx.shift_right(bits[0], in_each(SHIFT))
        words.append(low if len(bits) == 1 else low | bits[1])
    return words


def bits_of(value: Expr) -> Expr:
    """The bits of a vector of floats."""
    return as_type(f"uint32x{LANES}", value)


def in_each(value: int) -> Expr:
    """The same bits in each lane of a vector."""
    return broadcast(tirx.const(value, "uint32"), LANES)
