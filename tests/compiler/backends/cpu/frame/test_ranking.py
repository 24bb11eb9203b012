"""The radix sort against numpy's stable sort."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
import tvm_ffi
from tvm.script import tirx as T

from tests.compiler.backends.cpu.frame.harness import HOST, compile_kernel
from zcc.compiler.backends.cpu.frame.candidates import Blocks, FoundBuffers
from zcc.compiler.backends.cpu.frame.ranking import DIGITS, RADIX, rank

BLOCKS = Blocks(((5, 20), (7, 3), (1, 40)))
CANDIDATES = BLOCKS.capacity


@functools.cache
def ranking() -> Any:
    """A kernel that ranks what it is told was found."""

    @T.prim_func
    def compute(
        counts_handle: T.handle,
        indices_handle: T.handle,
        scores_handle: T.handle,
        order_handle: T.handle,
        keys_handle: T.handle,
        digits_handle: T.handle,
        total_handle: T.handle,
    ) -> None:
        T.func_attr({"global_symbol": "compute"})
        counts = T.match_buffer(counts_handle, (BLOCKS.count,), "int32", align=4)
        indices = T.match_buffer(indices_handle, (CANDIDATES,), "int32", align=4)
        scores = T.match_buffer(scores_handle, (CANDIDATES,), "float32", align=4)
        order = T.match_buffer(order_handle, (2, CANDIDATES), "int32", align=4)
        keys = T.match_buffer(keys_handle, (2, CANDIDATES), "int32", align=4)
        digits = T.match_buffer(digits_handle, (DIGITS, RADIX), "int32", align=4)
        total = T.match_buffer(total_handle, (1,), "int32", align=4)
        rank(FoundBuffers(counts, indices, scores, None), BLOCKS, keys, order, digits, total)

    return compile_kernel(compute, HOST)


def ranked(scores: np.ndarray[Any, Any], chosen: np.ndarray[Any, Any]) -> list[int]:
    """The kernel's order of the chosen candidates."""
    counts, indices = np.zeros(BLOCKS.count, np.int32), np.full(CANDIDATES, -1, np.int32)
    begin = 0
    for block, size in enumerate(size for count, size in BLOCKS.runs for _ in range(count)):
        found = begin + np.flatnonzero(chosen[begin : begin + size])
        counts[block], indices[begin : begin + len(found)] = len(found), found
        begin += size
    order, keys = np.full((2, CANDIDATES), -1, np.int32), np.empty((2, CANDIDATES), np.int32)
    digits, total = np.full((DIGITS, RADIX), 99, np.int32), np.zeros(1, np.int32)
    ranking()(*map(tvm_ffi.from_dlpack, (counts, indices, scores, order, keys, digits, total)))
    return order[0, : total[0]].tolist()


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("kind", ["any bits", "probabilities", "few values"])
def test_best_first_and_equals_by_index(kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = {
        "any bits": lambda: rng.integers(0, 2**32, CANDIDATES, np.uint32).view(np.float32),
        "probabilities": lambda: rng.random(CANDIDATES, np.float32),
        "few values": lambda: rng.choice(np.float32([0, -0.0, 0.5, 1, np.inf, -np.inf, 1e-45]), CANDIDATES),
    }[kind]()
    chosen = (rng.random(CANDIDATES) < rng.random()) & ~np.isnan(values)
    where = np.flatnonzero(chosen)
    assert ranked(values, chosen) == where[np.argsort(-values[where], kind="stable")].tolist()
