"""What a machine of known limits allows."""

from __future__ import annotations

import pytest

from zcc.compiler.backends.common.machine import Machine, arithmetic_of

BANDWIDTH = ((1_000, 50e9), (10_000, 5e9), (100_000, 20e9), (10**6, 10e9))
MACHINE = Machine(threads=2, peaks={"fp32": 100e9, "int8": 400e9}, bandwidth=BANDWIDTH)


@pytest.mark.parametrize(
    ("arithmetic", "flops", "size", "seconds"),
    [
        ("fp32", 10**9, 0, 0.01),  # arithmetic decides
        ("int8", 10**9, 0, 0.0025),
        ("fp32", 0, 10**9, 0.1),  # memory decides
        ("int8", 10**9, 10**9, 0.1),
        ("fp32", 10**11, 10**9, 1.0),
    ],
)
def test_the_floor_is_the_larger_of_arithmetic_and_memory(
    arithmetic: str, flops: int, size: int, seconds: float
) -> None:
    assert MACHINE.floor(arithmetic, flops, size) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("kernel", "arithmetic"),
    [
        ("int8_conv_3x3s2_64_128_80x80_silu", "int8"),
        ("int8_depthwise_3x3s1_64_80x80", "int8"),
        ("bf16_conv_1x1s1_64_64_80x80", "bf16"),
        ("split_conv_1x1s1_64_64_80x80", "fp32"),
        ("conv_3x3s2_64_128_80x80_silu", "fp32"),
        ("convert_64_80x80_uint8_to_float32", "fp32"),
        ("attention_2x64_20x20", "fp32"),
    ],
)
def test_a_kernel_tells_by_its_name_what_it_multiplies(kernel: str, arithmetic: str) -> None:
    assert arithmetic_of(kernel) == arithmetic


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
