"""Readings of the clock within the code that is timed."""

from __future__ import annotations

from typing import Any

from tvm import tirx
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.program.pointers import address_of

MONOTONIC = 1  # CLOCK_MONOTONIC


def read_clock_into(clock: Any, index: int) -> None:
    """Add a reading to the function that is being built, as seconds and nanoseconds; none where there is no clock."""
    if clock is not None:
        T.add_to_parent(
            tirx.Evaluate(tirx.call_extern("int32", "clock_gettime", MONOTONIC, address_of(clock, 2 * index)))
        )
