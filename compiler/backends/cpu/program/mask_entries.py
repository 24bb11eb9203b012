"""Entry points for masks, beside those of every module.

`zcc_areas`       coefficients, cells, starts, arena -> areas: the sums of the prototypes that the last frame left there
`zcc_masks`       areas, cells, starts, pixels, begins, places, arena -> bitmaps
`zcc_prototypes`  arena -> the prototypes that a network's run left there, as the file has them
"""

from __future__ import annotations

from typing import Any

from tvm import tirx
from tvm.ir import PrimType
from tvm.script.ir_builder import IRBuilder
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.frame.masks import PLACES, build_areas, build_masks
from zcc.compiler.backends.cpu.frame.raw import PackedMap
from zcc.compiler.backends.cpu.kernels.packing import UnpackKernel
from zcc.compiler.backends.cpu.lowering.layout import Layout
from zcc.compiler.backends.cpu.program.parts import Parts
from zcc.compiler.backends.cpu.program.pointers import address_of
from zcc.compiler.backends.cpu.program.subroutine import Subroutine
from zcc.compiler.backends.cpu.program.workspace import Arena
from zcc.compiler.ir.tensors import Tensor
from zcc.runtime.errors import BuildError
from zcc.runtime.library import AREAS, MASKS, PROTOTYPES

FLOAT = 4  # bytes


class MaskEntries:
    """The kernels, added to the parts of a module whose network makes prototypes; `entries` come when all are there."""

    def __init__(self, parts: Parts, prototypes: Tensor) -> None:
        self._parts = parts
        self._held = packed_prototypes(parts.layout, prototypes)
        self._count, _, self._width = prototypes.shape[1:]
        self._prototypes = prototypes
        self._areas = parts.add("areas", build_areas(self._held, self._count))
        self._masks = parts.add("masks", build_masks(self._width, lanes=parts.unit.lanes))
        segments = parts.layout.placement.channels[prototypes].segments
        self._unpack = parts.kernel(UnpackKernel(segments, self._held.slab))

    def entries(self, planned: int) -> dict[str, tirx.PrimFunc]:
        """The entry points, for an arena of so many bytes."""
        return {
            AREAS: self._entry(AREAS, planned, self._sum_up),
            MASKS: self._entry(MASKS, planned, self._draw),
            PROTOTYPES: self._entry(PROTOTYPES, self._parts.arena_size, self._give),
        }

    def _entry(self, name: str, planned: int, body: Any) -> tirx.PrimFunc:
        with IRBuilder() as builder, T.prim_func(s_tir=True):
            T.func_name(name)
            body(planned)
        return builder.get()

    def _sum_up(self, planned: int) -> None:
        n, total = tirx.Var("n", PrimType("int32")), tirx.Var("total", PrimType("int64"))
        coefficients = T.arg("coefficients", T.Buffer((n, self._count), "float32", align=4))
        cells, starts = _of_each("cells", n), _begins("starts", n)
        arena = Arena.declare(planned, self._parts.scratch)
        areas = T.arg("areas", T.Buffer((total,), "float32", align=4))
        given = [address_of(arena.buffer, 0), *(each.data for each in (coefficients, cells, starts, areas))]
        self._call(self._areas, [*given, n, total], arena)

    def _draw(self, planned: int) -> None:
        n = tirx.Var("n", PrimType("int32"))
        total, size = (tirx.Var(name, PrimType("int64")) for name in ("total", "size"))
        areas = T.arg("areas", T.Buffer((total,), "float32", align=4))
        cells, starts = _of_each("cells", n), _begins("starts", n)
        pixels, begins = _of_each("pixels", n), _begins("begins", n)
        places = T.arg("places", T.Buffer(PLACES, "float32", align=4))
        arena = Arena.declare(planned, self._parts.scratch)
        out = T.arg("bitmaps", T.Buffer((size,), "uint8", align=1))
        given = [each.data for each in (areas, cells, starts, pixels, begins, places, out)]
        self._call(self._masks, [*given, n, total, size], arena)

    def _give(self, planned: int) -> None:
        arena = Arena.declare(planned, self._parts.scratch)
        result = T.arg("result", T.Buffer(self._prototypes.shape, "float32", align=4))
        place = address_of(arena.buffer, self._held.offset * FLOAT)
        self._call(self._unpack, [place, result.data], arena)

    @staticmethod
    def _call(routine: Subroutine, arguments: list[Any], arena: Arena) -> None:
        workspace = arena.workspace()
        T.add_to_parent(routine.call(arguments, workspace))


def packed_prototypes(layout: Layout, prototypes: Tensor) -> PackedMap:
    """The prototypes in the arena."""
    if prototypes not in layout.placement.channels:
        raise BuildError("the prototypes are made by operators that have no kernel of ours", "report it with the model")
    return PackedMap(layout.lowering.view(prototypes).slab(), layout.lowering.address(prototypes).offset // FLOAT)


def _of_each(name: str, n: Any) -> Any:
    return T.arg(name, T.Buffer((n, 4), "int32", align=4))


def _begins(name: str, n: Any) -> Any:
    return T.arg(name, T.Buffer((n,), "int64", align=8))
