"""The pieces of an axis on which every condition of an elementwise function is constant.

TVM writes a concatenation as a chain of conditions on an index, asked anew for every element, and a reshape as
divisions of an index. Between two places where a condition changes it is constant, and goes away; where the extent of a
piece is a multiple of the divisors, loops over quotient and remainder make the divisions go, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import tvm_ffi
from numpy.typing import NDArray
from tvm import ir, tirx

Values = NDArray[np.int64]
Environment = dict[Any, Values]  # what index variables range over

MOST_TURNS = 16  # a condition that turns more often is no concatenation

BINARY: dict[Any, Callable[[Values, Values], Values]] = {
    tirx.Add: np.add,
    tirx.Sub: np.subtract,
    tirx.Mul: np.multiply,
    tirx.FloorDiv: np.floor_divide,
    tirx.FloorMod: np.mod,
    tirx.Min: np.minimum,
    tirx.Max: np.maximum,
    tirx.LT: np.less,
    tirx.LE: np.less_equal,
    tirx.GT: np.greater,
    tirx.GE: np.greater_equal,
    tirx.EQ: np.equal,
    tirx.NE: np.not_equal,
    tirx.And: np.logical_and,
    tirx.Or: np.logical_or,
}


def evaluate(expr: Any, environment: Environment) -> Values | None:
    """An integer or boolean expression over whole ranges of its variables; None when it holds anything else."""
    if isinstance(expr, int | tirx.IntImm):
        return np.asarray(int(expr))
    if isinstance(expr, tirx.Not):
        inner = evaluate(expr.a, environment)
        return None if inner is None else np.logical_not(inner)
    if isinstance(expr, tirx.Cast):
        return evaluate(expr.value, environment)
    if type(expr) in BINARY:
        left, right = evaluate(expr.a, environment), evaluate(expr.b, environment)
        return None if left is None or right is None else BINARY[type(expr)](left, right)
    return next((values for variable, values in environment.items() if expr.same_as(variable)), None)


def is_choice(expr: Any) -> bool:
    """Whether the expression is one of two by a condition."""
    return isinstance(expr, tirx.Select) or getattr(getattr(expr, "op", None), "name", None) == "prim.if_then_else"


def alternatives(expr: Any) -> tuple[Any, Any, Any]:
    """The condition of a choice, and what is chosen."""
    if isinstance(expr, tirx.Select):
        return expr.condition, expr.true_value, expr.false_value
    condition, yes, no = expr.args
    return condition, yes, no


def parts_of(expr: Any, wanted: Callable[[Any], bool]) -> Iterator[Any]:
    """All expressions inside `expr` that are wanted."""
    found: list[Any] = []
    tvm_ffi.structural_walk(expr, lambda node: found.append(node) if wanted(node) else None)
    return iter(found)


def turns(values: Values, begin: int) -> list[int]:
    """Where a sequence that begins at `begin` has another value than just before."""
    return [begin + 1 + int(index) for index in np.flatnonzero(values[1:] != values[:-1])]


def pieces(value: Any, variable: Any, begin: int, end: int) -> list[tuple[int, int]]:
    """The range of a variable in pieces on which every condition on it alone is constant."""
    points = {begin, end}
    for choice in parts_of(value, is_choice):
        for condition in _conjuncts(alternatives(choice)[0]):
            outcome = evaluate(condition, {variable: np.arange(begin, end)})
            if outcome is not None and outcome.ndim and len(turns(outcome, begin)) <= MOST_TURNS:
                points.update(turns(outcome, begin))
    return list(pairwise(sorted(points)))


def _conjuncts(condition: Any) -> Iterator[Any]:
    if isinstance(condition, tirx.And | tirx.Or):
        yield from _conjuncts(condition.a)
        yield from _conjuncts(condition.b)
    else:
        yield condition


def decided(value: Any, environment: Environment) -> Any:
    """The expression without the choices that always fall the same way where its variables range."""

    def choose(node: Any) -> Any:
        if not is_choice(node):
            return node
        condition, yes, no = alternatives(node)
        outcome = evaluate(condition, environment)
        if outcome is None or outcome.min() != outcome.max():
            return node
        return yes if outcome.min() else no

    return tvm_ffi.structural_map(value, choose)


def factors(value: Any, variable: Any, extent: int) -> list[int]:
    """Extents of nested loops over a piece, such that divisions of the variable come out even."""

    def divides(node: Any) -> bool:
        return isinstance(node, tirx.FloorDiv | tirx.FloorMod) and isinstance(node.b, tirx.IntImm)

    def holds(node: Any) -> bool:
        return any(True for _ in parts_of(node.a, lambda part: isinstance(part, ir.Var) and part.same_as(variable)))

    split = [1]
    for divisor in sorted({int(node.b) for node in parts_of(value, divides) if holds(node)}):
        if split[-1] < divisor < extent and extent % divisor == 0 and divisor % split[-1] == 0:
            split.append(divisor)
    return [outer // inner for inner, outer in pairwise([*split, extent])][::-1]
