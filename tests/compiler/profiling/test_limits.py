"""What a machine of known limits allows."""

from __future__ import annotations

import pytest

from zcc.compiler.profiling.limits import Machine

MACHINE = Machine(threads=2, flops=100e9, bandwidth=((1_000, 50e9), (10_000, 5e9), (100_000, 20e9), (10**6, 10e9)))


@pytest.mark.parametrize(
    ("flops", "size", "seconds"),
    [
        (10**9, 0, 0.01),  # arithmetic decides
        (0, 10**9, 0.1),  # memory decides
        (10**9, 10**9, 0.1),
        (10**11, 10**9, 1.0),
    ],
)
def test_the_floor_is_the_larger_of_arithmetic_and_memory(flops: int, size: int, seconds: float) -> None:
    assert MACHINE.floor(flops, size) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("size", "speed"),
    [
        (1, 50e9),
        (1_000, 50e9),
        (9_999, 50e9),
        (10_000, 20e9),  # the reading of 5 GB/s was disturbed: more bytes came faster
        (999_999, 20e9),
        (10**6, 10e9),
        (10**12, 10e9),
    ],
)
def test_bandwidth_is_that_of_the_next_smaller_footprint(size: int, speed: float) -> None:
    assert MACHINE.bandwidth_of(size) == speed
