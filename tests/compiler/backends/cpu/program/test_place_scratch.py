"""Compiled code works in its caller's memory alone: it asks no allocator for anything, whatever kernels it holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import onnxsim
import pytest
import tvm_ffi
from tvm import ir, tirx
from tvm.script.ir_builder import tirx as T
from tvm_ffi import structural_walk

from tests.compiler.backends.cpu.small_network import small_network_in_bytes
from tests.compiler.precision.samples import Sample, sample
from tests.compiler.symbols import symbols
from tests.conftest import Tiny
from tests.onnx_models import build
from zcc.compiler.backends.cpu.kernels.spec import KernelSpec, VectorUnit, building
from zcc.compiler.backends.cpu.lowering.pipeline import lower_network
from zcc.compiler.backends.cpu.program.build import build_library, lowered
from zcc.compiler.backends.cpu.program.emit import EmittedModule, emit, emit_network
from zcc.compiler.backends.cpu.program.single_kernel import build_kernels, compile_kernels, entry_name
from zcc.compiler.backends.cpu.program.subroutine import make_subroutine
from zcc.compiler.backends.cpu.program.workspace import Memory
from zcc.compiler.backends.cpu.targets.table import TARGETS, native_target
from zcc.compiler.backends.cpu.targets.target import CpuTarget
from zcc.compiler.importing.fuse import fuse
from zcc.compiler.importing.read_network import read_network
from zcc.compiler.importing.relax_module import import_proto
from zcc.compiler.ir.ops import Network
from zcc.compiler.ir.quantisation import IMAGE, Quantisation
from zcc.compiler.precision.bf16 import shorten
from zcc.compiler.precision.int8 import quantise
from zcc.runtime.aligned import aligned_bytes
from zcc.runtime.engine import engine
from zcc.runtime.library import MODULE

ALLOCATORS = ("malloc", "calloc", "realloc", "free", "mmap", "aligned_alloc", "posix_memalign", "_Znwm", "_Znam")
WIDE = Quantisation.of_range(-6.0, 6.0)


def in_bytes(network: Network) -> Network:
    names = {tensor.name for op in network.ops for tensor in (*op.inputs, *op.outputs) if tensor.is_map}
    return quantise(network, {**dict.fromkeys(names, WIDE), network.image.name: IMAGE}, {})


CONVERSIONS: dict[str, Callable[[Network], Network]] = {"bf16": shorten, "int8": in_bytes}


def large(family: str, folder: Path) -> Sample:
    """A detector of large enough maps that kernels need more than the stack gives."""
    return sample(folder, family, imgsz=(160, 160), width=16)


@cache
def imported(family: str) -> ir.IRModule:
    """What all networks of a family are read from."""
    proto, _ = onnxsim.simplify(build(family, imgsz=(160, 160), width=16))
    return import_proto(proto)


def detector(family: str, target: CpuTarget, folder: Path) -> EmittedModule:
    """All of a frame's way."""
    made = large(family, folder)
    layout = lower_network(made.network, target.unit)
    return emit(layout, made.frame_of(layout), target.unit)


def asks_for(module: ir.IRModule) -> set[str]:
    """The names of what the lowered module calls, and the buffers that it would have from a heap."""
    found: set[str] = set()

    def called(call: ir.Call) -> None:
        found.update(str(part.value) for part in call.args if isinstance(part, ir.StringImm))
        found.add(getattr(call.op, "name", ""))

    for function in module.functions.values():
        structural_walk(function, (ir.Call, called))
    return {name for name in found if "Workspace" in name or name in ALLOCATORS}


# What of a unit the kernels of a precision are built by: targets that differ in nothing else get the same module.
SEEN: dict[str, Callable[[VectorUnit], VectorUnit]] = {
    "fp32": lambda unit: replace(unit, dot="", bf16=False),
    "bf16": lambda unit: unit,
    "int8": lambda unit: replace(unit, bf16=False),
}


def distinct_targets(precision: str) -> list[str]:
    """The targets whose kernels differ."""
    able = [target for target in TARGETS.values() if target.computes(precision)]
    return list({SEEN[precision](target.unit): target.name for target in reversed(able)}.values())


def test_no_module_asks_for_memory(tmp_path: Path) -> None:
    """The frame's kernels, too."""
    target = TARGETS[distinct_targets("fp32")[-1]]
    program = detector("yolo11", target, tmp_path)
    assert program.detect.each > 0, "no kernel wanted memory of its own"
    assert asks_for(lowered(program.module, target.tvm_target())) == set()


def kinds(network: Network, target: CpuTarget) -> list[KernelSpec]:
    """A kernel of each kind, the first and largest one."""
    calls = lower_network(network, target.unit).calls
    return list({(type(call.spec), getattr(call.spec, "kernel", None)): call.spec for call in reversed(calls)}.values())


@pytest.mark.parametrize(
    ("precision", "target"), [(precision, name) for precision in SEEN for name in distinct_targets(precision)]
)
def test_no_kernel_of_any_kind_for_any_target_asks_for_memory(precision: str, target: str) -> None:
    chosen, convert = TARGETS[target], CONVERSIONS.get(precision, lambda network: network)
    # One of them with attention.
    networks = [convert(fuse(read_network(imported(family)))) for family in ("yolo11", "yolov5")]
    specs = dict.fromkeys(spec for network in networks for spec in kinds(network, chosen))
    routines = [make_subroutine(f"kernel{n}", spec.build(chosen.unit)) for n, spec in enumerate(specs)]
    module = ir.IRModule({routine.name: routine.function for routine in routines})
    assert asks_for(lowered(module, chosen.tvm_target())) == set()


def test_no_library_takes_an_allocator_from_elsewhere(tiny_artifact: Tiny, tmp_path: Path) -> None:
    target, integers = native_target(), tmp_path / "integers.so"
    program = emit_network(lower_network(small_network_in_bytes(), target.unit), target.unit)
    build_library(program.module, target.tvm_target(), integers)
    for library in (tiny_artifact.folder / MODULE, integers):
        taken = symbols(library)
        assert "TVMBackendParallelLaunch" in taken, "what it takes is seen"
        assert not [name for name in taken if "Workspace" in name or name.partition("@")[0] in ALLOCATORS]


@dataclass(frozen=True)
class Doubled:
    """2 * x by way of a table that all tasks share, and a row of each task's own; both too large for the stack."""

    rows: int = 37
    columns: int = 700

    @property
    def name(self) -> str:
        return "doubled"

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        with building(self.name) as kernel:
            x = T.arg("x", T.Buffer((self.rows, self.columns), "float32"))
            out = T.arg("out", T.Buffer((self.rows, self.columns), "float32"))
            table = T.alloc_buffer((self.rows, self.columns), "float32")
            with T.parallel(0, self.rows) as row, T.serial(0, self.columns) as column:
                T.buffer_store(table, x[row, column], [row, column])
            with T.parallel(0, self.rows) as row:
                own = T.alloc_buffer((self.columns,), "float32")
                with T.serial(0, self.columns) as column:
                    T.buffer_store(own, table[row, column], [column])
                with T.serial(0, self.columns) as column:
                    T.buffer_store(out, own[column] + own[column], [row, column])
        return kernel.function


def test_buffers_of_tasks_are_apart_from_what_they_share(tmp_path: Path) -> None:
    [kernel] = compile_kernels([Doubled()], native_target(), tmp_path)
    x = np.random.default_rng(0).random((37, 700), np.float32)
    out = np.zeros_like(x)
    kernel(x, out)
    np.testing.assert_array_equal(out, 2 * x)


@pytest.mark.parametrize("threads", [1, 2, 3, 36, 37, 50])
def test_an_arena_may_be_for_any_number_of_threads(threads: int, tmp_path: Path) -> None:
    library = tmp_path / "kernels.so"
    spec, target = Doubled(), native_target()
    [memory] = build_kernels([spec.build(target.unit)], target, library)
    assert memory == Memory(37 * 700 * 4 + 16, 700 * 4 + 16)
    entry = tvm_ffi.load_module(str(library), keep_module_alive=False)[entry_name(0)]
    x = np.random.default_rng(0).random(37 * 700, np.float32)
    out, arena = aligned_bytes(4 * x.size).view(np.float32), aligned_bytes(memory.bytes(threads))
    given = aligned_bytes(4 * x.size).view(np.float32)
    given[:] = x
    engine().call(lambda: entry(*map(tvm_ffi.from_dlpack, (given, out, arena))))
    np.testing.assert_array_equal(out, 2 * x)


def test_an_arena_for_no_thread_is_refused(tmp_path: Path) -> None:
    library = tmp_path / "kernels.so"
    target = native_target()
    [memory] = build_kernels([Doubled().build(target.unit)], target, library)
    entry = tvm_ffi.load_module(str(library), keep_module_alive=False)[entry_name(0)]
    arrays = [aligned_bytes(4 * 37 * 700).view(np.float32) for _ in range(2)]
    call = partial(entry, *map(tvm_ffi.from_dlpack, (*arrays, aligned_bytes(memory.shared))))
    with pytest.raises(ValueError, match="the arena is smaller than"):
        engine().call(call)
