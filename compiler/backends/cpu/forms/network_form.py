"""What concerns a network as a whole: the forms that it can be built in, beside those of its kernels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from zcc.compiler.backends.cpu.kernels.spec import VectorUnit
from zcc.compiler.backends.cpu.targets.abilities import ABILITIES
from zcc.compiler.backends.cpu.targets.target import CpuTarget
from zcc.compiler.precision.table import Precision

LEAST_BLOCK = 4  # channels: the dot products of bytes read them in fours


@dataclass(frozen=True)
class NetworkForm:
    """A way to build a network."""

    block: int  # channels that lie side by side
    winograd: bool  # whether convolutions may be computed so, where that is said to be quicker
    threads: int  # that a frame is shared out over

    def unit(self, unit: VectorUnit) -> VectorUnit:
        """What the form's kernels may count on: of blocks smaller than a register they fill a part."""
        return replace(unit, lanes=min(unit.lanes, self.block), threads=self.threads)


def default_form(target: CpuTarget, dtype: str) -> NetworkForm:
    """The form that is taken when nothing was measured: blocks that fill a register, all cores."""
    return NetworkForm(ABILITIES[dtype].block(target.unit), True, target.unit.threads)


def dimensions(target: CpuTarget, precision: Precision) -> Iterator[list[dict[str, Any]]]:
    """What may differ from the default form, one thing after the other, each with its other values."""
    ability, threads = ABILITIES[precision.name], target.unit.threads
    block = ability.block(target.unit)
    others = (block // 2, 2 * block) if ability.any_block(target.unit) else ()
    yield [{"block": other} for other in others if other >= LEAST_BLOCK]
    yield [{"winograd": False}]
    parts = {threads - 1, threads * 3 // 4, threads // 2, threads // 4, 1}
    yield [{"threads": count} for count in sorted(parts, reverse=True) if 1 <= count < threads]


def possible_forms(target: CpuTarget, precision: Precision) -> dict[str, NetworkForm]:
    """Every form that the target can be given, by its text; records may name others, of another zcc."""
    forms = [default_form(target, precision.name)]
    for values in dimensions(target, precision):
        forms += [replace(form, **value) for value in values for form in tuple(forms)]
    return {write_form(form): form for form in forms}


def write_form(form: NetworkForm) -> str:
    """A form as text, for example `block=16 winograd=1 threads=2`."""
    return " ".join(f"{name}={int(value)}" for name, value in asdict(form).items())
