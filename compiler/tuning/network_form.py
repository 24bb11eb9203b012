"""What concerns a network as a whole: the forms that it can be built in, beside those of its kernels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace

from zcc.compiler.kernels.spec import VectorUnit
from zcc.compiler.precision.table import Precision
from zcc.compiler.targets.target import Target

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


def default_form(target: Target) -> NetworkForm:
    """The form that is taken when nothing was measured: blocks that fill a register, all cores."""
    return NetworkForm(target.unit.lanes, True, target.unit.threads)


def dimensions(target: Target, precision: Precision) -> Iterator[list[dict[str, int | bool]]]:
    """What may differ from the default form, one thing after the other, each with its other values."""
    lanes, threads = target.unit.lanes, target.unit.threads
    yield [{"block": block} for block in (lanes // 2, 2 * lanes) if precision.any_block and block >= LEAST_BLOCK]
    yield [{"winograd": False}]
    parts = {threads - 1, threads * 3 // 4, threads // 2, threads // 4, 1}
    yield [{"threads": count} for count in sorted(parts, reverse=True) if 1 <= count < threads]


def offered(form: NetworkForm, target: Target, precision: Precision) -> bool:
    """Whether the target can be given the form; records may come from an older zcc."""
    default = default_form(target)
    known = {field.name: {getattr(default, field.name)} for field in fields(default)}
    for values in dimensions(target, precision):
        for value in values:
            for name, each in value.items():
                known[name].add(each)
    return all(value in known[name] for name, value in asdict(form).items())


def write_form(form: NetworkForm) -> str:
    """A form as text, for example `block=16 winograd=1 threads=2`."""
    return " ".join(f"{name}={int(value)}" for name, value in asdict(form).items())


def read_form(text: str) -> NetworkForm:
    """The form that `write_form` wrote; ValueError for anything else."""
    read = {name: int(value) for name, _, value in (pair.partition("=") for pair in text.split(" "))}
    if list(read) != [field.name for field in fields(NetworkForm)]:
        raise ValueError(f"{text!r} is no form of a network")
    return NetworkForm(read["block"], bool(read["winograd"]), read["threads"])
