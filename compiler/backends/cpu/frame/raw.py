"""What raw heads share: maps as the last convolutions leave them, and a threshold for logits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from tvm.script import tirx as T

from zcc.compiler.backends.cpu.frame.candidates import LOWEST
from zcc.compiler.backends.cpu.frame.inline import inline
from zcc.compiler.backends.cpu.frame.letterbox import Expr
from zcc.compiler.backends.cpu.kernels.slab import Slab

LN2 = 0.6931471805599453
SQRT_HALF_BITS = 0x3F3504F3
NEARLY_ONE = 1.0 - 2.0**-24  # the largest float32 below 1: its logit is finite


@dataclass(frozen=True)
class PackedMap:
    """A packed map of float32 inside memory that may hold others too."""

    slab: Slab
    offset: int  # elements before its first one

    @property
    def end(self) -> int:
        """Elements up to and with its last one."""
        slab = self.slab
        last = (slab.blocks - 1) * slab.plane + (slab.height - 1) * slab.pitch + slab.width * slab.lanes
        return self.offset + last

    def view(self, memory: Any) -> Any:
        """The map as a buffer [block, row, column, lane]."""
        slab = self.slab
        strides = [slab.plane, slab.pitch, slab.lanes, 1]
        return T.decl_buffer(slab.shape, "float32", data=memory.data, strides=strides, elem_offset=self.offset)


def extent(maps: Iterable[PackedMap]) -> int:
    """Elements of the memory that holds the maps."""
    return max(each.end for each in maps)


def channel(view: Any, number: Expr, y: Expr, x: Expr) -> Expr:
    """One channel of one place of a map."""
    lanes = int(view.ty.shape[-1])
    return view[T.floordiv(number, lanes), y, x, T.floormod(number, lanes)]


def ends(lengths: Sequence[int]) -> list[int]:
    """Where each of several ranges ends that lie one after another."""
    return list(accumulate(lengths))


@inline
def _branch(condition: Any, first: Any, second: Any) -> None:
    if condition:
        first()
    else:
        second()


def choose(value: Expr, limits: Sequence[int], write: Callable[[int], None], case: int = 0) -> None:
    """Run the statements that `write` gives for the range in which the value lies."""
    if case + 1 == len(limits):
        write(case)
    else:
        _branch(value < limits[case], lambda: write(case), lambda: choose(value, limits, write, case + 1))


def natural_log(x: Expr) -> Expr:
    """The natural logarithm of a positive normal float, to 1e-6: no call into libm."""
    bits = T.reinterpret("int32", x)
    exponent = (bits - SQRT_HALF_BITS) >> 23
    mantissa = T.reinterpret("float32", bits - (exponent << 23))
    t = (mantissa - T.float32(1)) / (mantissa + T.float32(1))
    series = T.float32(0)
    for power in (9, 7, 5, 3, 1):
        series = series * t * t + T.float32(2.0 / power)
    return T.cast(exponent, "float32") * T.float32(LN2) + series * t


def least_logit(conf: Expr) -> Expr:
    """A bound that every logit exceeds whose sigmoid exceeds `conf`; a little low, never too high."""
    score = T.max(T.min(conf, T.float32(NEARLY_ONE)), T.float32(1e-30))
    rest = T.float32(1) - score
    # A float32 sigmoid is off by an ulp, which is worth the more logits the closer it is to one.
    slack = T.float32(1e-4) + T.float32(1e-6) / rest
    return T.Select(conf > T.float32(0), natural_log(score) - natural_log(rest) - slack, T.float32(LOWEST))
