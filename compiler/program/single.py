"""Compiles one kernel as a program would: a subroutine of a module, called with the memory of its operands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import tvm_ffi
from tvm import ir
from tvm.script.ir_builder import IRBuilder
from tvm.script.ir_builder import tirx as T

from zcc.compiler.kernels.spec import KernelSpec
from zcc.compiler.program.build import build_library
from zcc.compiler.program.subroutine import make_subroutine
from zcc.compiler.targets.target import Target
from zcc.runtime.engine import engine

Kernel = Callable[..., None]


def compile_kernels(specs: list[KernelSpec], target: Target, folder: Path) -> list[Kernel]:
    """One function per spec, all of one module, each called with an array per parameter."""
    functions: dict[ir.GlobalVar, Any] = {}
    for number, spec in enumerate(specs):
        built = spec.build(target.unit)
        routine = make_subroutine(f"kernel{number}", built)
        functions[routine.name] = routine.function
        with IRBuilder() as builder, T.prim_func(s_tir=True):
            T.func_name(f"entry{number}")
            buffers = [T.arg(f"a{index}", _flat(param)) for index, param in enumerate(built.params)]
            T.add_to_parent(routine.call([buffer.data for buffer in buffers]))
        functions[ir.GlobalVar(f"entry{number}")] = builder.get()
    library = folder / "kernels.so"
    build_library(ir.IRModule(functions), target.tvm_target(), library)
    module = tvm_ffi.load_module(str(library))
    return [_callable(module[f"entry{number}"]) for number in range(len(specs))]


def _flat(param: Any) -> Any:
    shape, strides = ([int(extent) for extent in part] for part in (param.ty.shape, param.ty.strides))
    return T.Buffer(shape, str(param.dtype), strides=strides or None, align=64)


def _callable(function: Any) -> Kernel:
    def call(*arrays: Any) -> None:
        engine().call(lambda: function(*map(tvm_ffi.from_dlpack, arrays)))

    return call
