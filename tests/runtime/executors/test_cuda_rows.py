"""Rows that are copied, against those that the preprocess kernel gives any weight."""

from __future__ import annotations

import numpy as np
import pytest

from zcc.runtime.executors.cuda_rows import rows_read
from zcc.runtime.executors.cuda_upload import cut, span


def rows_with_weight(rows: int, height: int) -> set[int]:
    """By the kernel's arithmetic: the position of each row of the picture, rounded to float32."""
    position = ((np.arange(height) + 0.5) * (rows / height) - 0.5).astype(np.float32)
    above = np.floor(position).astype(int)
    weight = np.rint((position - np.floor(position)) * np.float32(2048))
    pairs = zip(above, weight, strict=True)
    return {int(row) for each, far in pairs for row, share in ((each, 2048 - far), (each + 1, far)) if share}


@pytest.mark.parametrize("height", [1, 7, 48, 360])
@pytest.mark.parametrize("step", range(3, 13))
def test_no_row_with_weight_is_left_out(height: int, step: int) -> None:
    rows = rows_read(height * step, height)
    assert rows is not None
    plane = np.arange(height * step).astype(np.uint8)[:, None].repeat(5, 1)
    held = rows.of(np.ascontiguousarray(plane)).reshape(-1, 5)[:, 0]
    chosen = [row for row in range(height * step) if rows.first <= row % step < rows.first + rows.count]
    np.testing.assert_array_equal(held, np.array(chosen).astype(np.uint8))
    assert set(chosen) == rows_with_weight(height * step, height)


@pytest.mark.parametrize(("rows", "height"), [(720, 360), (100, 48), (1081, 360), (360, 360), (20, 48)])
def test_otherwise_all_are_copied(rows: int, height: int) -> None:
    assert rows_read(rows, height) is None


@pytest.mark.parametrize("share", [150, 4096, 1 << 20])
@pytest.mark.parametrize("what", ["whole", "rows", "with gaps"])
def test_stripes_lie_where_the_plane_has_them(what: str, share: int) -> None:
    plane = np.random.default_rng(0).integers(0, 256, (72, 50, 3), np.uint8)
    given, rows = (plane[:, :40] if what == "with gaps" else plane), (None if what == "whole" else rows_read(72, 24))
    memory = span(given)
    written = np.zeros(memory.size, int)
    for stripe in cut(given, rows, 64, share):
        for row, source in enumerate(stripe.source):
            at = stripe.offset - 64 + row * stripe.pitch
            np.testing.assert_array_equal(source, memory[at : at + source.size])
            written[at : at + source.size] += 1
    assert written.max() == 1
    assert written.sum() == (plane[1::3].size if what == "rows" else memory.size)
