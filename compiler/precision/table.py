"""The precisions that can be compiled for: one entry each. A new one is an entry here and a module beside."""

from __future__ import annotations

from dataclasses import dataclass

from zcc.runtime.errors import UsageError


@dataclass(frozen=True)
class Precision:
    """What a dtype means in memory and in arithmetic."""

    name: str
    storage: str
    arithmetic: str


PRECISIONS: dict[str, Precision] = {"fp32": Precision("fp32", "float32", "float32")}


def find_precision(name: str) -> Precision:
    """The precision of that name."""
    if name not in PRECISIONS:
        raise UsageError(f"there is no dtype {name!r}", f"choose one of {', '.join(PRECISIONS)}")
    return PRECISIONS[name]
