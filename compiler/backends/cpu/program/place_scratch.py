"""A kernel's working memory, out of its caller's: compiled code asks no allocator for anything.

Kernels declare buffers wherever they need them. Small ones stay on the stack. Of the others, those of a task lie in a
strip of its thread's own, and those that all tasks share lie before the strips. How many threads there are is known
when the kernel is called: the pool that shares a loop over tasks out is told, and tells each task its thread's strip.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import tvm
from tvm import ir, s_tir, tirx
from tvm.ir import PrimType
from tvm.s_tir.stmt import SBlock
from tvm_ffi import structural_map, structural_walk

from zcc.compiler.backends.cpu.program.frame_pool import STRIP, STRIPS
from zcc.compiler.backends.cpu.program.pointers import address_of, pointer
from zcc.compiler.backends.cpu.program.workspace import Memory, Workspace

ALIGNMENT = 64
# Bytes from which on a buffer leaves the stack, by its scope; what is local is wanted in registers.
MOST = {"global": 1024, "local": 8192}
PARALLEL = tirx.ForKind.PARALLEL
STAYS = "disable_lower_builtin"  # TVM's word for what is not to be had from its heap

# Until buffers have their final place in the loops, their final size, and no blocks around them.
FIND_PLACES = tvm.transform.Sequential(
    [
        s_tir.transform.CanonicalizeLoop(),
        s_tir.transform.LowerInitBlock(),
        s_tir.transform.PlanAndUpdateBufferAllocationLocation(),
        s_tir.transform.ConvertBlocksToOpaque(),
    ]
)
FIND_SIZES = s_tir.transform.CompactBufferAllocation()
LEAVE_BLOCKS = tvm.transform.Sequential([s_tir.transform.LowerMatchBuffer(), s_tir.transform.LowerOpaqueBlock()])


def place_scratch(function: tirx.PrimFunc, workspace: Workspace) -> tuple[tirx.PrimFunc, Memory]:
    """The kernel with its larger buffers in the workspace, and how much of that it takes."""
    placed = _with_places(function)
    strips = [_Strip.holding(_large(loop.body)) for loop in _found(placed.body, tirx.For) if loop.kind == PARALLEL]
    inside = {buffer for strip in strips for buffer in strip.offsets}
    shared = _Strip.holding([buffer for buffer in _large(placed.body) if buffer not in inside])
    scratch = Memory(shared.size, max((strip.size for strip in strips), default=0))
    if scratch == Memory():
        return placed, scratch
    memory = tirx.decl_buffer((scratch.bytes(1),), "uint8", name="scratch_bytes")

    def by_threads(loop: tirx.For) -> tirx.Stmt:
        strip = _Strip.holding(_large(loop.body)) if loop.kind == PARALLEL else NOTHING
        if strip == NOTHING:
            return loop
        thread = tirx.Var("thread", PrimType("int32"))
        body = strip.declare(loop.body, memory, shared.size + thread * scratch.each)
        return _on_strips(loop, body, thread, workspace.threads)

    body = shared.declare(structural_map(placed.body, (tirx.For, by_threads)), memory, 0)
    return placed.with_body(tirx.SeqStmt([tirx.DeclBuffer(memory, data=workspace.memory), body])), scratch


def _with_places(function: tirx.PrimFunc) -> tirx.PrimFunc:
    module = FIND_PLACES(ir.IRModule({"kernel": function}))
    blocks = _found(module["kernel"].body, SBlock)
    # The pass follows every index of a kernel through its loops; most have no buffer whose size it could find.
    if any(block.alloc_buffers for block in blocks):
        module = FIND_SIZES(module)
    return LEAVE_BLOCKS(module)["kernel"]


def keep_on_stack(function: tirx.PrimFunc) -> tirx.PrimFunc:
    """The lowered function with what is left of its buffers on the stack, however large TVM thinks they are."""
    stays = (tirx.AllocBuffer, lambda buffer: tirx.AllocBuffer(buffer.buffer, {STAYS: tirx.const(1, "int32")}))
    return function.with_body(structural_map(function.body, stays))


@dataclass(frozen=True)
class _Strip:
    """Buffers one after another."""

    offsets: Mapping[Any, int]
    size: int

    @classmethod
    def holding(cls, buffers: Sequence[Any]) -> _Strip:
        """Each at the beginning of a cache line."""
        offsets, size = {}, 0
        for buffer in buffers:
            offsets[buffer] = size
            size += -(-_bytes(buffer) // ALIGNMENT) * ALIGNMENT
        return cls(offsets, size)

    def declare(self, body: tirx.Stmt, memory: Any, begin: Any) -> tirx.Stmt:
        """The statements with the buffers in memory, where they were allocated."""

        def declared(allocation: tirx.AllocBuffer) -> tirx.Stmt:
            buffer = allocation.buffer
            if buffer not in self.offsets:
                return allocation
            start = pointer(f"{buffer.name}_pointer", str(buffer.dtype))
            address = address_of(memory, begin + self.offsets[buffer], start.ty)
            return tirx.SeqStmt([tirx.Bind(start, address), tirx.DeclBuffer(buffer, data=start)])

        return structural_map(body, (tirx.AllocBuffer, declared))


NOTHING = _Strip({}, 0)


def _on_strips(loop: tirx.For, body: tirx.Stmt, thread: tirx.Var, threads: tirx.Var) -> tirx.Stmt:
    """The loop, shared by at most so many threads, each of which has a strip."""
    within = tirx.SeqStmt([tirx.Bind(thread, tirx.call_extern("int32", STRIP)), body])
    announced = tirx.Evaluate(tirx.call_extern("int32", STRIPS, threads))
    return tirx.SeqStmt([announced, tirx.For(loop.loop_var, loop.min, loop.extent, PARALLEL, within)])


def _large(body: tirx.Stmt) -> list[Any]:
    """The buffers that do not stay on the stack."""
    buffers = [allocation.buffer for allocation in _found(body, tirx.AllocBuffer)]
    return [buffer for buffer in buffers if _bytes(buffer) >= MOST[buffer.ty.storage_scope]]


def _bytes(buffer: Any) -> int:
    return prod(int(extent) for extent in buffer.ty.shape) * np.dtype(str(buffer.dtype)).itemsize


def _found(body: tirx.Stmt, kind: type) -> list[Any]:
    found: list[Any] = []
    structural_walk(body, (kind, found.append))
    return found
