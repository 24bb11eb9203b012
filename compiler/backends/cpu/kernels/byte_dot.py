"""The dot product of four unsigned bytes with four signed ones, added to an int32: one step of an integer convolution.

The four x are one int32 for all lanes, the four weights of each lane are an int32 of their own, so a vector of
weights feeds as many output channels as a register has lanes. Every way gives the same integers; they differ in what
they ask of the processor, and in what they prepare once for the several products that share an operand.
"""

from __future__ import annotations

import operator
from functools import reduce
from typing import Any

import numpy as np
from tvm import tirx
from tvm.ir import Expr

from zcc.compiler.backends.cpu.kernels.dot_tile import Dot, Operands
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit
from zcc.compiler.backends.cpu.kernels.vector import as_type, broadcast, fence, in_all_lanes, lanes_of, llvm
from zcc.compiler.ir.short_sums import PAIR, fit

BYTES = 4  # input channels of one step
EVEN_BYTES = 0x00FF00FF
SIGN = 128  # what an unsigned byte is larger by than the signed one with another top bit
TOP_BITS = -0x7F7F7F80  # of four bytes, as an int32
VPDPBUSD = {lanes: f"llvm.x86.avx512.vpdpbusd.{32 * lanes}" for lanes in (4, 8, 16)}
PMADDUBSW = {
    4: "llvm.x86.ssse3.pmadd.ub.sw.128",
    8: "llvm.x86.avx2.pmadd.ub.sw",
    16: "llvm.x86.avx512.pmaddubs.w.512",
}
PMADDWD = {4: "llvm.x86.sse2.pmadd.wd", 8: "llvm.x86.avx2.pmadd.wd", 16: "llvm.x86.avx512.pmaddw.d.512"}


def _byte_vector(word: Expr, dtype: str) -> Expr:
    return as_type(f"{dtype}x{4 * lanes_of(word)}", word)


def _vnni_add(total: Expr, x: Operands, weight: Operands) -> Expr:
    """One instruction."""
    operands = _byte_vector(x[0], "uint8"), _byte_vector(weight[0], "int8")
    return llvm(total.ty, VPDPBUSD[lanes_of(total)], total, *operands)


def _halves(words: Expr) -> Expr:
    return as_type(f"int16x{2 * lanes_of(words)}", words)


def _madd_x(word: Expr, lanes: int) -> Operands:
    """Bytes 0 and 2, and bytes 1 and 3, as 16 bits each: products of bytes and of two of them fit a madd exactly."""
    even = tirx.const(EVEN_BYTES, "int32")
    odd = tirx.shift_right(word, tirx.const(8, "int32"))
    return tuple(_halves(broadcast(part & even, lanes)) for part in (word, odd))


def _madd_weight(words: Expr) -> Operands:
    eight = broadcast(tirx.const(8, "int16"), 2 * lanes_of(words))
    halves = _halves(words)
    return tirx.shift_right(tirx.shift_left(halves, eight), eight), tirx.shift_right(halves, eight)


def _madd_add(total: Expr, x: Operands, weight: Operands) -> Expr:
    for left, right in zip(x, weight, strict=True):
        total = total + llvm(total.ty, PMADDWD[lanes_of(total)], left, right)
    return total


def _short_add(total: Expr, x: Operands, weight: Operands) -> Expr:
    """The products of all words in 16 bits, then pairs of those in 32: right where the first are known to fit.

    The fence keeps LLVM from adding up what several steps bring before it touches a total: of all of a tile's totals
    at once, that takes more registers than there are.
    """
    shorts = f"int16x{2 * lanes_of(total)}"
    products = [
        llvm(shorts, PMADDUBSW[lanes_of(total)], _byte_vector(left, "uint8"), _byte_vector(right, "int8"))
        for left, right in zip(x, weight, strict=True)
    ]
    ones = broadcast(tirx.const(1, "int16"), 2 * lanes_of(total))
    return fence(total + llvm(total.ty, PMADDWD[lanes_of(total)], reduce(operator.add, products), ones))


def _plain_x(word: Expr, lanes: int) -> Operands:
    bytes_ = [tirx.shift_right(word, tirx.const(8 * index, "int32")) for index in range(4)]
    return tuple(broadcast(byte & tirx.const(255, "int32"), lanes) for byte in bytes_)


def _plain_weight(words: Expr) -> Operands:
    lanes = lanes_of(words)

    def shift(bits: int) -> Expr:
        return broadcast(tirx.const(bits, "int32"), lanes)

    return tuple(tirx.shift_right(tirx.shift_left(words, shift(24 - 8 * index)), shift(24)) for index in range(4))


def _plain_add(total: Expr, x: Operands, weight: Operands) -> Expr:
    for left, right in zip(x, weight, strict=True):
        total = total + left * right
    return total


def _same_x(word: Expr, lanes: int) -> Operands:
    return (in_all_lanes(word, lanes),)


def _signed_x(word: Expr, lanes: int) -> Operands:
    """The bytes less SIGN: another top bit makes them signed."""
    lanes_held, top_bits = lanes_of(word), tirx.const(TOP_BITS, "int32")
    flipped = word ^ (top_bits if lanes_held == 1 else broadcast(top_bits, lanes_held))
    return (in_all_lanes(flipped, lanes),)


def _same_weight(words: Expr) -> Operands:
    return (words,)


def _sdot_add(total: Expr, x: Operands, weight: Operands) -> Expr:
    """One instruction of NEON's, which takes the second operand from a lane where it can."""
    operands = _byte_vector(weight[0], "int8"), _byte_vector(x[0], "int8")
    return llvm(total.ty, "llvm.aarch64.neon.sdot", total, *operands)


def _smull_add(total: Expr, x: Operands, weight: Operands) -> Expr:
    """Products in 16 bits, neighbours of those in 32, and neighbours of these: exact for all bytes, on any NEON."""
    left, right = _byte_vector(weight[0], "int8"), _byte_vector(x[0], "int8")
    pairs = [
        llvm("int32x4", "llvm.aarch64.neon.saddlp", llvm("int16x8", "llvm.aarch64.neon.smull", *operands))
        for operands in (
            [half("int8x8", vector) for vector in (left, right)] for half in (tirx.vectorlow, tirx.vectorhigh)
        )
    ]
    return fence(total + llvm(total.ty, "llvm.aarch64.neon.addp", *pairs))


def _usdot_add(total: Expr, x: Operands, weight: Operands) -> Expr:
    """The same of unsigned and signed bytes: those that are unsigned come from a lane."""
    operands = _byte_vector(x[0], "uint8"), _byte_vector(weight[0], "int8")
    return llvm(total.ty, "llvm.aarch64.neon.usdot", total, *operands)


_MADD = Dot(_madd_x, _madd_weight, _madd_add, prepared=2)
# The ways of each kind of processor, the quickest first; the last is right for all weights.
BYTE_DOTS: dict[str, tuple[Dot, ...]] = {
    "": (Dot(_plain_x, _plain_weight, _plain_add, prepared=4),),
    "madd": (_MADD,),
    "maddubs": (*(Dot(_same_x, _same_weight, _short_add, short=words) for words in (2, 1)), _MADD),
    "vnni": (Dot(_same_x, _same_weight, _vnni_add),),
    "smull": (Dot(_signed_x, _same_weight, _smull_add, prepared=2, taken_off=SIGN),),
    "sdot": (Dot(_signed_x, _same_weight, _sdot_add, taken_off=SIGN, takes_lane=True),),
    "usdot": (Dot(_same_x, _same_weight, _usdot_add, takes_lane=True),),
}
ONE_INSTRUCTION = ("vnni", "sdot", "usdot")
X86_DOTS = ("madd", "maddubs", "vnni")  # those of processors with the permutations of kernels/curve.py as well


def short_words(unit: VectorUnit) -> int:
    """Of how many words the quickest way adds the products in 16 bits: what weights are chosen to fit."""
    return BYTE_DOTS[unit.dot][0].short


def fitting_words(weight: Any, unit: VectorUnit) -> int:
    """The most words whose products fit 16 bits together, for packed weights [..., words, output lanes x BYTES]."""
    return next(dot.short for dot in BYTE_DOTS[unit.dot] if not dot.short or _fits(weight, dot.short))


def _fits(weight: Any, words: int) -> bool:
    *outer, available, row = weight.shape
    if available % words:
        return False
    sums = weight.reshape(*outer, available // words, words, row // BYTES, BYTES // PAIR, PAIR)
    return fit(np.moveaxis(sums, -4, -2).reshape(-1, words * PAIR))
