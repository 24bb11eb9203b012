"""How a search shares its time out between the kernels and the network."""

from __future__ import annotations

from zcc.compiler.backends.cpu.tuning.tuner import NETWORK_SECONDS, for_kernels
from zcc.compiler.backends.search import Limits


def test_a_long_budget_leaves_time_for_the_network() -> None:
    kernels = for_kernels(Limits(None, 600.0))
    assert kernels.seconds is not None and 600.0 - kernels.seconds > NETWORK_SECONDS


def test_a_short_budget_goes_to_the_kernels_whole() -> None:
    assert for_kernels(Limits(100, 60.0)) == Limits(85, 60.0)


def test_without_limits_there_are_none() -> None:
    assert for_kernels(Limits()) == Limits()
