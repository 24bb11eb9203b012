"""Kernels as subroutines: buffers become pointers, so that one module can call them without packing arguments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tvm import ir, tirx
from tvm.ir import PrimType
from tvm.tirx.buffer import is_buffer_var

from zcc.compiler.backends.cpu.program.place_scratch import place_scratch
from zcc.compiler.backends.cpu.program.pointers import pointer
from zcc.compiler.backends.cpu.program.workspace import Memory, Workspace

CPU = 1  # DLDeviceType.kDLCPU


@dataclass(frozen=True)
class Subroutine:
    """A private function.

    The shape and stride variables `symbols` follow its own parameters, and the workspace follows these.
    """

    name: ir.GlobalVar
    function: tirx.PrimFunc
    symbols: tuple[Any, ...]
    scratch: Memory

    def call(self, arguments: Sequence[Any], workspace: Workspace, symbols: Sequence[Any] = ()) -> tirx.Stmt:
        """Call it; its failure is the caller's failure."""
        code = tirx.Var("code", PrimType("int32"))
        given = [*arguments, *symbols, workspace.memory, workspace.threads]
        called = ir.Call(self.name, given, ret_ty="int32")
        message = ir.StringImm(f"kernel {self.name.name_hint} failed")
        succeeded = tirx.AssertStmt(tirx.EQ(code, tirx.const(0, "int32")), ir.StringImm("RuntimeError"), [message])
        return tirx.SeqStmt([tirx.Bind(code, called), succeeded])


def make_subroutine(name: str, function: tirx.PrimFunc) -> Subroutine:
    """The function with a pointer in the place of each buffer, and its working memory out of a workspace."""
    workspace = Workspace.declare()
    function, scratch = place_scratch(function, workspace)
    parameters: list[Any] = []
    declarations: list[tirx.Stmt] = []
    for param in function.params:
        if not is_buffer_var(param):
            parameters.append(param)
            continue
        start = pointer(f"{param.name}_pointer", str(param.dtype))
        parameters.append(start)
        declarations.append(tirx.DeclBuffer(param, data=start))
    symbols = _symbols(function)
    body = finish(tirx.SeqStmt([*declarations, function.body]))
    attrs = {key: value for key, value in dict(function.attrs or {}).items() if key != "global_symbol"}
    given = [*parameters, *symbols, workspace.memory, workspace.threads]
    private = tirx.PrimFunc(given, body, PrimType("int32"), ir.make_node("ir.DictAttrs", **attrs))
    return Subroutine(ir.GlobalVar(name), private, symbols, scratch)


def finish(body: tirx.Stmt) -> tirx.Stmt:
    """A subroutine's body, which returns 0 when it came to its end."""
    return tirx.SeqStmt([body, tirx.Return(tirx.const(0, "int32"))])


def on_cpu(function: tirx.PrimFunc) -> tirx.PrimFunc:
    """Say that a lowered subroutine's local buffers live in CPU memory, as entry points learn from their arguments."""
    body = function.body
    for key, value in (("device_type", CPU), ("device_id", 0)):
        body = tirx.AttrStmt(ir.StringImm("default"), key, tirx.const(value, "int32"), body)
    return function.with_body(body)


def _symbols(function: tirx.PrimFunc) -> tuple[Any, ...]:
    """The variables in the shapes and strides of the parameters that are not parameters themselves."""
    found: list[Any] = []
    for param in function.params:
        if is_buffer_var(param):
            extents = [*param.ty.shape, *param.ty.strides]
            found += [extent for extent in extents if isinstance(extent, ir.Var)]
    scalars = [param for param in function.params if not is_buffer_var(param)]
    unique = dict.fromkeys(found)
    return tuple(var for var in unique if not any(var.same_as(scalar) for scalar in scalars))
