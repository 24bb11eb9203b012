"""AMX's tile registers for processors that have none: kernels call functions of C where they have its instructions."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import tvm
import tvm_ffi
from tvm import ir, tirx

from tests import store
from zcc.compiler.backends.cpu.kernels.amx_steps import PIN
from zcc.compiler.backends.cpu.kernels.spec import KernelSpec, VectorUnit
from zcc.compiler.backends.cpu.program.single_kernel import Kernel, compile_kernels
from zcc.compiler.backends.cpu.targets.target import CpuTarget

SOURCE = Path(__file__).with_name("tile_registers.c")
INSTRUCTIONS = (
    *("ldtilecfg", "tilerelease", "tilezero", "tileloadd64", "tilestored64"),
    *("tdpbusd", "tdpbf16ps", "tdpfp16ps"),
)
COMPILER = shutil.which("cc")


def in_registers(target: CpuTarget) -> Any:
    """The target for a test's parameter: in the processor's own tile registers, where it has them."""
    reason = "this processor lacks what the target asks for, or Linux does not grant its tile registers"
    lacking = pytest.mark.skipif(not target.runs_here(), reason=reason)
    return pytest.param(target, None, id="in registers", marks=lacking)


def in_memory(target: CpuTarget, vectors: CpuTarget) -> Any:
    """The same with tile registers in memory, on all processors that have the vector units of another target."""
    able = COMPILER is not None and vectors.runs_here()
    reason = f"a C compiler makes the tile registers, for processors with what {vectors.name} asks for"
    return pytest.param(target, vectors, id="in memory", marks=pytest.mark.skipif(not able, reason=reason))


@dataclass(frozen=True)
class Emulated:
    """A kernel that keeps its tiles in memory."""

    spec: KernelSpec

    @property
    def name(self) -> str:
        """The kernel's own."""
        return self.spec.name

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """The same loops, with calls instead of AMX's instructions."""
        return emulated(self.spec.build(unit))


def emulated(function: tirx.PrimFunc) -> tirx.PrimFunc:
    """The function with calls instead of AMX's instructions."""
    return function.with_body(tvm_ffi.structural_map(function.body, (ir.Call, _called)))


def emulated_module(module: ir.IRModule) -> ir.IRModule:
    """The same for all functions of a program."""
    functions = {name: emulated(function) for name, function in module.functions.items()}
    return ir.IRModule(functions, attrs=module.attrs)


@contextmanager
def tiled_kernels(
    specs: Sequence[KernelSpec], target: CpuTarget, vectors: CpuTarget | None, folder: Path
) -> Iterator[list[Kernel]]:
    """Kernels in the form of a target, with its instructions or, given another's vectors, with tiles in memory."""
    if vectors is None:
        yield compile_kernels([*specs], target, folder)
        return
    with tiles_in_memory():
        yield compile_kernels([Emulated(spec) for spec in specs], replace(vectors, unit=target.unit), folder)


@contextmanager
def tiles_in_memory() -> Iterator[None]:
    """Inside, kernels with calls may be loaded and run. Some do, and give no tile what a processor refuses."""
    library = _library()
    library.tile_faults()
    library.tile_products()
    yield
    assert library.tile_products(), "nothing was multiplied in tiles"
    assert not library.tile_faults(), "a processor would have refused it"


def _called(call: Any) -> Any:
    if getattr(call.op, "name", None) == "tirx.call_pure_extern" and call.args[0].value == PIN:
        return call.args[1]  # registers of another size hold it in parts
    name = _instruction(call)
    if name is None:
        return call
    given = [_in_words(each) if isinstance(each, tirx.IntImm) else each for each in call.args[1:]]
    return tirx.call_extern("int32", f"zcc_test_{name}", *given)


def _in_words(number: Any) -> Any:
    """Registers as C wants whole numbers; distances as they are."""
    return tirx.const(int(number), "int32") if str(number.ty.dtype) == "int8" else number


def _instruction(call: Any) -> str | None:
    if getattr(call.op, "name", None) != "tirx.call_llvm_intrin":
        return None
    return _numbers().get(int(call.args[0]))


@cache
def _numbers() -> dict[int, str]:
    """The instructions by LLVM's numbers for them."""
    find = tvm.get_global_func("target.llvm_lookup_intrinsic_id")
    return {int(find(f"llvm.x86.{name}")): name for name in INSTRUCTIONS}


@cache
def _library() -> Any:
    """The functions, where kernels that are loaded find them."""

    def make(folder: Path) -> None:
        flags = ["-O2", "-std=c11", "-fPIC", "-shared", "-mfma", "-Wall", "-Wextra", "-Werror"]
        subprocess.run([str(COMPILER), *flags, str(SOURCE), "-lm", "-o", str(folder / "tiles.so")], check=True)

    library = ctypes.CDLL(str(store.made_once("tile-registers", make) / "tiles.so"), mode=ctypes.RTLD_GLOBAL)
    library.tile_faults.restype = library.tile_products.restype = ctypes.c_long
    return library
