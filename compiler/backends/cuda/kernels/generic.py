"""Kernels for what no source of ours computes: a loop nest of TVM's, with a thread for each element of its result."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import tvm
import tvm_ffi
from tvm import s_tir, tirx

from zcc.compiler.backends.common.generic import SPATIAL
from zcc.compiler.backends.cuda.kernels.kernel_source import Extent

THREADS = 256  # of a block: what TVM wrote was never quick, and this fills any card
OPERAND = "operand"  # how a function's parameters are named, with their number behind it
ENTRY = "entry"
SOURCE_TARGET = {"kind": "cuda", "arch": "sm_70"}  # what TVM writes for it, NVRTC compiles for any
_COMPILE = "tvm_callback_cuda_compile"
_BEGIN = 'extern "C" __global__'
_PARAMETER = re.compile(rf"{OPERAND}(\d+)_ptr[,)]")


@dataclass(frozen=True, eq=False)
class GenericKernel:
    """The kernel of one loop nest, whose parameters are called operand0, operand1 and so on."""

    function: tirx.PrimFunc

    title = "generic"
    library = ("generic.cuh",)
    shared_bytes = 0

    @property
    def grid(self) -> Extent:
        """A thread for each element."""
        return self._scheduled[1], 1, 1

    @property
    def block(self) -> Extent:
        """Threads."""
        return THREADS, 1, 1

    @property
    def order(self) -> list[int]:
        """The numbers of the operands in the order in which the kernel takes them."""
        head = self._source[: self._source.index("{")]
        return [int(number) for number in _PARAMETER.findall(head)]

    def body(self, name: str) -> str:
        """The kernel as TVM writes it."""
        return self._source.replace(f"{ENTRY}_kernel", name)

    @cached_property
    def _source(self) -> str:
        with _uncompiled() as written:
            made = tvm.compile(self._scheduled[0], target=tvm.target.Target(SOURCE_TARGET))
        text = written[0] if written else str(made.mod.imports[0].inspect_source())
        return text[text.rindex(_BEGIN) :]

    @cached_property
    def _scheduled(self) -> tuple[Any, int]:
        """The nest with its loops bound to blocks and threads, and the number of blocks."""
        # A schedule changes what it is given in place.
        schedule = s_tir.Schedule(s_tir.renew_defs(self.function).with_attr("global_symbol", ENTRY))
        (block,) = schedule.get_child_blocks(schedule.get_sblock("root"))
        count = _share_out(schedule, block)
        return schedule.mod, count


@contextmanager
def _uncompiled() -> Iterator[list[str]]:
    """TVM leaves what it writes as it is; where its CUDA runtime is at hand it would compile it, and hands it over."""
    known, written = tvm_ffi.get_global_func(_COMPILE), list[str]()

    def leave(source: str) -> bytearray:
        written.append(source)
        return bytearray(source.encode())

    tvm_ffi.register_global_func(_COMPILE, leave, override=True)
    try:
        yield written
    finally:
        tvm_ffi.register_global_func(_COMPILE, known, override=True)


def _share_out(schedule: Any, block: Any) -> int:
    """Spatial loops over blocks and threads, reductions inside, summed up in a register; the number of blocks."""
    loops = schedule.get_loops(block) or [schedule.add_unit_loop(block)]
    kinds = [axis.iter_type for axis in schedule.get(block).iter_vars] or [SPATIAL]
    spatial = [loop for loop, kind in zip(loops, kinds, strict=True) if kind == SPATIAL]
    reductions = [loop for loop, kind in zip(loops, kinds, strict=True) if kind != SPATIAL]
    schedule.reorder(*spatial, *reductions)
    every = schedule.fuse(*spatial) if spatial else schedule.add_unit_loop(reductions[0])
    blocks, threads = schedule.split(every, [None, THREADS])
    schedule.bind(blocks, "blockIdx.x")
    schedule.bind(threads, "threadIdx.x")
    if reductions:
        if len(schedule.get(block).writes) == 1:
            schedule.reverse_compute_at(schedule.cache_write(block, 0, "local"), threads)
        schedule.decompose_reduction(block, reductions[0])
    return int(schedule.get(blocks).extent)
