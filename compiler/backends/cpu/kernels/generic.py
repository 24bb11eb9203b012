"""Kernels for what no template of ours fits: TVM's loops, with a schedule that is decent for any of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tvm import s_tir, tirx

from zcc.compiler.backends.common.generic import SPATIAL
from zcc.compiler.backends.cpu.kernels.elementwise import PackedOperand, build_elementwise
from zcc.compiler.backends.cpu.kernels.sampled import Sampled, drawn, sample
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit
from zcc.compiler.backends.cpu.kernels.stores import stores_of
from zcc.compiler.ir.tensors import Array

PLAIN = Sampled(0)
ROWS, VECTORS = (6, 5, 4, 3, 2), (2, 3, 5, 1)  # of sums that are kept in registers, the first that fits
GROUPS = (8, 7, 6, 5, 4, 3, 2)  # times as many rows for each task, the first that fits
LEAST_LANES = 4  # of a register, where the last axis is no multiple of its own


@dataclass(frozen=True)
class GenericKernel:
    """A fused function as Relax lowered it."""

    function: tirx.PrimFunc  # inlined
    title: str
    operands: tuple[PackedOperand | None, ...] = ()  # the parameters that are packed maps, in an elementwise function
    tile: Sampled = PLAIN

    @property
    def name(self) -> str:
        """For example `generic_reshape_softmax`."""
        return f"generic_{self.title}"

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """Elementwise functions piece by piece; the loops of all others shared out, or as MetaSchedule's rules say."""
        if is_elementwise(self.function):
            operands = self.operands or (None,) * len(self.function.params)
            return build_elementwise(self.name, self.function, operands, unit)
        # A schedule changes what it is given in place.
        own = s_tir.renew_defs(self.function).with_attr("global_symbol", self.name)
        if self.tile != PLAIN:
            return sample(own, self.tile.seed, unit).with_attr("global_symbol", self.name)
        sch = s_tir.Schedule(own)
        for block in sch.get_child_blocks(sch.get_sblock("root")):
            _share_out(sch, block, unit)
        return sch.mod["main"]

    def preferred(self, unit: VectorUnit) -> Sampled:
        """The schedule that shares loops over threads and does nothing else."""
        return PLAIN

    def choices(self, unit: VectorUnit) -> Sequence[Sampled]:
        """Schedules that MetaSchedule's rules draw; what is elementwise has one alone."""
        return (PLAIN,) if is_elementwise(self.function) else drawn()

    def chosen(self, choice: Sampled) -> GenericKernel:
        """The kernel with that schedule."""
        return replace(self, tile=choice)

    def pack(self, dense: Array) -> Array:
        """Operands lie as they are."""
        return dense


def is_elementwise(function: tirx.PrimFunc) -> bool:
    """Whether the function makes each element of its outputs once, from its parameters alone."""
    return stores_of(function) is not None


def _share_out(sch: Any, block: Any, unit: VectorUnit) -> None:
    """Spatial loops outside and over the threads, the innermost spatial loop in vectors, reductions between."""
    loops = sch.get_loops(block)
    types = [var.iter_type for var in sch.get(block).iter_vars]
    if not loops or len(loops) != len(types):
        return
    spatial = [loop for loop, kind in zip(loops, types, strict=True) if kind == SPATIAL]
    reductions = [loop for loop, kind in zip(loops, types, strict=True) if kind != SPATIAL]
    if not spatial:
        return
    sch.reorder(*spatial, *reductions)
    *outer, inner = spatial
    lanes = _divisor(sch, inner, (unit.lanes, unit.lanes // 2, 4, 2))
    if reductions and outer and lanes >= LEAST_LANES:
        _tile(sch, block, outer, inner, reductions, lanes, unit.registers)
        return
    chunk, vector = sch.split(inner, [None, lanes])
    sch.reorder(chunk, *reductions, vector)
    sch.parallel(sch.fuse(*outer, chunk))
    if reductions:
        sch.decompose_reduction(block, reductions[0])
    if lanes > 1 and not reductions:
        sch.vectorize(vector)


def _tile(
    sch: Any, block: Any, outer: Sequence[Any], inner: Any, reductions: Sequence[Any], lanes: int, registers: int
) -> None:
    """Sums of several rows and vectors side by side, so that what is loaded is multiplied more than once."""
    vectors = _divisor(sch, inner, tuple(lanes * count for count in VECTORS)) // lanes or 1
    rows = _divisor(sch, outer[-1], [rows for rows in ROWS if rows * vectors + vectors < registers])
    shared = _shared_operand(sch, block)
    row, own = sch.split(outer[-1], [None, rows])
    group, row = sch.split(row, [None, _divisor(sch, row, GROUPS)])
    chunk, several, vector = sch.split(inner, [None, vectors, lanes])
    sch.reorder(*outer[:-1], group, chunk, row, *reductions, own, several, vector)
    task = sch.fuse(*outer[:-1], group, chunk)
    sch.parallel(task)
    if shared is not None and int(sch.get(row).extent) > 1:
        _gather(sch, block, shared, task, lanes)
    sch.vectorize(vector)
    sch.unroll(several)
    sch.unroll(own)
    sch.decompose_reduction(block, reductions[0])


def _shared_operand(sch: Any, block: Any) -> int | None:
    """Which of the operands all rows are multiplied with: one whose last axis is the result's, and rows are none."""
    body = sch.get(block)
    *_, row, last = (var.var for var in body.iter_vars if var.iter_type == SPATIAL)
    for number, read in enumerate(body.reads):
        first = [bound.min for bound in read.region]
        if len(first) > 1 and first[-1].same_as(last) and not any(each.same_as(row) for each in first):
            return number
    return None


def _gather(sch: Any, block: Any, operand: int, task: Any, lanes: int) -> None:
    """Lay side by side what a task reads of an operand: its rows are far apart, and share few sets of the cache."""
    copy = sch.cache_read(block, operand, "global")
    sch.compute_at(copy, task)
    _, vector = sch.split(sch.get_loops(copy)[-1], [None, lanes])
    sch.vectorize(vector)


def _divisor(sch: Any, loop: Any, sizes: Sequence[int]) -> int:
    """The first of the sizes that a loop's extent is a multiple of, else 1."""
    extent = int(sch.get(loop).extent)
    return next((size for size in sizes if extent % size == 0), 1)
