"""A kernel as MetaSchedule knows it: a block that names the kernel, and a mark on it that names its form.

Templates build their code from a spec and a choice, so a schedule has nothing to transform: it records the choice.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import tvm_ffi
from tvm import ir, tirx
from tvm.s_tir import Schedule
from tvm.script.ir_builder import IRBuilder
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.choices import Tunable, read_choice

FUNCTION, BLOCK = "main", "kernel"
KERNEL_MARK, CHOICE_MARK = "zcc.kernel", "zcc.choice"
CHOICE_FIELD = "tile"  # the field of a tunable spec that holds its choice


def describe_kernel(spec: Tunable) -> str:
    """Everything that the kernel computes, whatever its form."""
    texts = [f"{field.name}={_text(getattr(spec, field.name))}" for field in fields(spec) if field.name != CHOICE_FIELD]
    return f"{type(spec).__name__}({', '.join(texts)})".replace('"', "'")


def make_workload(spec: Tunable) -> ir.IRModule:
    """The kernel as a module that differs where the kernel differs."""
    with IRBuilder() as builder, T.prim_func(s_tir=True):
        T.func_name(FUNCTION)
        with T.sblock(BLOCK):
            T.reads()
            T.writes()
            T.sblock_attr({KERNEL_MARK: describe_kernel(spec)})
            T.evaluate(0)
    return ir.IRModule({FUNCTION: builder.get()})


def workload_key(spec: Tunable) -> str:
    """The structural hash that the kernel's records are found by."""
    return str(tvm_ffi.structural_hash(make_workload(spec)))


def kernel_in(module: ir.IRModule) -> str:
    """The description of the workload's kernel."""
    return str(_marks(module)[KERNEL_MARK])


def chosen_in(module: ir.IRModule) -> Any:
    """The choice that a schedule of the space made."""
    return read_choice(str(_marks(module)[CHOICE_MARK]))


def _marks(module: ir.IRModule) -> Any:
    sch = Schedule(module)
    return sch.get(sch.get_sblock(BLOCK)).annotations


def _text(value: Any) -> str:
    """A function by its structural hash, since names within it mean nothing; anything else by its repr."""
    return f"function {tvm_ffi.structural_hash(value)}" if isinstance(value, tirx.PrimFunc) else repr(value)
