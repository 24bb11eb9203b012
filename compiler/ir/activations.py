"""Elementwise functions of one map, by name: one row each. Each backend says how it computes a row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from zcc.compiler.ir.tensors import Array

Branch = tuple[tuple[str, tuple[Any, ...]], ...]  # functions by name and parameters, one behind another
OPERATORS = {"add": np.add, "subtract": np.subtract, "multiply": np.multiply}


@dataclass(frozen=True)
class Function:
    """What a name means."""

    of: Callable[..., Array]
    written_out: bool = False  # whether files may spell it in other operators, and are then recognised
    after_integers: bool = True  # whether it may follow an integer sum: what it rounds to is defined for every backend


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def _hard_sigmoid(x: Array) -> Array:
    return np.clip(x / 6 + 0.5, 0, 1)


def evaluate(branch: Branch, x: Array) -> Array:
    """The functions of a branch, one behind another."""
    for name, parameters in branch:
        x = ACTIVATIONS[name].of(x, *parameters)
    return x


def _fork(x: Array, operator: str, left: Branch, right: Branch) -> Array:
    return np.asarray(OPERATORS[operator](evaluate(left, x), evaluate(right, x)))


ACTIVATIONS: dict[str, Function] = {
    "sigmoid": Function(_sigmoid, written_out=True),
    "silu": Function(lambda x: x * _sigmoid(x), written_out=True),
    "hard_sigmoid": Function(_hard_sigmoid, written_out=True),
    "hard_swish": Function(lambda x: x * _hard_sigmoid(x), written_out=True),
    "relu": Function(lambda x: np.maximum(x, 0)),
    "leaky_relu": Function(lambda x, slope: np.where(x > 0, x, slope * x)),
    "clip": Function(np.clip),
    "at_least": Function(np.maximum),
    "at_most": Function(np.minimum),
    "scale": Function(np.multiply),
    "shift": Function(np.add),
    "abs": Function(np.abs),
    "tanh": Function(np.tanh),
    "exp": Function(np.exp, after_integers=False),
    "fork": Function(_fork, after_integers=False),
}
