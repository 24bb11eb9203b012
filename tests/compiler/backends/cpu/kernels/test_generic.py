"""Functions that no template fits: products of matrices of any size, and functions that several kernels share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tvm import te, tirx

from zcc.compiler.backends.cpu.kernels.generic import GenericKernel
from zcc.compiler.backends.cpu.program.single_kernel import compile_kernels
from zcc.compiler.backends.cpu.targets.table import native_target


def product(rows: int, inner: int, columns: int, *batch: int) -> tirx.PrimFunc:
    """A product of matrices, or several."""
    left = te.placeholder((*batch, rows, inner), name="left")
    right = te.placeholder((*batch, inner, columns), name="right")
    k = te.reduce_axis((0, inner), "k")

    def total(*at: Any) -> Any:
        *which, row, column = at
        return te.sum(left(*which, row, k) * right(*which, k, column), axis=k)

    return te.create_prim_func([left, right, te.compute((*batch, rows, columns), total, name="out")])


@pytest.mark.parametrize(
    "shape",
    [
        (300, 37, 64),  # rows in groups and vectors in pairs
        (42, 9, 80),  # five vectors of the widest
        (30, 8, 60, 2),  # a last axis of four lanes' vectors
        (7, 5, 33),  # one that vectors do not divide
        (1, 5, 16),
    ],
)
def test_products_of_matrices(shape: tuple[int, ...], tmp_path: Path) -> None:
    rows, inner, columns, *batch = shape
    random = np.random.default_rng(5)
    left, right = (random.normal(size=(*batch, *size)).astype(np.float32) for size in ((rows, inner), (inner, columns)))
    out = np.full((*batch, rows, columns), np.nan, np.float32)
    (kernel,) = compile_kernels([GenericKernel(product(*shape), "product")], native_target(), tmp_path)
    kernel(left, right, out)
    np.testing.assert_allclose(out, left @ right, rtol=1e-4, atol=1e-4)


def test_a_function_that_two_kernels_share_is_not_changed_by_scheduling_it() -> None:
    function = product(12, 8, 32)
    before = str(function)
    unit = native_target().unit
    built = [str(GenericKernel(function, "product").build(unit)) for _ in range(2)]
    assert built[0] == built[1] and str(function) == before
