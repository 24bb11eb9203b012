"""The chains of dot products that a machine's peaks are taken of really add up every product."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import numpy as np
import pytest

from tests.compiler.backends.cpu.kernels.emulated_tiles import emulated, in_memory, in_registers, tiles_in_memory
from zcc.compiler.backends.cpu.kernels.amx_registers import AMX_PRODUCTS, AmxProduct
from zcc.compiler.backends.cpu.machine.dot_chains import CHAINS, DOT_KINDS, RING, dot_products, tile_products
from zcc.compiler.backends.cpu.machine.peaks import compiled
from zcc.compiler.backends.cpu.targets.table import TARGETS
from zcc.compiler.backends.cpu.targets.target import CpuTarget
from zcc.runtime.engine import engine

AMX, AMX_FP16 = TARGETS["x86-64-v4-amx"], TARGETS["x86-64-v4-amx-fp16"]
HERE = [target for target in TARGETS.values() if target.runs_here()]
THREADS, STEPS = 3, RING + 5


def run(kind: str, target: CpuTarget, words: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The sums of every thread and chain."""
    kernel = compiled(dot_products(DOT_KINDS[kind], target.unit, THREADS, STEPS), target)
    sums = np.full((THREADS, CHAINS, target.unit.lanes), -1, DOT_KINDS[kind].sums)
    engine().call(lambda: kernel(words.view(np.int32)[:, 0], weights.view(np.int32)[..., 0], sums))
    return sums


def expected(words: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Chain by chain, the products of its word with one vector after another."""
    ring = weights[np.arange(STEPS) % RING].astype(np.float64)
    return np.einsum("cb,slb->cl", words.astype(np.float64), ring)


@pytest.mark.parametrize("target", HERE, ids=lambda target: target.name)
def test_bytes(target: CpuTarget) -> None:
    rng = np.random.default_rng(0)
    words = rng.integers(0, 256, (CHAINS, 4)).astype(np.uint8)
    largest = 64 // target.short_words if target.short_words else 127  # sums of products in 16 bits hold no more
    weights = rng.integers(-largest, largest + 1, (RING, target.unit.lanes, 4)).astype(np.int8)
    sums = run("int8", target, words, weights)
    taken_off = DOT_KINDS["int8"].dot(target.unit).taken_off
    multiplied = words.astype(np.int16) - taken_off
    np.testing.assert_array_equal(sums, np.broadcast_to(expected(multiplied, weights), sums.shape))


@pytest.mark.parametrize("target", [each for each in HERE if each.unit.bf16], ids=lambda target: target.name)
def test_bfloat16(target: CpuTarget) -> None:
    rng = np.random.default_rng(1)
    # Few digits, so that the sums are exact.
    words, weights = rng.integers(-8, 9, (CHAINS, 2)), rng.integers(-8, 9, (RING, target.unit.lanes, 2))
    sums = run("bf16", target, bfloat16(words), bfloat16(weights))
    np.testing.assert_array_equal(sums, np.broadcast_to(expected(words, weights), sums.shape))


@pytest.mark.parametrize(
    ("target", "vectors"), [in_registers(AMX), in_registers(AMX_FP16), in_memory(AMX_FP16, TARGETS["x86-64-v4"])]
)
def test_tiles(target: CpuTarget, vectors: CpuTarget | None) -> None:
    assert {*target.unit.amx} <= {*AMX_PRODUCTS}
    for kind in target.unit.amx:
        try_tiles(AMX_PRODUCTS[kind], target, vectors)


def try_tiles(product: AmxProduct, target: CpuTarget, vectors: CpuTarget | None) -> None:
    """Sums of small numbers are exact in all formats."""
    rng, per_word = np.random.default_rng(2), 4 // product.item
    xs, weights = rng.integers(0, 9, (2, 16, 16, per_word)), rng.integers(-8, 9, (2, 16, 16, per_word))
    held = [STORED[product.dtype](each).view(np.int32)[..., 0] for each in (xs, weights)]
    function = tile_products(product, THREADS, STEPS)
    sums = np.full((THREADS, 2, 2, 16, 16), -1, product.sums)
    with tiles_in_memory() if vectors else nullcontext():
        kernel = compiled(emulated(function), vectors) if vectors else compiled(function, target)
        engine().call(lambda: kernel(*held, sums.reshape(THREADS, 4, 16, 16)))
    once = np.einsum("xrkb,wkcb->xwrc", xs, weights)  # rows of x by columns of weights
    np.testing.assert_array_equal(sums, np.broadcast_to(STEPS * once, sums.shape))


def bfloat16(values: np.ndarray) -> np.ndarray:
    """The upper halves of float32."""
    return (values.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)


STORED: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "int8": lambda values: values.astype(np.int8),
    "bf16": bfloat16,
    "fp32": bfloat16,
    "fp16": lambda values: values.astype(np.float16),
}
