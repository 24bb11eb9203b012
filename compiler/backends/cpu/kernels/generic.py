"""Kernels for what no template of ours fits: TVM's loops, with a schedule that is decent for any of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tvm import ir, s_tir, tirx
from tvm_ffi import structural_map

from zcc.compiler.backends.cpu.kernels.elementwise import PackedOperand, build_elementwise
from zcc.compiler.backends.cpu.kernels.sampled import Sampled, drawn, sample
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit
from zcc.compiler.backends.cpu.kernels.stores import stores_of
from zcc.compiler.ir.tensors import Array

SPATIAL = 0  # tirx.IterVar.DataPar
PLAIN = Sampled(0)


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
        if self.tile != PLAIN:
            return sample(self.function, self.tile.seed, unit).with_attr("global_symbol", self.name)
        sch = s_tir.Schedule(self.function.with_attr("global_symbol", self.name))
        for block in sch.get_child_blocks(sch.get_sblock("root")):
            _share_out(sch, block, unit)
        return sch.mod["main"]

    def preferred(self, unit: VectorUnit) -> Sampled:
        """The plain one."""
        return PLAIN

    def choices(self, unit: VectorUnit) -> Sequence[Sampled]:
        """Schedules that MetaSchedule's rules draw; what is elementwise has one alone."""
        return (PLAIN,) if is_elementwise(self.function) else drawn()

    def chosen(self, choice: Sampled) -> GenericKernel:
        """With another schedule."""
        return replace(self, tile=choice)

    def pack(self, dense: Array) -> Array:
        """Operands lie as they are."""
        return dense


def prepared(function: tirx.PrimFunc) -> tirx.PrimFunc:
    """The function with elementwise steps computed where they are read."""
    return _with_own_lets(_inlined(function))


def _inlined(function: tirx.PrimFunc) -> tirx.PrimFunc:
    sch = s_tir.Schedule(function)
    outputs = {block.name_hint for block in map(sch.get, sch.get_output_blocks(sch.get_sblock("root")))}
    for block in sch.get_child_blocks(sch.get_sblock("root")):
        inner = sch.get(block).name_hint not in outputs
        if inner and _is_elementwise(sch, block) and _feeds_elementwise(sch, block):
            sch.compute_inline(block)
    return sch.mod["main"].without_attr("global_symbol")


def _with_own_lets(function: tirx.PrimFunc) -> tirx.PrimFunc:
    """The function with a variable of its own for each Let: what was inlined in two places must not share them."""

    def renewed(let: Any) -> Any:
        own = tirx.Var(let.var.name, let.var.ty)
        return tirx.Let(own, let.value, structural_map(let.body, (ir.Var, lambda v: own if v.same_as(let.var) else v)))

    return function.with_body(structural_map(function.body, (tirx.Let, renewed)))


def is_elementwise(function: tirx.PrimFunc) -> bool:
    """Whether the function makes each element of its outputs once, from its parameters alone."""
    return stores_of(function) is not None


def _is_elementwise(sch: Any, block: Any) -> bool:
    """Whether each element is made once, from an index without arithmetic, so that inlining is exact."""
    body = sch.get(block)
    plain_store = isinstance(body.body, tirx.BufferStore)
    return plain_store and all(var.iter_type == SPATIAL for var in body.iter_vars)


def _feeds_elementwise(sch: Any, block: Any) -> bool:
    """Inlining into a reduction would compute the element once for every sum it enters."""
    return all(_is_elementwise(sch, consumer) for consumer in sch.get_consumers(block))


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
    extent = int(sch.get(inner).extent)
    lanes = next(lanes for lanes in (unit.lanes, unit.lanes // 2, 4, 2, 1) if extent % lanes == 0)
    chunk, vector = sch.split(inner, [None, lanes])
    sch.reorder(chunk, *reductions, vector)
    sch.parallel(sch.fuse(*outer, chunk))
    if reductions:
        sch.decompose_reduction(block, reductions[0])
    if lanes > 1 and not reductions:
        sch.vectorize(vector)
