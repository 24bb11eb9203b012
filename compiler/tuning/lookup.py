"""Which forms a compile takes: what records say, a user's own before those that came with zcc."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import zcc.tuning_logs
from zcc.compiler.kernels.choices import Tunable, write_choice
from zcc.compiler.kernels.spec import VectorUnit
from zcc.compiler.targets.target import Target
from zcc.compiler.tuning.records import Database, digest, read_records
from zcc.compiler.tuning.target_key import target_key
from zcc.compiler.tuning.workload import workload_key

SHIPPED = Path(zcc.tuning_logs.__file__).parent
OWN = "tuning"  # the folder in a registry's home


def own_records(home: Path, target: Target) -> Path:
    """Where a user's own records for a target lie."""
    return home / OWN / target_key(target)


@dataclass(frozen=True)
class Records:
    """All records for a target, those that win first."""

    databases: tuple[Database, ...]

    @cached_property
    def digest(self) -> str | None:
        """The hash of what is known, None where nothing is."""
        known = [digest(database) for database in self.databases if database]
        return sha256("".join(known).encode()).hexdigest() if known else None

    def choices(self, unit: VectorUnit) -> Recorded:
        """To be asked for the kernels of one network."""
        return Recorded(self, unit)


NO_RECORDS = Records(())


def find_records(home: Path, target: Target) -> Records:
    """The records for a target: the user's, and those that came with zcc."""
    return Records((read_records(own_records(home, target)), read_records(SHIPPED / target_key(target))))


class Recorded:
    """Makes a network's choices, and counts for how many of its kernels there were records."""

    def __init__(self, records: Records, unit: VectorUnit) -> None:
        self._records = records
        self._unit = unit
        self._made: dict[Tunable, tuple[bool, Any | None]] = {}

    def find(self, spec: Tunable) -> Any | None:
        """The best form on record; None where the template's own is as good, or nothing is known."""
        if spec not in self._made:
            self._made[spec] = self._look_up(spec)
        return self._made[spec][1]

    @property
    def counts(self) -> dict[str, int]:
        """Kernels with records, and kernels in the form that their template prefers for want of them."""
        known = sum(known for known, _ in self._made.values())
        return {"tuned": known, "default": len(self._made) - known}

    def _look_up(self, spec: Tunable) -> tuple[bool, Any | None]:
        key = workload_key(spec)
        # Records of an older zcc may name forms that its templates do not have any more.
        offered = {write_choice(choice): choice for choice in spec.choices(self._unit)}
        for database in self._records.databases:
            if key in database and database[key].records.keys() & offered.keys():
                best = database[key].best(write_choice(spec.preferred(self._unit)), offered)
                return True, None if best is None else offered[best]
        return False, None
