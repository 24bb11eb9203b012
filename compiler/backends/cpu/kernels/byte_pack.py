"""Four vectors of floats to one of bytes: rounded to the nearest, ties to even, shifted by a zero point, saturated.

x86 packs with saturation, two vectors into one of half the width, within each 128 bits; a shuffle of words at the end
puts the four vectors one behind the other. NEON narrows with saturation, a vector into half of one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tvm import tirx
from tvm.ir import Expr

from zcc.compiler.backends.cpu.kernels.byte_dot import X86_DOTS
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit
from zcc.compiler.backends.cpu.kernels.vector import as_type, lanes_of, llvm

VECTORS = 4
CURRENT_ROUNDING = 4  # the processor's mode, which is to the nearest


def _round_whole_register(value: Expr) -> Expr:
    kept = tirx.Broadcast(tirx.const(0, "int32"), 16)
    arguments = (value, kept, tirx.const(-1, "int16"), tirx.const(CURRENT_ROUNDING, "int32"))
    return llvm("int32x16", "llvm.x86.avx512.mask.cvtps2dq.512", *arguments)


ROUND: dict[int, Callable[[Expr], Expr]] = {
    4: lambda value: llvm("int32x4", "llvm.x86.sse2.cvtps2dq", value),
    8: lambda value: llvm("int32x8", "llvm.x86.avx.cvt.ps2dq.256", value),
    16: _round_whole_register,
}
HALVE = {
    4: ("llvm.x86.sse2.packssdw.128", "llvm.x86.sse2.packuswb.128"),
    8: ("llvm.x86.avx2.packssdw", "llvm.x86.avx2.packuswb"),
    16: ("llvm.x86.avx512.packssdw.512", "llvm.x86.avx512.packuswb.512"),
}
ADD_SATURATED = "llvm.sadd.sat"


def _pack_by_narrowing(values: Sequence[Expr], zero: Any) -> Expr:
    whole = [llvm("int32x4", "llvm.aarch64.neon.fcvtns", value) for value in values]
    short = [llvm("int16x4", "llvm.aarch64.neon.sqxtn", value) for value in whole]
    shifted = [llvm("int16x8", ADD_SATURATED, _joined(pair), zero) for pair in (short[:2], short[2:])]
    return _joined([llvm("uint8x8", "llvm.aarch64.neon.sqxtun", value) for value in shifted])


def _joined(pair: Sequence[Expr]) -> Expr:
    return tirx.Shuffle(list(pair), list(range(2 * lanes_of(pair[0]))))


def packs(unit: VectorUnit) -> bool:
    """Whether the unit has instructions for it."""
    return unit.by_lane or unit.dot in X86_DOTS


def pack_bytes(values: Sequence[Expr], zero: Any, unit: VectorUnit) -> Expr:
    """VECTORS vectors in steps, all below 2**31, as bytes; `zero` is the zero point in twice the lanes of int16."""
    return _pack_by_narrowing(values, zero) if unit.by_lane else _pack_within_parts(values, zero)


def _pack_within_parts(values: Sequence[Expr], zero: Any) -> Expr:
    lanes = lanes_of(values[0])
    to_short, to_byte = HALVE[lanes]
    whole = [ROUND[lanes](value) for value in values]
    short = [
        llvm(f"int16x{2 * lanes}", ADD_SATURATED, llvm(f"int16x{2 * lanes}", to_short, *pair), zero)
        for pair in (whole[:2], whole[2:])
    ]
    words = as_type(f"int32x{lanes}", llvm(f"int8x{4 * lanes}", to_byte, *short))
    order = [VECTORS * group + vector for vector in range(VECTORS) for group in range(lanes // 4)]
    return as_type(f"uint8x{4 * lanes}", tirx.Shuffle([words], order))
