"""What vector units can do with each dtype: one entry each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from zcc.compiler.backends.cpu.kernels.byte_dot import ONE_INSTRUCTION
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit

FLOAT = 4  # bytes of a float32


def _always(unit: VectorUnit) -> bool:
    return True


def _never(unit: VectorUnit) -> bool:
    return False


def _floats(unit: VectorUnit) -> int:
    return FLOAT


@dataclass(frozen=True)
class Ability:
    """What a dtype asks of a vector unit."""

    computes: Callable[[VectorUnit], bool] = _always  # whether there are kernels for it
    natively: Callable[[VectorUnit], bool] = _always  # whether the unit has instructions of its own for it
    in_tiles: Callable[[VectorUnit], bool] = _never  # whether it also has tile registers that multiply it
    item: Callable[[VectorUnit], int] = _floats  # bytes of a number in the maps that its kernels read
    any_block: Callable[[VectorUnit], bool] = _always  # whether its maps may lie in other blocks than `block` says

    def block(self, unit: VectorUnit) -> int:
        """The channels that lie side by side: as many as a register has lanes, or holds where lanes are operands."""
        return unit.lanes * FLOAT // self.item(unit) if unit.by_lane else unit.lanes


ABILITIES: dict[str, Ability] = {
    "fp32": Ability(in_tiles=lambda unit: "fp32" in unit.amx),
    "fp16": Ability(
        natively=lambda unit: bool(unit.widening),
        in_tiles=lambda unit: "fp16" in unit.amx,
        item=lambda unit: FLOAT // 2 if unit.widening else FLOAT,
        any_block=lambda unit: not unit.widening,
    ),
    "tf32": Ability(_never, _never),  # a product of tensor cores
    "bf16": Ability(
        computes=lambda unit: unit.bf16,
        natively=lambda unit: unit.bf16,
        in_tiles=lambda unit: "bf16" in unit.amx,
        item=lambda unit: FLOAT // 2,
        any_block=lambda unit: False,
    ),
    "int8": Ability(
        natively=lambda unit: unit.dot in ONE_INSTRUCTION,
        in_tiles=lambda unit: "int8" in unit.amx,
        item=lambda unit: 1,
    ),
}
