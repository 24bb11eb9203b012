"""Which folder of records belongs to a target: its instruction set, and the cores that the work is cut for."""

from __future__ import annotations

from zcc.compiler.backends.cpu.targets.target import Target


def target_key(target: Target) -> str:
    """For example `x86-64-v4-vnni.2-cores`."""
    cores = target.unit.threads
    return f"{target.name}.{cores}-core{'s' if cores > 1 else ''}"
