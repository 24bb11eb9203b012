"""All the ways in which this machine can compute a kernel."""

from __future__ import annotations

from dataclasses import replace

from zcc.compiler.targets.table import TARGETS, native_target, runs_here
from zcc.compiler.targets.target import Target


def other_ways() -> list[Target]:
    """The targets below the native one, and the native one with instructions that it would not choose."""
    native = native_target()
    lesser = [target for target in TARGETS.values() if runs_here(target) and target.unit.dot != native.unit.dot]
    narrow = [replace(native, name=f"{lanes} lanes", unit=replace(native.unit, lanes=lanes)) for lanes in (4, 8)]
    plain = replace(native, name="plain", unit=replace(native.unit, dot=""))
    return [*lesser, *narrow, plain]
