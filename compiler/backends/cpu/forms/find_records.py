"""Which forms a compile takes: what records say, a user's own before those that came with zcc."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from zcc.compiler.backends.common.record_folders import SHIPPED, of_other_cores, own_records
from zcc.compiler.backends.cpu.forms.network_form import NetworkForm, default_form, possible_forms, write_form
from zcc.compiler.backends.cpu.forms.networks import Networks, networks_digest, read_networks, record_name
from zcc.compiler.backends.cpu.forms.records import Database, best_only, digest, read_records
from zcc.compiler.backends.cpu.forms.workload import workload_key
from zcc.compiler.backends.cpu.kernels.choices import Tunable, write_choice
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit
from zcc.compiler.backends.cpu.kernels.winograd_choices import WinogradChoice
from zcc.compiler.backends.cpu.lowering.identity import network_key
from zcc.compiler.backends.cpu.targets.target import CpuTarget
from zcc.compiler.importing.imported import Imported
from zcc.compiler.precision.table import Precision


@dataclass(frozen=True)
class KernelRecords:
    """All records for a target, those that win first."""

    databases: tuple[Database, ...]
    networks: tuple[Networks, ...] = ()

    @cached_property
    def digest(self) -> str | None:
        """The hash of what is known, None where nothing is."""
        known = [digest(database) for database in self.databases if database]
        known += [networks_digest(networks) for networks in self.networks if networks]
        return sha256("".join(known).encode()).hexdigest() if known else None

    def choices(self, unit: VectorUnit, winograd: bool = True) -> RecordedChoices:
        """To be asked for the kernels of one network, which may be computed Winograd's way or not."""
        return RecordedChoices(self, unit, winograd)

    def form(self, source: Imported, precision: Precision, target: CpuTarget) -> ChosenForm:
        """The form of a network: the best on record, or the default one."""
        default = default_form(target, precision.name)
        if not any(self.networks):
            return ChosenForm(default, default)
        name = record_name(network_key(source.network()), precision.name)
        for networks in self.networks:
            if name in networks:
                forms = possible_forms(target, precision)
                best = networks[name].best(write_form(default), forms)
                return ChosenForm(forms[best], default, networks[name].forms)
        return ChosenForm(default, default)


@dataclass(frozen=True)
class ChosenForm:
    """The form that a network is built in, and what was measured of others."""

    form: NetworkForm
    default: NetworkForm
    measured: Mapping[str, float | str] = field(default_factory=dict)

    def describe(self) -> dict[str, Any]:
        """What the manifest says of it, with milliseconds of the forms that were tried."""
        tried = {form: value if isinstance(value, str) else round(1e3 * value, 3) for form, value in self._measured()}
        return {"form": write_form(self.form), "default": write_form(self.default), "tried_ms": tried}

    def _measured(self) -> list[tuple[str, float | str]]:
        return sorted(self.measured.items())

    @property
    def wanted_threads(self) -> dict[str, int]:
        """The threads that it is to be run with, where all cores are not the quickest."""
        return {"threads": self.form.threads} if self.form.threads < self.default.threads else {}


NO_RECORDS = KernelRecords(())


def find_records(home: Path, target: CpuTarget) -> KernelRecords:
    """The records for a target: the user's, those that came with zcc, then what either knows of other core counts."""
    folders = (own_records(home, target), SHIPPED / target.key)
    # Of other core counts only the quickest form of a kernel counts, and only where it is offered for these cores, too:
    # what it was compared with was cut for others.
    others = [best_only(read_records(other)) for folder in folders for other in of_other_cores(folder, target)]
    databases = (*map(read_records, folders), *others)
    return KernelRecords(databases, tuple(map(read_networks, folders)))


class RecordedChoices:
    """Makes a network's choices, and counts for how many of its kernels there were records."""

    def __init__(self, records: KernelRecords, unit: VectorUnit, winograd: bool) -> None:
        self._records = records
        self._unit = unit
        self._winograd = winograd
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

    def forms(self) -> dict[Any, bool]:
        """Every kernel in the form that was chosen, and whether there were records of it."""
        made = self._made.items()
        return {
            spec.chosen(spec.preferred(self._unit) if choice is None else choice): known
            for spec, (known, choice) in made
        }

    def _look_up(self, spec: Tunable) -> tuple[bool, Any | None]:
        key = workload_key(spec)
        recorded = [database[key] for database in self._records.databases if key in database]
        if not recorded and self._winograd:
            return False, None
        # Records of an older zcc may name forms that its templates do not have any more.
        offered = {write_choice(choice): choice for choice in spec.choices(self._unit) if self._allows(choice)}
        preferred = write_choice(spec.preferred(self._unit))
        instead = None if preferred in offered else next(iter(offered))
        known = next((kernel for kernel in recorded if kernel.records.keys() & offered.keys()), None)
        taken = known.best(instead or preferred, offered) or instead if known else instead
        return known is not None, None if taken is None else offered[taken]

    def _allows(self, choice: Any) -> bool:
        return self._winograd or not isinstance(choice, WinogradChoice)
