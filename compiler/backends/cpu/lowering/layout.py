"""The network as calls of kernels on planned memory: what the entry points are built from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zcc.compiler.backends.cpu.kernels.choices import Choices, Defaults
from zcc.compiler.backends.cpu.kernels.packing import Border, HaloKernel
from zcc.compiler.backends.cpu.kernels.spec import Address, KernelCall, VectorUnit
from zcc.compiler.backends.cpu.layout.arena import plan_arena
from zcc.compiler.backends.cpu.layout.borders import clearings
from zcc.compiler.backends.cpu.layout.place import VIEWS, Placement, Storage, View
from zcc.compiler.backends.cpu.layout.weights import Constants, WeightStore
from zcc.compiler.backends.cpu.lowering.lowering import Lowering
from zcc.compiler.backends.cpu.lowering.table import lower_op
from zcc.compiler.ir.tensors import Tensor


@dataclass(frozen=True)
class Layout:
    """Kernel calls in two parts: `body` makes the maps that a raw head is read from, `tail` decodes them.

    Without such maps everything is body.
    """

    placement: Placement
    lowering: Lowering
    body: tuple[KernelCall, ...]
    tail: tuple[KernelCall, ...]
    constants: Constants
    arena_size: int

    @property
    def calls(self) -> tuple[KernelCall, ...]:
        """All calls, in order."""
        return self.body + self.tail

    @property
    def weights(self) -> bytes:
        """The constants as the kernels read them."""
        return self.constants.blob

    @property
    def image_at(self) -> Address:
        """Where the first pixel of the input planes lies."""
        return self.lowering.address(self.placement.image)


def lay_out(placement: Placement, unit: VectorUnit, choices: Choices | None, sharing: bool) -> Layout:
    """Plan the arena and turn every operation into a kernel call; `sharing` lets tensors take each other's memory."""
    offsets, arena_size = plan_arena(placement, sharing)
    lowering = Lowering(placement, offsets, WeightStore(), unit, choices or Defaults())
    calls = _Calls(lowering)
    body, tail = (calls.lower(range(*part)) for part in ((0, placement.body), (placement.body, len(placement.ops))))
    return Layout(placement, lowering, body, tail, lowering.weights.constants(), arena_size)


class _Calls:
    """Lowers operations; the border of each map is cleared before the map is first written."""

    def __init__(self, lowering: Lowering) -> None:
        self.lowering = lowering
        self.clearings = clearings(lowering.placement)

    def lower(self, steps: range) -> tuple[KernelCall, ...]:
        calls: list[KernelCall] = []
        for step in steps:
            if step in self.clearings:
                calls.append(self._clear(self.clearings[step]))
            op = self.lowering.placement.ops[step]
            if not isinstance(op, VIEWS):
                calls.append(lower_op(op, self.lowering))
        return tuple(calls)

    def _clear(self, tensors: Sequence[Tensor]) -> KernelCall:
        storages = [self.lowering.view(tensor).storage for tensor in tensors]
        addresses = tuple(self.lowering.offsets[storage] for storage in storages)
        return KernelCall(HaloKernel(tuple(map(_border, storages))), addresses, f"border of {tensors[0].name}")


def _border(storage: Storage) -> Border:
    halo = storage.halo
    return Border(View(storage, 0, storage.blocks).slab().grown(halo, halo, halo, halo), halo, storage.zero)
