"""Drafts with addresses: launches of a plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from zcc.compiler.backends.cuda.draft import Argument, Draft, LaunchScratch
from zcc.compiler.backends.cuda.kernels.conv_mma import ConvMma
from zcc.compiler.backends.cuda.kernels.kernel_source import name_of
from zcc.compiler.backends.cuda.kernels.pool import PoolChain
from zcc.compiler.backends.cuda.place import Placement, View
from zcc.compiler.backends.cuda.plan_memory import Memory
from zcc.compiler.ir.tensors import Tensor
from zcc.runtime.executors import plan as plans

MODULE = "network"


@dataclass(frozen=True)
class Addresses:
    """Places in regions, now that memory is planned."""

    offsets: Mapping[Memory, int]

    def place(self, argument: Argument) -> plans.Place:
        """Where the argument of a kernel begins."""
        if isinstance(argument, View):
            return plans.Place("arena", self.offsets[argument.storage] + argument.offset)
        if isinstance(argument, LaunchScratch):
            return plans.Place("arena", self.offsets[argument])
        return plans.Place("weights", argument.offset)

    def range(self, argument: Argument) -> plans.Range:
        """The bytes that the argument takes."""
        begin = self.place(argument)
        if not isinstance(argument, View):
            return plans.Range(begin.region, begin.offset, begin.offset + argument.bytes)
        storage = argument.storage
        end = begin.offset + (storage.height * storage.width - 1) * storage.pixel + argument.width
        strided = argument.width < storage.pixel
        return plans.Range("arena", begin.offset, end, *((argument.width, storage.pixel) if strided else ()))

    def tensor(self, view: View) -> plans.PlanTensor:
        """The whole storage of a view, for whoever looks at maps."""
        storage = view.storage
        dtype = "uint16" if storage.dtype == "bfloat16" else storage.dtype
        return plans.PlanTensor(self.place(view), dtype, (1, storage.height, storage.width, storage.channels))

    def result(self, tensor: Tensor, placement: Placement) -> plans.PlanTensor:
        """A result as an array: a map as it lies in memory, a plain tensor in the network's shape."""
        view = placement.views[tensor]
        is_map = tensor in placement.channels
        return self.tensor(view) if is_map else plans.PlanTensor(self.place(view), tensor.dtype, tensor.shape)


def launch(draft: Draft, after: list[int], address: Addresses, critical: bool) -> plans.Launch:
    """A draft as the plan has it, behind those launches that it waits for.

    Only what is on the critical path begins while others end: the rest would take places that it waits for.
    """
    counters = [scratch for scratch in draft.scratch if scratch.counters]
    reads: list[Argument] = [*draft.reads, *draft.constants, *counters]
    writes: list[Argument] = [*draft.writes, *draft.scratch]
    return plans.Launch(
        "network",
        MODULE,
        name_of(draft.spec),
        draft.spec.grid,
        draft.spec.block,
        tuple(address.place(argument) for argument in draft.arguments),
        tuple(after),
        draft.spec.shared_bytes,
        critical and isinstance(draft.spec, ConvMma | PoolChain) and draft.spec.early,
        draft.label,
        draft.flops,
        draft.bytes,
        tuple(address.range(argument) for argument in reads),
        tuple(address.range(argument) for argument in writes),
    )
