"""Targets by name."""

from __future__ import annotations

import pytest

from zcc.compiler.backends.table import find_target
from zcc.runtime.errors import UsageError


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("aarch64-dotprot", "aarch64-dotprod"),
        ("arch64", "aarch64"),
        ("x86-64-v5", "x86-64-v4"),
        ("jetson-orin", r"aarch64-dotprod or cuda:sm_87\?$"),
        ("avx512", "x86-64-v4"),
        ("AARCH64", "aarch64"),
        ("natve", r"native\?$"),
        ("amd64", "x86-64-v2 or x86-64-v3 or"),
        ("armv8", r"aarch64 or aarch64-dotprod or aarch64-i8mm\?$"),
        ("rpi5", r"aarch64-dotprod\?$"),
        ("graviton3", r"aarch64-i8mm\?$"),
        ("jetson-xavier", r"aarch64 or cuda:sm_72\?$"),
        ("graviton", r"aarch64 or aarch64-dotprod or aarch64-i8mm\?$"),
    ],
)
def test_an_unknown_target_names_the_near_ones(name: str, near: str) -> None:
    with pytest.raises(UsageError, match=f"there is no target '{name}'.*did you mean {near}"):
        find_target(name, "fp32")


def test_a_name_like_none_names_all() -> None:
    with pytest.raises(UsageError, match=r"choose native or one of x86-64-v2.*aarch64"):
        find_target("riscv", "fp32")
