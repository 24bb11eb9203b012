"""All the ways in which this machine can compute a kernel."""

from __future__ import annotations

from dataclasses import replace

from zcc.compiler.backends.cpu.targets.table import TARGETS, runs_here
from zcc.compiler.backends.cpu.targets.target import Target


def best_target() -> Target:
    """The target with the most instructions among those that run here."""
    return [target for target in TARGETS.values() if runs_here(target)][-1]


def other_ways() -> list[Target]:
    """The targets below the best one, and the best one with instructions that it would not choose."""
    best = best_target()
    lesser = [target for target in TARGETS.values() if runs_here(target) and target.unit.dot != best.unit.dot]
    narrow = [replace(best, name=f"{lanes} lanes", unit=replace(best.unit, lanes=lanes)) for lanes in (4, 8)]
    plain = replace(best, name="plain", unit=replace(best.unit, dot=""))
    return [*lesser, *narrow, plain]
