"""From a program's module to machine code."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import tvm
from tvm import ir, s_tir, tirx

from zcc.compiler.backends.cpu.program.frame_pool import write_pool
from zcc.compiler.backends.cpu.program.linking import cross_linker
from zcc.compiler.backends.cpu.program.place_scratch import keep_on_stack
from zcc.compiler.backends.cpu.program.subroutine import on_cpu

# To the linker. Lines of kernels that no source file holds help no debugger, and are a third of the file.
WITHOUT_DEBUG = "-Wl,-S"
COMPACT = s_tir.transform.CompactBufferAllocation().info.name


def build_library(module: ir.IRModule, target: Any, path: Path) -> None:
    """Compile the module for `target` and link it into a shared library at `path`."""
    link = cross_linker(str(target.attrs["mtriple"]))
    with tempfile.TemporaryDirectory() as folder:
        pool = str(write_pool(target, Path(folder)))
        _compiled(module, target).export_library(str(path), fcompile=link, options=[WITHOUT_DEBUG], addons=[pool])


def assembly(module: ir.IRModule, target: Any) -> str:
    """What LLVM makes of the module, to look at."""
    return str(_compiled(module, target).inspect_source("asm"))


def _compiled(module: ir.IRModule, target: Any) -> Any:
    return tvm.get_global_func("target.build.llvm")(lowered(module, target), target.with_host(target))


def lowered(module: ir.IRModule, target: Any) -> ir.IRModule:
    """The module as LLVM gets it."""
    module = tirx.transform.BindTarget(target.with_host(target))(module)
    lower, finalize_host, _ = tirx.get_tir_pipeline("s_tir")
    # Kernels' buffers have their size already, and in loops over threads this pass finds no bounds for them.
    with tvm.transform.PassContext(disabled_pass=[COMPACT]):
        module = lower(module)
    subroutines = {
        name: on_cpu(keep_on_stack(function)) for name, function in module.functions.items() if _is_private(function)
    }
    return finalize_host()(ir.IRModule({**module.functions, **subroutines}, attrs=module.attrs))


def _is_private(function: tirx.PrimFunc) -> bool:
    return not (function.attrs and "global_symbol" in function.attrs)
