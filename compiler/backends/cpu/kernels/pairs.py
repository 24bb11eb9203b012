"""What a convolution of pairs knows about its numbers of 16 bits: how maps store them, and what multiplies them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from tvm.ir import Expr

from zcc.compiler.backends.cpu.kernels.dot_tile import Dot
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit

PAIR = 2  # input channels of one step
LANES = 16


@dataclass(frozen=True)
class PairNumbers:
    """A format whose numbers are multiplied in pairs and summed in fp32."""

    name: str  # for people
    dtype: str  # what AMX's products call it
    stored: str  # the type of its maps
    computed: Callable[[VectorUnit], bool]  # whether a unit multiplies it so
    widened: Callable[[Expr], Expr]  # stored numbers as floats, exactly
    rounded: Callable[[Sequence[Expr]], Expr]  # vectors of floats as stored numbers, the nearest ones, ties to even
    together: int  # vectors that are rounded at once, at most
    dot: Dot | None = None  # how the vector units multiply pairs, where they do
    instructions: Callable[[], AbstractContextManager[None]] = nullcontext  # around what calls any of these
