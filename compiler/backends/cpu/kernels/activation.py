"""Elementwise functions as TIR expressions that vectorise: no call into libm survives.

exp is a range reduction and a polynomial of degree six (Cephes' coefficients): relative error at most 2e-7 on
[-87, 88], clamped outside. sigmoid and SiLU are made of a cheaper power of two: relative error at most 2e-6 on
[-20, 20] and absolute error 1e-6 beyond. tests/compiler/backends/cpu/kernels/test_activation.py holds these bounds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tvm import tirx
from tvm.ir import Expr

LOG2E = 1.44269504088896341
LN2_HIGH, LN2_LOW = 0.693359375, -2.12194440e-4
EXP_LOW, EXP_HIGH = -87.3, 88.3
EXP_POLYNOMIAL = (
    1.9875691500e-4,
    1.3981999507e-3,
    8.3334519073e-3,
    4.1665795894e-2,
    1.6666665459e-1,
    5.0000001201e-1,
)
# 2**f on [-1/2, 1/2], fitted for the smallest relative error: 8e-8.
POWER_POLYNOMIAL = (
    1.3267266838e-03,
    9.6754623104e-03,
    5.5507416995e-02,
    2.4022121690e-01,
    6.9314694972e-01,
    1.0000000710e00,
)
POWER_LIMIT = 126.0
# Added to a number of few digits before the point, it leaves the nearest whole one in the last bits of the sum.
ROUNDER = 1.5 * 2**23


def f32(value: float) -> Expr:
    """A float32 constant."""
    return tirx.const(value, "float32")


def bound(name: str, value: Expr, body: Callable[[Expr], Expr]) -> Expr:
    """`body` of `value`, evaluated once."""
    variable = tirx.Var(name, value.ty)
    return tirx.Let(variable, value, body(variable))


def exp(x: Expr) -> Expr:
    """e**x as straight-line arithmetic."""

    def reduced(clamped: Expr) -> Expr:
        return bound("n", tirx.floor(clamped * f32(LOG2E) + f32(0.5)), lambda n: scaled(clamped, n))

    def scaled(clamped: Expr, n: Expr) -> Expr:
        remainder = clamped - n * f32(LN2_HIGH) - n * f32(LN2_LOW)
        power = tirx.reinterpret("float32", tirx.shift_left(tirx.Cast("int32", n) + 127, tirx.const(23, "int32")))
        return bound("r", remainder, polynomial) * power

    def polynomial(r: Expr) -> Expr:
        total = f32(EXP_POLYNOMIAL[0])
        for coefficient in EXP_POLYNOMIAL[1:]:
            total = total * r + f32(coefficient)
        return total * r * r + r + f32(1.0)

    return bound("c", tirx.max(tirx.min(x, f32(EXP_HIGH)), f32(EXP_LOW)), reduced)


def power_of_two(t: Expr) -> Expr:
    """2**t for t within a float's exponents: what sigmoids are made of, where exp's last digit does not show."""

    def split(n: Expr) -> Expr:
        return bound("f", t - n, lambda f: scaled(f, n))

    def scaled(f: Expr, n: Expr) -> Expr:
        total = f32(POWER_POLYNOMIAL[0])
        for coefficient in POWER_POLYNOMIAL[1:]:
            total = total * f + f32(coefficient)
        exponent = tirx.shift_left(tirx.Cast("int32", n), tirx.const(23, "int32"))
        return tirx.reinterpret("float32", tirx.reinterpret("int32", total) + exponent)

    return bound("n", tirx.floor(t + f32(0.5)), split)


def _denominator(x: Expr) -> Expr:
    """1 + e**-x."""
    t = tirx.max(tirx.min(x * f32(-LOG2E), f32(POWER_LIMIT)), f32(-POWER_LIMIT))
    return f32(1.0) + bound("t", t, power_of_two)


def sigmoid(x: Expr) -> Expr:
    """1 / (1 + e**-x)."""
    return f32(1.0) / _denominator(x)


def silu(x: Expr) -> Expr:
    """x * sigmoid(x)."""
    return bound("x", x, lambda v: v / (f32(1.0) + _power_of_minus(v)))


def _power_of_minus(x: Expr) -> Expr:
    """e**-x in fewer instructions than `power_of_two` has, whose last bits other processors repeat.

    For eight values with AVX2 (Zen 4, one thread) SiLU took 1.9 ns instead of 2.2 so, behind 1x1 2.8 instead of 3.0.
    Pairs of coefficients that do not wait for each other made it 2.3 or 4.1, by where the stack lies: they spill.
    """
    limit = f32(POWER_LIMIT / LOG2E)

    def rounded(held: Expr) -> Expr:
        return bound("s", held * f32(-LOG2E) + f32(ROUNDER), lambda s: split(held, s))

    def split(held: Expr, s: Expr) -> Expr:
        exponent = tirx.shift_left(tirx.reinterpret("int32", s), tirx.const(23, "int32"))
        return bound("f", held * f32(-LOG2E) - (s - f32(ROUNDER)), lambda f: scaled(f, exponent))

    def scaled(f: Expr, exponent: Expr) -> Expr:
        total = f32(POWER_POLYNOMIAL[0])
        for coefficient in POWER_POLYNOMIAL[1:]:
            total = total * f + f32(coefficient)
        return tirx.reinterpret("float32", tirx.reinterpret("int32", total) + exponent)

    return bound("h", tirx.max(tirx.min(x, limit), f32(0.0) - limit), rounded)


def relu(x: Expr) -> Expr:
    """max(x, 0)."""
    return tirx.max(x, f32(0.0))


def leaky_relu(x: Expr, slope: float) -> Expr:
    """x where positive, slope * x elsewhere."""
    return bound("x", x, lambda v: tirx.max(v, f32(0.0)) + tirx.min(v, f32(0.0)) * f32(slope))


def clip(x: Expr, low: float, high: float) -> Expr:
    """x held between low and high."""
    return tirx.max(tirx.min(x, f32(high)), f32(low))


def tanh(x: Expr) -> Expr:
    """1 - 2 / (1 + e**2x)."""
    return f32(1.0) - f32(2.0) / _denominator(x * f32(-2.0))


def hard_sigmoid(x: Expr) -> Expr:
    """clip(x / 6 + 1 / 2, 0, 1)."""
    return clip(x * f32(1 / 6) + f32(0.5), 0.0, 1.0)


def hard_swish(x: Expr) -> Expr:
    """x * hard_sigmoid(x)."""
    return bound("x", x, lambda v: v * hard_sigmoid(v))


def fork(x: Expr, operator: str, left: Branch, right: Branch) -> Expr:
    """The operator between two functions of x, each a chain of activations."""
    return bound("x", x, lambda v: OPERATORS[operator](_chain(v, left), _chain(v, right)))


def _chain(x: Expr, branch: Branch) -> Expr:
    for name, parameters in branch:
        x = ACTIVATIONS[name](x, *parameters)
    return x


Branch = tuple[tuple[str, tuple[Any, ...]], ...]  # activations by name and parameters, one behind another

OPERATORS: dict[str, Callable[[Expr, Expr], Expr]] = {
    "add": lambda left, right: left + right,
    "subtract": lambda left, right: left - right,
    "multiply": lambda left, right: left * right,
}

ACTIVATIONS: dict[str, Callable[..., Expr]] = {
    "sigmoid": sigmoid,
    "silu": silu,
    "relu": relu,
    "leaky_relu": leaky_relu,
    "clip": clip,
    "hard_sigmoid": hard_sigmoid,
    "hard_swish": hard_swish,
    "tanh": tanh,
    "exp": exp,
    "abs": lambda x: bound("x", x, lambda v: tirx.max(v, f32(0.0) - v)),
    "at_least": lambda x, low: tirx.max(x, f32(low)),
    "at_most": lambda x, high: tirx.min(x, f32(high)),
    "scale": lambda x, factor: x * f32(factor),
    "shift": lambda x, distance: x + f32(distance),
    "fork": fork,
}
