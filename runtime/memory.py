"""How much memory is left for this process, as far as the system tells."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from zcc.runtime import host

MEMINFO = Path("/proc/meminfo")
# What a control group may take and has taken, by kind of group; and what of that goes when it is needed.
GROUP_FILES = (
    ("", "memory.max", "memory.current", "inactive_file"),
    ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def free_memory() -> int | None:
    """Bytes that this process can still take: the machine's, or its control groups' where they allow less."""
    return min((room for room in (_machine(), *_groups()) if room is not None), default=None)


def _machine() -> int | None:
    kilobytes = _field(MEMINFO, "MemAvailable:")
    return None if kilobytes is None else kilobytes * 1024


def _groups() -> Iterator[int | None]:
    for controller, limit, usage, reclaimable in GROUP_FILES:
        for group in host.control_groups(controller):
            most, used = _number(group / limit), _number(group / usage)
            if most is not None and used is not None:
                yield max(0, most - used + (_field(group / "memory.stat", reclaimable) or 0))


def _number(path: Path) -> int | None:
    try:
        text = path.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdecimal() else None  # `max` is no limit


def _field(path: Path, name: str) -> int | None:
    """The number behind a word at the beginning of a line."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    behind = next((line.removeprefix(name).split()[:1] for line in lines if line.startswith(f"{name} ")), [])
    return int(behind[0]) if behind and behind[0].isdecimal() else None
