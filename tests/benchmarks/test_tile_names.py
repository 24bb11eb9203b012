"""What benchmarks.tile_names times: steps whose products all count, in tiles that lie in memory here."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.tile_names import PRODUCT, ROW, STEPS, memory, names_of, products_of, steps_kernel
from tests.compiler.backends.cpu.kernels.emulated_tiles import COMPILER, emulated, tiles_in_memory
from zcc.compiler.backends.cpu.machine.peaks import compiled
from zcc.compiler.backends.cpu.targets.table import native_target

RUNS = 3


@pytest.mark.skipif(COMPILER is None, reason="a C compiler makes the tile registers")
@pytest.mark.parametrize("step", STEPS.values(), ids=list(STEPS))
def test_a_step_adds_every_product_it_names(step: str) -> None:
    """Operands are ones, so a product adds as many as a row has numbers."""
    arrays = memory(names_of(step))
    with tiles_in_memory():
        compiled(emulated(steps_kernel(step, RUNS)), native_target())(*arrays)
    sums = arrays[-1][: products_of(step)]
    np.testing.assert_array_equal(sums, RUNS * (ROW // PRODUCT.item))
    assert products_of(step) < names_of(step) <= 8
