"""Placement, fusion and every kernel at once: random networks against ONNX Runtime, in memory full of garbage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.compiler.harness import compile_network, reference
from tests.compiler.importing.random_graphs import random_network


@pytest.mark.parametrize("seed", range(12))
def test_random_network_equals_onnx_runtime(seed: int, tmp_path: Path) -> None:
    proto, target = random_network(seed), (None, "x86-64-v3", "x86-64-v2")[seed % 3]
    shape = [dim.dim_value for dim in proto.graph.input[0].type.tensor_type.shape.dim]
    image = np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)
    expected = reference(proto, image)
    actual = compile_network(proto, tmp_path, target).run(image)
    np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())
