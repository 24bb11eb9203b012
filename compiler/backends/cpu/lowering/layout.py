"""The network as calls of kernels on planned memory: what the entry points are built from."""

from __future__ import annotations

from dataclasses import dataclass

from zcc.compiler.backends.cpu.kernels.choices import Choices, Defaults
from zcc.compiler.backends.cpu.kernels.packing import HaloKernel
from zcc.compiler.backends.cpu.kernels.spec import Address, KernelCall, VectorUnit
from zcc.compiler.backends.cpu.layout.arena import plan_arena
from zcc.compiler.backends.cpu.layout.place import VIEWS, Placement, Storage, View
from zcc.compiler.backends.cpu.layout.weights import Constants, WeightStore
from zcc.compiler.backends.cpu.lowering.lowering import Lowering
from zcc.compiler.backends.cpu.lowering.table import lower_op
from zcc.compiler.ir.ops import Op
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
    calls.clear_border(placement.image)
    body, tail = (calls.lower(ops) for ops in (placement.ops[: placement.body], placement.ops[placement.body :]))
    return Layout(placement, lowering, body, tail, lowering.weights.constants(), arena_size)


class _Calls:
    """Lowers operations; the border of each map is cleared before the map is first written."""

    def __init__(self, lowering: Lowering) -> None:
        self.lowering = lowering
        self.pending: list[KernelCall] = []
        self.cleared: set[Storage] = set()

    def lower(self, ops: list[Op]) -> tuple[KernelCall, ...]:
        for op in ops:
            if isinstance(op, VIEWS):
                continue
            for tensor in op.outputs:
                self.clear_border(tensor)
            self.pending.append(lower_op(op, self.lowering))
        calls, self.pending = tuple(self.pending), []
        return calls

    def clear_border(self, tensor: Tensor) -> None:
        storage = self.lowering.view(tensor).storage
        halo = storage.halo
        if halo and storage not in self.cleared:
            self.cleared.add(storage)
            whole = View(storage, 0, storage.blocks).slab().grown(halo, halo, halo, halo)
            address = self.lowering.offsets[storage]
            spec = HaloKernel(whole, halo, storage.zero)
            self.pending.append(KernelCall(spec, (address,), f"border of {tensor.name}"))
