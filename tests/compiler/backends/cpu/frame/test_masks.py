"""Masks are sums of prototypes, resampled to the frame inside their boxes."""

from __future__ import annotations

import numpy as np
import pytest
import tvm_ffi
from numpy.typing import NDArray

from tests.compiler.backends.cpu.frame.harness import HOST, NARROW, Machine, compile_kernel
from tests.compiler.backends.cpu.frame.test_raw import Memory
from tests.runtime.tasks import plain
from zcc.compiler.backends.cpu.frame.masks import build_areas, build_masks
from zcc.runtime.manifest import InputSpec
from zcc.runtime.tasks.mask_areas import FrameAmongCells, begins

SPEC = InputSpec(128, 160)
CELLS = (32, 40)
Array = NDArray[np.float32]


class Kernels:
    """Both kernels over prototypes in a memory of their own."""

    def __init__(self, prototypes: Array, machine: Machine) -> None:
        memory = Memory(machine.lanes)
        held = memory.put(prototypes)
        self._memory = memory.bytes_up_to(held.end)
        self._areas = compile_kernel(build_areas(held, len(prototypes)), machine)
        self._masks = compile_kernel(build_masks(CELLS[1], lanes=machine.lanes), machine)

    def __call__(self, coefficients: Array, boxes: Array, size: tuple[int, int]) -> list[NDArray[np.bool_]]:
        """Masks as large as the frame."""
        frame = FrameAmongCells.of(SPEC, CELLS, size)
        pixels = frame.pixels(boxes)
        cells = frame.cells(pixels)
        (starts, total), (places, count) = begins(cells), begins(pixels)
        areas, out = np.full(total, np.nan, np.float32), np.full(count, 9, np.uint8)
        n = len(boxes)
        self._areas(*map(tvm_ffi.from_dlpack, (self._memory, coefficients, cells, starts, areas)), n, total)
        given = (areas, cells, starts, pixels, places, frame.places, out)
        self._masks(*map(tvm_ffi.from_dlpack, given), n, total, count)
        whole = np.zeros((n, *size), bool)
        for mask, at, (left, top, right, bottom) in zip(whole, places, pixels, strict=True):
            found = out[at : at + (right - left) * (bottom - top)]
            assert set(np.unique(found)) <= {0, 1}
            mask[top:bottom, left:right] = found.reshape(bottom - top, right - left)
        return list(whole)


def blobs(count: int, seed: int) -> Array:
    """Smooth prototypes."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: CELLS[0], : CELLS[1]]
    waves = rng.uniform(-0.4, 0.4, (count, 2))
    phases = rng.uniform(0, 6, count)
    return np.sin(waves[:, 0, None, None] * x + waves[:, 1, None, None] * y + phases[:, None, None]).astype(np.float32)


@pytest.mark.parametrize(("machine", "count"), [(HOST, 32), (NARROW, 6)])
@pytest.mark.parametrize("size", [(128, 160), (256, 320), (100, 160), (300, 200), (31, 17), (1, 9)])
def test_masks_are_those_of_the_exporter(machine: Machine, count: int, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(3)
    prototypes, coefficients = blobs(count, 1), rng.normal(0, 1, (6, count)).astype(np.float32)
    corners = np.sort(rng.uniform(0, 1, (6, 2, 2)), axis=1) * (size[1], size[0])
    boxes = corners.reshape(6, 4).astype(np.float32)
    boxes[0] = (0, 0, size[1], size[0])
    boxes[3:, 2:] = np.minimum(boxes[3:, :2] + 9, boxes[3:, 2:])  # small ones
    got = KERNELS(prototypes, machine)(coefficients, boxes, size)
    expected = plain.Plain(boxes, boxes[:, 0], np.zeros(6, np.int64), coefficients)
    plain.FINISHERS["segment"](expected, boxes, [prototypes[None]], plain.Picture.of(SPEC, size))
    for mine, theirs in zip(got, expected.masks, strict=True):
        assert (mine != theirs).sum() <= max(0.002 * theirs.sum(), 1)


def KERNELS(prototypes: Array, machine: Machine) -> Kernels:
    """One pair of kernels for each machine."""
    key = (machine, len(prototypes))
    if key not in _made:
        _made[key] = Kernels(prototypes, machine)
    return _made[key]


_made: dict[tuple[Machine, int], Kernels] = {}
