"""Kernels tell the pool how many tasks a loop has that it is about to share out, so that all threads get as many."""

from __future__ import annotations

from tvm import tirx
from tvm_ffi import structural_map

from zcc.compiler.backends.cpu.program.frame_pool import TASKS


def announce_tasks(function: tirx.PrimFunc) -> tirx.PrimFunc:
    """The function with the number of tasks told before each of its parallel loops."""

    def announced(loop: tirx.For) -> tirx.Stmt:
        if loop.kind != tirx.ForKind.PARALLEL:
            return loop
        told = tirx.Evaluate(tirx.call_extern("int32", TASKS, loop.extent.astype("int32")))
        return tirx.SeqStmt([told, loop])

    return function.with_body(structural_map(function.body, (tirx.For, announced)))
