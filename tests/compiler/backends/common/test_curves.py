"""How near the cubics of a curve come to its function."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from zcc.compiler.backends.common.curves import CURVES, POWERS, SEGMENTS, Curve

ARGUMENTS = np.linspace(-40, 40, 160_001)
NEAR = 1.5e-3


def by_table(curve: Curve, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a kernel computes of the table, in double precision."""
    table = curve.table().astype(np.float64)
    distance = np.minimum(np.abs(x) / curve.step, SEGMENTS - 1)
    segment = np.rint(distance).astype(int)
    part = sum(table[power, segment] * distance**power for power in range(POWERS))
    per_step, offset, odd = table[POWERS, :3]
    return np.asarray(per_step * np.maximum(x, 0) / curve.step + offset + part * (np.sign(x) if odd else 1))


@pytest.mark.parametrize("name", CURVES)
def test_every_curve_is_near_its_function(name: str) -> None:
    curve = CURVES[name]
    assert np.abs(by_table(curve, ARGUMENTS) - curve.function(ARGUMENTS)).max() < NEAR
