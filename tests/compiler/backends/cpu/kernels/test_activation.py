"""The error bounds that activation.py states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tvm
from numpy.typing import NDArray
from tvm import ir
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels import activation
from zcc.compiler.backends.cpu.kernels.spec import building
from zcc.compiler.backends.cpu.targets.table import native_target

LANES, ROWS = 16, 4096


def evaluate(function: Callable[..., Any], x: NDArray[np.float32]) -> NDArray[np.float32]:
    """The function of every element, computed in vectors."""
    with building("evaluate") as kernel:
        source = T.arg("source", T.Buffer((ROWS, LANES), "float32"))
        result = T.arg("result", T.Buffer((ROWS, LANES), "float32"))
        with T.grid(ROWS) as row, T.vectorized(0, LANES) as lane:
            T.buffer_store(result, function(source[row, lane]), [row, lane])
    library = tvm.compile(ir.IRModule({"main": kernel.function}), target=native_target().tvm_target())
    output = tvm.runtime.tensor(np.zeros((ROWS, LANES), np.float32))
    library["main"](tvm.runtime.tensor(x), output)
    return np.asarray(output.numpy())


def spread(low: float, high: float) -> NDArray[np.float32]:
    return np.linspace(low, high, ROWS * LANES, dtype=np.float32).reshape(ROWS, LANES)


def true_sigmoid(x: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-x.astype(np.float64))))


def test_exp_is_exact_to_two_ulps() -> None:
    x = spread(-87, 88)
    expected = np.exp(x.astype(np.float64))
    assert np.abs(evaluate(activation.exp, x) / expected - 1).max() <= 2e-7


def test_exp_saturates() -> None:
    x = spread(-1e4, 1e4)
    y = evaluate(activation.exp, x)
    assert np.isfinite(y).all() and (y >= 0).all()
    assert (np.diff(y.ravel()) >= 0).all()


@pytest.mark.parametrize("name", ["sigmoid", "silu"])
def test_gates_keep_their_bounds(name: str) -> None:
    near, far = spread(-20, 20), spread(-3e4, 3e4)
    factor = {"sigmoid": lambda x: 1.0, "silu": lambda x: x.astype(np.float64)}[name]
    function = activation.ACTIVATIONS[name]
    expected = factor(near) * true_sigmoid(near)
    assert np.abs(evaluate(function, near) - expected).max() <= 2e-6 * np.abs(expected).max()
    relative = np.abs(evaluate(function, near) - expected) / np.maximum(np.abs(expected), 1e-12)
    assert relative.max() <= 2e-6
    with np.errstate(over="ignore"):
        beyond = factor(far) * true_sigmoid(far)
    assert (np.abs(evaluate(function, far) - beyond) <= 1e-6 + 1e-6 * np.abs(beyond)).all()


@pytest.mark.parametrize(
    ("name", "parameters", "reference"),
    [
        ("relu", (), lambda x: np.maximum(x, 0)),
        ("leaky_relu", (0.1,), lambda x: np.where(x > 0, x, np.float32(0.1) * x)),
        ("clip", (0.0, 6.0), lambda x: np.clip(x, 0, 6)),
        ("hard_sigmoid", (), lambda x: np.clip(x / 6 + 0.5, 0, 1)),
        ("hard_swish", (), lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
    ],
)
def test_others_equal_their_definition(
    name: str, parameters: tuple[float, ...], reference: Callable[[NDArray[np.float32]], NDArray[np.float32]]
) -> None:
    x = spread(-9, 9)
    y = evaluate(lambda value: activation.ACTIVATIONS[name](value, *parameters), x)
    np.testing.assert_allclose(y, reference(x), rtol=1e-6, atol=1e-6)
