"""The subroutines that a module's entry points are made of, and the memory beyond the network's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from tvm import ir, tirx
from tvm.ir import PrimType

from zcc.compiler.backends.cpu.kernels.pack_image import IMAGE_KERNELS
from zcc.compiler.backends.cpu.kernels.spec import Address, KernelCall, KernelSpec, VectorUnit
from zcc.compiler.backends.cpu.lowering.layout import Layout
from zcc.compiler.backends.cpu.program.pointers import address_of, pointer
from zcc.compiler.backends.cpu.program.subroutine import Subroutine, finish, make_subroutine
from zcc.compiler.backends.cpu.program.workspace import Memory, Workspace

ALIGNMENT = 64
# A network has about a hundred kernels; those of its other dtypes and forms are mostly the same.
MOST_KERNELS = 512


@lru_cache(MOST_KERNELS)
def _kernel(spec: KernelSpec, unit: VectorUnit) -> Subroutine:
    return make_subroutine(spec.name, spec.build(unit))


class Parts:
    """The subroutines of a module; each kernel is built once."""

    def __init__(self, layout: Layout, unit: VectorUnit) -> None:
        self.layout = layout
        self.unit = unit
        self.functions: dict[ir.GlobalVar, tirx.PrimFunc] = {}
        self.known: dict[KernelSpec, Subroutine] = {}
        self.scratch = Memory()
        self.image = layout.placement.views[layout.placement.image].slab()
        self.sizes = {
            "weights": max(layout.constants.size, 1),
            "arena": self.arena_size,
            "result": layout.placement.views[layout.placement.output].storage.bytes,
        }
        self.load = self.kernel(IMAGE_KERNELS[self.image.dtype](self.image))
        self.body = self._sequence("body", layout.body)
        self.tail = self._sequence("tail", layout.tail)

    @property
    def arena_size(self) -> int:
        """Bytes of planned memory of the network."""
        return aligned(max(self.layout.arena_size, 1))

    def memory(self, planned: int) -> Memory:
        """What an entry point needs that has so many bytes of planned memory."""
        return self.scratch.behind(planned)

    def kernel(self, spec: KernelSpec) -> Subroutine:
        """The subroutine of a spec."""
        if spec not in self.known:
            self.known[spec] = self.include(f"k{len(self.known)}_{spec.name}", _kernel(spec, self.unit))
        return self.known[spec]

    def add(self, name: str, function: tirx.PrimFunc) -> Subroutine:
        """A function under a name of its own."""
        return self.include(name, make_subroutine(name, function))

    def include(self, name: str, routine: Subroutine) -> Subroutine:
        """A subroutine, perhaps of other modules, too, under a name of its own."""
        routine = replace(routine, name=ir.GlobalVar(name))
        self.functions[routine.name] = routine.function
        self.scratch = self.scratch.also(routine.scratch)
        return routine

    def call(self, call: KernelCall, buffers: dict[str, Any], workspace: Workspace) -> tirx.Stmt:
        """One kernel on the memory it was planned for."""
        arguments = [address_of(buffers[at.region], at.offset) for at in call.arguments]
        return self.kernel(call.spec).call(arguments, workspace)

    def module(self, entries: dict[str, tirx.PrimFunc]) -> ir.IRModule:
        """Everything that was built, and the entry points."""
        return ir.IRModule({**self.functions, **{ir.GlobalVar(name): f for name, f in entries.items()}})

    def _sequence(self, name: str, calls: Sequence[KernelCall]) -> Subroutine:
        """A subroutine (weights, arena, result) that makes the calls one after another."""
        pointers = {region: pointer(region, "uint8") for region in self.sizes}
        workspace = Workspace.declare()
        buffers = {
            region: tirx.decl_buffer((size,), "uint8", name=f"{region}_bytes") for region, size in self.sizes.items()
        }
        statements: list[tirx.Stmt] = [tirx.DeclBuffer(buffers[region], data=pointers[region]) for region in self.sizes]
        statements += [self.call(call, buffers, workspace) for call in calls]
        given = [*pointers.values(), workspace.memory, workspace.threads]
        function = tirx.PrimFunc(given, finish(tirx.SeqStmt(statements)), PrimType("int32"))
        routine = Subroutine(ir.GlobalVar(f"network_{name}"), function, (), self.scratch)
        self.functions[routine.name] = function
        return routine


class Regions:
    """Memory beyond the network's own arena, laid out one after another."""

    def __init__(self, size: int) -> None:
        self.size = aligned(size)

    def take(self, size: int) -> Address:
        """A new region at the end."""
        address = Address("arena", self.size)
        self.size += aligned(size)
        return address


def aligned(size: int) -> int:
    """The size, up to the next multiple of what memory is aligned to."""
    return -(-size // ALIGNMENT) * ALIGNMENT
