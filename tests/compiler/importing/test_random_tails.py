"""Elementwise functions in pieces, softmax, and whatever else decodes a head, against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.compiler.harness import compile_network, reference
from tests.compiler.importing.random_tails import random_tail


@pytest.mark.parametrize("seed", range(12))
def test_random_tail_equals_onnx_runtime(seed: int, tmp_path: Path) -> None:
    proto = random_tail(seed)
    target = (None, "x86-64-v3", "x86-64-v2")[seed % 3]
    shape = [dim.dim_value for dim in proto.graph.input[0].type.tensor_type.shape.dim]
    image = np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)
    expected = reference(proto, image)
    np.testing.assert_allclose(compile_network(proto, tmp_path, target).run(image), expected, rtol=1e-4, atol=1e-5)
