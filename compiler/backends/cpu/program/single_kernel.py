"""Compiles one kernel as a program would: a subroutine of a module, called with the memory of its operands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from pathlib import Path
from typing import Any

import tvm_ffi
from tvm import ir, tirx
from tvm.script.ir_builder import IRBuilder
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.spec import KernelSpec
from zcc.compiler.backends.cpu.program.build import build_library
from zcc.compiler.backends.cpu.program.subroutine import make_subroutine
from zcc.compiler.backends.cpu.program.workspace import Arena, Memory
from zcc.compiler.backends.cpu.targets.target import CpuTarget
from zcc.runtime.aligned import aligned_bytes
from zcc.runtime.engine import engine
from zcc.runtime.frame_pool import PoolCode
from zcc.runtime.host import worker_threads

Kernel = Callable[..., None]


def compile_kernels(specs: list[KernelSpec], target: CpuTarget, folder: Path) -> list[Kernel]:
    """A function for each spec, all of one module, called with an array per parameter; those of equal specs are one."""
    library = folder / "kernels.so"
    distinct = list(dict.fromkeys(specs))
    memories = _build([spec.build(target.unit) for spec in distinct], target, library, _strided)
    module = tvm_ffi.load_module(str(library))
    entries = enumerate(zip(distinct, memories, strict=True))
    code = PoolCode.of(module)
    made = {spec: _callable(module[entry_name(number)], memory, code) for number, (spec, memory) in entries}
    return [made[spec] for spec in specs]


def build_kernels(functions: Sequence[tirx.PrimFunc], target: CpuTarget, library: Path) -> list[Memory]:
    """A library with an entry per function, each called with a flat array per parameter and one of working memory."""
    return _build(functions, target, library, _flat)


def entry_name(number: int) -> str:
    """The entry of the function of that number."""
    return f"entry{number}"


def _build(
    functions: Sequence[tirx.PrimFunc], target: CpuTarget, library: Path, declare: Callable[[Any], Any]
) -> list[Memory]:
    """How much working memory each entry wants."""
    module, memories = _module(functions, declare)
    build_library(module, target.tvm_target(), library)
    return memories


def kernel_module(spec: KernelSpec, target: CpuTarget) -> ir.IRModule:
    """One kernel behind an entry, for those who look at the code that LLVM makes of it."""
    return _module([spec.build(target.unit)], _strided)[0]


def _module(functions: Sequence[tirx.PrimFunc], declare: Callable[[Any], Any]) -> tuple[ir.IRModule, list[Memory]]:
    module: dict[ir.GlobalVar, Any] = {}
    memories: list[Memory] = []
    for number, function in enumerate(functions):
        routine = make_subroutine(f"kernel{number}", function)
        module[routine.name] = routine.function
        with IRBuilder() as builder, T.prim_func(s_tir=True):
            T.func_name(entry_name(number))
            buffers = [T.arg(f"a{index}", declare(param)) for index, param in enumerate(function.params)]
            arena = Arena.declare(0, routine.scratch)
            T.add_to_parent(routine.call([buffer.data for buffer in buffers], arena.workspace()))
        module[ir.GlobalVar(entry_name(number))] = builder.get()
        memories.append(routine.scratch)
    return ir.IRModule(module), memories


def extent(param: Any) -> int:
    """Elements from the first to the last of a kernel's parameter."""
    shape, strides = _shape(param)
    if not strides:
        return prod(shape)
    return 1 + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))


def _flat(param: Any) -> Any:
    return T.Buffer((extent(param),), str(param.dtype), align=64)


def _strided(param: Any) -> Any:
    shape, strides = _shape(param)
    return T.Buffer(shape, str(param.dtype), strides=strides or None, align=64)


def _shape(param: Any) -> list[list[int]]:
    return [[int(size) for size in part] for part in (param.ty.shape, param.ty.strides)]


def _callable(function: Any, memory: Memory, code: PoolCode) -> Kernel:
    arena = aligned_bytes(memory.bytes(worker_threads()))

    def run(*arrays: Any) -> None:
        engine().share(code)
        function(*map(tvm_ffi.from_dlpack, (*arrays, arena)))

    return lambda *arrays: engine().call(lambda: run(*arrays))
