"""From a program's module to machine code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tvm
from tvm import ir, tirx

from zcc.compiler.backends.cpu.program.subroutine import on_cpu

# To the linker. Lines of kernels that no source file holds help no debugger, and are a third of the file.
WITHOUT_DEBUG = "-Wl,-S"


def build_library(module: ir.IRModule, target: Any, path: Path) -> None:
    """Compile the module for `target` and link it into a shared library at `path`."""
    target = target.with_host(target)
    module = tirx.transform.BindTarget(target)(module)
    lower, finalize_host, _ = tirx.get_tir_pipeline("s_tir")
    module = lower(module)
    subroutines = {name: on_cpu(function) for name, function in module.functions.items() if _is_private(function)}
    module = finalize_host()(ir.IRModule({**module.functions, **subroutines}, attrs=module.attrs))
    library = tvm.get_global_func("target.build.llvm")(module, target)
    library.export_library(str(path), options=[WITHOUT_DEBUG])


def _is_private(function: tirx.PrimFunc) -> bool:
    return not (function.attrs and "global_symbol" in function.attrs)
