"""What vector units can do with each dtype: one entry each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from zcc.compiler.backends.cpu.kernels.byte_dot import ONE_INSTRUCTION
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit


def _always(unit: VectorUnit) -> bool:
    return True


def _never(unit: VectorUnit) -> bool:
    return False


@dataclass(frozen=True)
class Ability:
    """What a dtype asks of a vector unit."""

    computes: Callable[[VectorUnit], bool] = _always  # whether there are kernels for it
    natively: Callable[[VectorUnit], bool] = _always  # whether the unit has instructions of its own for it
    any_block: bool = True  # whether its maps may lie in blocks of fewer or more channels than a register has lanes


ABILITIES: dict[str, Ability] = {
    "fp32": Ability(),
    "fp16": Ability(),
    "tf32": Ability(_never, _never),  # a product of tensor cores
    "bf16": Ability(lambda unit: unit.bf16, lambda unit: unit.bf16, any_block=False),
    "int8": Ability(natively=lambda unit: unit.dot in ONE_INSTRUCTION),
}
