"""How a search shares its time out between the kernels and the network."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from zcc.compiler.backends.common.machine import Machine
from zcc.compiler.backends.cpu.tuning.tuner import NETWORK_SECONDS, for_kernels, set_floors, worth_floors
from zcc.compiler.backends.search import Limits


def test_a_long_budget_leaves_time_for_the_network() -> None:
    kernels = for_kernels(Limits(None, 600.0))
    assert kernels.seconds is not None and 600.0 - kernels.seconds > NETWORK_SECONDS


def test_a_short_budget_goes_to_the_kernels_whole() -> None:
    assert for_kernels(Limits(100, 60.0)) == Limits(85, 60.0)


def test_without_limits_there_are_none() -> None:
    assert for_kernels(Limits()) == Limits()


@pytest.mark.parametrize("limits", [Limits(), Limits(1000), Limits(None, 600.0), Limits(1000, 600.0)])
def test_a_long_search_tells_how_good_a_form_is_on_this_machine(limits: Limits) -> None:
    assert worth_floors(limits)


@pytest.mark.parametrize("limits", [Limits(8), Limits(None, 30.0), Limits(8, 600.0), Limits(1000, 30.0)])
def test_a_short_search_does_not_measure_the_machine(limits: Limits) -> None:
    assert not worth_floors(limits)


def test_a_kernel_takes_at_least_what_its_arithmetic_and_its_memory_take() -> None:
    tasks: list[Any] = [
        SimpleNamespace(name="conv_3x3", flops=8 * 10**9, bytes=1, floor_seconds=None),
        SimpleNamespace(name="int8_conv_3x3", flops=8 * 10**9, bytes=1, floor_seconds=None),
        SimpleNamespace(name="resize", flops=0, bytes=10**9, floor_seconds=None),
    ]
    set_floors(tasks, Machine(2, {"fp32": 2e9, "int8": 8e9}, ((1, 4e9), (10**9, 1e9))))
    assert [task.floor_seconds for task in tasks] == [4.0, 1.0, 1.0]
