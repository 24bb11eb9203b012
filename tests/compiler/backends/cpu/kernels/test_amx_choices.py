"""How AMX's work is cut: what each thread reads of a convolution."""

from __future__ import annotations

import pytest

from zcc.compiler.backends.cpu.kernels.amx_plan import AmxPlan
from zcc.compiler.backends.cpu.kernels.amx_registers import AMX_PRODUCTS
from zcc.compiler.backends.cpu.kernels.choices import AmxChoice
from zcc.compiler.backends.cpu.kernels.conv_loops import ConvGeometry
from zcc.compiler.backends.cpu.kernels.slab import Slab


def plan(channels: tuple[int, int], size: int, kernel: int, tile: AmxChoice, threads: int) -> AmxPlan:
    """Of a convolution of bfloat16 with a stride of 1."""
    inside = size + kernel - 1
    x, out = (Slab.dense(count // 16, side, side, 16) for count, side in zip(channels, (inside, size), strict=True))
    held = ConvGeometry(x, out, (kernel, kernel), (1, 1), (1, 1), tile, 2)
    return AmxPlan(held, AMX_PRODUCTS["bf16"], threads)


def most_read(cut: AmxPlan, rows_first: bool) -> int:
    """Bytes of rows and weights that the busiest thread's tasks read, each counted once."""
    held, each = cut.geometry, -(-cut.tasks // cut.threads)
    weights = cut.together * held.x.blocks * 16 * held.kernel[0] ** 2 * held.tile.blocks * 16 * 2
    row = held.x.blocks * held.x.width * 16 * 2
    busiest = 0
    for begin in range(0, cut.tasks, each):
        numbers = range(begin, min(begin + each, cut.tasks))
        shares = {number % cut.shares if rows_first else number // cut.strips for number in numbers}
        strips = {number // cut.shares if rows_first else number % cut.strips for number in numbers}
        rows = {strip * cut.rows + place for strip in strips for place in range(cut.rows + held.kernel[0] - 1)}
        busiest = max(busiest, len(shares) * weights + len(rows) * row)
    return busiest


@pytest.mark.parametrize(
    ("cut", "expected"),
    [
        (plan((16, 64), 160, 3, AmxChoice(1, 16), 16), True),
        (plan((16, 64), 160, 3, AmxChoice(2, 16), 16), True),
        (plan((512, 256), 20, 1, AmxChoice(4, 10, gathered=True), 16), False),
        (plan((256, 256), 20, 3, AmxChoice(2, 10, gathered=True), 16), False),
        (plan((256, 256), 20, 3, AmxChoice(2, 10, gathered=True), 4), False),
    ],
)
def test_a_thread_reads_as_little_as_it_can(cut: AmxPlan, expected: bool) -> None:
    assert cut.rows_first == expected
    assert most_read(cut, expected) < most_read(cut, not expected)


def test_alone_a_thread_comes_back_to_what_is_less() -> None:
    """It reads everything in any order."""
    assert plan((16, 64), 160, 3, AmxChoice(1, 16), 1).rows_first, "18 KB of weights, and 840 of the map"
    heavy = plan((256, 256), 20, 3, AmxChoice(2, 20, gathered=True), 1)
    assert not heavy.rows_first, "1.2 MB of weights, and 250 KB of the map"


def test_a_task_copies_its_rows_once_for_as_many_groups_as_leave_enough_tasks() -> None:
    """Of few threads' tasks some have all groups, of many threads' each has some."""
    alone, many = (plan((64, 64), 80, 3, AmxChoice(1, 16, gathered=True), threads) for threads in (1, 64))
    assert alone.together == alone.groups == 4
    assert many.together < 4 and many.tasks >= 4 * 64
    heavy = plan((512, 512), 20, 3, AmxChoice(2, 10, gathered=True), 1)
    assert heavy.together == 1 and heavy.rows > 1, "weights that leave the cache are read for many rows"
