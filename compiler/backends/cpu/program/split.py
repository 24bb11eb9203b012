"""A program's module in pieces that are compiled apart: each of its kernels, and the functions that call them.

Others call a kernel by a symbol that is a hash of what it computes. The same kernel is the same piece in every program.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import tvm
from tvm import ir, tirx
from tvm_ffi import structural_map, structural_walk

GLOBAL = "global_symbol"
MOST_KERNELS = 512  # whose digests are remembered
# In what a function says: the files that its lines are from. The same kernel is the same wherever zcc lies.
FILES = re.compile(r'("type":\s*"ir\.SourceName",\s*"data":\s*)"(?:[^"\\]|\\.)*"')


@dataclass(frozen=True)
class ModulePiece:
    """Functions that are compiled together, and the hash of all that they say."""

    functions: Mapping[ir.GlobalVar, tirx.PrimFunc]
    digest: str
    symbols: Mapping[ir.GlobalVar, str]  # by which other pieces call its private functions

    @property
    def computes(self) -> bool:
        """Whether it is a kernel: others only check what they are given, and call kernels."""
        return bool(self.symbols)


def split(module: ir.IRModule) -> list[ModulePiece]:
    """The kernels of the module, and at the end a piece with all that calls them."""
    kernels = {name: _kernel(name, function) for name, function in module.functions.items() if _calls_nobody(function)}
    symbols = {name: symbol for piece in kernels.values() for name, symbol in piece.symbols.items()}
    callers = {
        name: _call_by_symbol(function, symbols) for name, function in module.functions.items() if name not in kernels
    }
    distinct = {piece.digest: piece for piece in kernels.values()}
    return [*distinct.values(), ModulePiece(callers, _digest(ir.IRModule(callers)), {})]


def is_private(function: tirx.PrimFunc) -> bool:
    """Whether the function is called by others of its module alone."""
    return not (function.attrs and GLOBAL in function.attrs)


def _kernel(name: ir.GlobalVar, function: tirx.PrimFunc) -> ModulePiece:
    digest = _kernel_digest(function)
    return ModulePiece({name: function}, digest, {name: f"zcc_kernel_{digest[:32]}"})


@lru_cache(MOST_KERNELS)  # programs of a process share the very functions
def _kernel_digest(function: tirx.PrimFunc) -> str:
    return _digest(function)


def _digest(node: Any) -> str:
    return hashlib.sha256(FILES.sub(r'\1""', tvm.ir.save_json(node)).encode()).hexdigest()


def _calls_nobody(function: tirx.PrimFunc) -> bool:
    called: list[ir.GlobalVar] = []
    structural_walk(function, (ir.Call, lambda call: called.append(call.op)))
    return is_private(function) and not any(isinstance(op, ir.GlobalVar) for op in called)


def _call_by_symbol(function: tirx.PrimFunc, symbols: Mapping[ir.GlobalVar, str]) -> tirx.PrimFunc:
    def by_symbol(call: ir.Call) -> ir.Call:
        symbol = symbols.get(call.op) if isinstance(call.op, ir.GlobalVar) else None
        return call if symbol is None else tirx.call_extern("int32", symbol, *call.args)

    return function.with_body(structural_map(function.body, (ir.Call, by_symbol)))
