"""What TIR has no words for: reductions across a vector's lanes, and a product that stays rounded."""

from __future__ import annotations

from tvm.script import tirx as T

from zcc.compiler.backends.cpu.frame.letterbox import Expr


def any_lane(condition: Expr) -> Expr:
    """Whether a vector of booleans has one that is true."""
    return T.call_llvm_pure_intrin("bool", "llvm.vector.reduce.or", condition)


def largest(values: Expr) -> Expr:
    """The largest float of a vector that holds no NaN."""
    return T.call_llvm_pure_intrin("float32", "llvm.vector.reduce.fmax", values)


def smallest(values: Expr) -> Expr:
    """The smallest integer of a vector."""
    return T.call_llvm_pure_intrin("int32", "llvm.vector.reduce.smin", values)


def rounded(value: Expr) -> Expr:
    """The value rounded to its type: LLVM may not fuse it into a sum, which would round differently."""
    return T.call_llvm_pure_intrin(value.ty, "llvm.arithmetic.fence", value)
