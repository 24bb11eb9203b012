"""Softmax along rows, whatever their length, beside numpy's."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from zcc.compiler.backends.cpu.kernels.softmax import SoftmaxRows
from zcc.compiler.backends.cpu.program.single_kernel import compile_kernels
from zcc.compiler.backends.cpu.targets.table import native_target

SHAPES = ((7, 37), (3, 16), (5, 3), (1, 1))  # vectors and more, vectors alone, less than one, one share


def test_shares_of_rows(tmp_path: Path) -> None:
    kernels = compile_kernels([SoftmaxRows(*shape) for shape in SHAPES], native_target(), tmp_path)
    for shape, kernel in zip(SHAPES, kernels, strict=True):
        x = np.random.default_rng(5).normal(size=shape).astype(np.float32) * 30
        powers = np.exp(x.astype(np.float64) - x.max(axis=1, keepdims=True))
        out = np.full(shape, np.nan, np.float32)
        kernel(x, out)
        np.testing.assert_allclose(out, powers / powers.sum(axis=1, keepdims=True), atol=2e-6)
