"""Constants in the file and in memory: each kernel finds its own at the address it was told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.winograd_choices import WinogradChoice
from zcc.compiler.backends.cpu.kernels.winograd_conv import WinogradConv
from zcc.compiler.backends.cpu.layout.weights import ALIGNMENT, WeightStore
from zcc.runtime.expansion import Order

Array = NDArray[Any]
BLOCKS, LANES = (4, 3), 16
SHAPE = (*BLOCKS, 3, 3, LANES, LANES)


def winograd(size: int, blocks: int, stride: int = 1) -> WinogradConv:
    """A kernel for weights of SHAPE."""
    x, out = Slab.dense(BLOCKS[1], 8 * stride + 2, 8 * stride + 2, LANES), Slab.dense(BLOCKS[0], 8, 8, LANES)
    return WinogradConv(x, out, (), WinogradChoice(size, 2, 1, blocks, 2), stride)


def pack_in_double(spec: WinogradConv, dense: Array) -> Array:
    """Both transforms at once, as one matrix, in float64."""
    transform = spec.transform.taps
    taps = dense.transpose(2, 3, 0, 1, 4, 5).reshape(9, -1).astype(np.float64)
    at_points = (np.kron(transform, transform) @ taps).reshape(-1, BLOCKS[0], *dense.shape[1:2], LANES, LANES)
    groups = at_points.reshape(len(at_points), -1, spec.tile.blocks, BLOCKS[1], LANES, LANES)
    return groups.transpose(1, 0, 3, 4, 2, 5)


def read(blob: bytes, offset: int, like: Array) -> Array:
    """An array at an offset."""
    return np.frombuffer(blob, like.dtype, like.size, offset).reshape(like.shape)


@pytest.mark.parametrize(("size", "blocks", "stride"), [(2, 1, 1), (4, 2, 1), (4, 4, 1), (3, 4, 2), (5, 2, 2)])
def test_a_kernel_packs_as_in_double_precision(size: int, blocks: int, stride: int) -> None:
    dense = np.random.default_rng(1).standard_normal(SHAPE).astype(np.float32)
    spec = winograd(size, blocks, stride)
    expected = pack_in_double(spec, dense)
    packed = spec.pack(dense)
    assert packed.shape == spec.weight_shape == expected.shape
    np.testing.assert_allclose(packed, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("halved", [False, True])
def test_each_array_lies_where_it_was_said_to(halved: bool) -> None:
    """The same weights directly and in three forms of Winograd's, between vectors and bytes of odd sizes."""
    rng = np.random.default_rng(2)
    dense = rng.standard_normal(SHAPE).astype(np.float32)
    bias = rng.standard_normal(7).astype(np.float32)
    table = rng.integers(-128, 128, 77).astype(np.int8)
    forms = [winograd(4, 2), winograd(2, 1), winograd(5, 1, 2)]
    added: list[tuple[Array, Order | None]] = [
        (bias, None),
        (dense, forms[0].expansion),
        (table, None),
        (dense, None),
        (dense, forms[1].expansion),
        (2 * dense, forms[1].expansion),
        (dense, forms[2].expansion),
    ]
    store = WeightStore()
    places = [store.add(*each).offset for each in added]
    assert [store.add(*each).offset for each in added] == places, "equal ones are stored once"
    assert len(set(places)) == len(places) and not any(place % ALIGNMENT for place in places)

    def rounded(values: Array) -> Array:
        return values.astype(np.float16).astype(np.float32) if halved else values

    stored = store.constants().stored(halved)
    blob = stored.expanded()
    made = [rounded(bias), forms[0].pack(rounded(dense)), table, rounded(dense)]
    made += [
        form.pack(rounded(values))
        for form, values in zip([forms[1], *forms[1:]], (dense, 2 * dense, dense), strict=True)
    ]
    for place, expected in zip(places, made, strict=True):
        np.testing.assert_array_equal(read(blob, place, expected), expected)
    assert len(blob) == store.constants().size
    assert sum(run.size for run in stored.runs) == len(stored.data)
    assert len(stored.data) < len(blob) / (4 if halved else 2)


def test_bytes_that_could_be_either_are_not_shared() -> None:
    """In half precision numbers are rounded, and what only looks like numbers must not be."""
    numbers = np.full(16, 1e-3, np.float32)
    store = WeightStore()
    places = [store.add(array).offset for array in (numbers, numbers.view(np.int32))]
    blob = store.constants().stored(halved=True).expanded()
    np.testing.assert_array_equal(read(blob, places[0], numbers), numbers.astype(np.float16).astype(np.float32))
    np.testing.assert_array_equal(read(blob, places[1], numbers), numbers)


def test_what_needs_no_expansion_names_no_runs() -> None:
    store = WeightStore()
    for array in (np.arange(5, dtype=np.float32), np.arange(70, dtype=np.int8)):
        store.add(array)
    stored = store.constants().stored()
    assert stored.runs == () and stored.data == store.constants().blob
    assert WeightStore().constants().stored(halved=True).runs == ()


def test_neighbours_that_are_taken_alike_are_one_run() -> None:
    store = WeightStore()
    for seed in range(3):
        store.add(np.full(64, seed, np.float32))
    assert [(run.kind, run.size) for run in store.constants().stored(halved=True).runs] == [("half", 3 * 128)]
