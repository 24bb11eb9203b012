"""Where tuning records lie: in a folder for each target, named by its key."""

from __future__ import annotations

from pathlib import Path

import zcc.tuning_logs
from zcc.compiler.backends.target import Target

SHIPPED = Path(zcc.tuning_logs.__file__).parent  # those that come with zcc
OWN = "tuning"  # the folder in a registry's home
LOCK = "tuning.lock"  # in a target's folder, held by whoever writes there


def own_records(home: Path, target: Target) -> Path:
    """Where a user's own records for a target lie."""
    return home / OWN / target.key


def of_other_cores(folder: Path, target: Target) -> list[Path]:
    """The folders beside a target's that hold records of the same instruction sets, made on other numbers of cores."""
    return sorted(other for other in folder.parent.glob(f"{target.name}.*") if other.name != target.key)
