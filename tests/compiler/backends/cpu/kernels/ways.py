"""All the ways in which this machine can compute a kernel."""

from __future__ import annotations

from dataclasses import replace

from zcc.compiler.backends.cpu.targets.table import TARGETS
from zcc.compiler.backends.cpu.targets.target import CpuTarget


def best_target() -> CpuTarget:
    """The target with the most instructions among those that run here."""
    return [target for target in TARGETS.values() if target.runs_here()][-1]


def other_ways() -> list[CpuTarget]:
    """The targets below the best one, and the best one with instructions that it would not choose."""
    best = best_target()
    lesser = [target for target in TARGETS.values() if target.runs_here() and target.unit.dot != best.unit.dot]
    lanes = [each for each in (4, 8) if each <= best.unit.lanes]
    narrow = [replace(best, name=f"{each} lanes", unit=replace(best.unit, lanes=each)) for each in lanes]
    plain = replace(best, name="plain", unit=replace(best.unit, dot=""))
    return [*lesser, *narrow, plain]
