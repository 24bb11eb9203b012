"""Fused elementwise functions of TVM's, as loops over the pieces on which they are simple.

What reads a packed map reads it as it lies, lane by lane, so that the decoding of a head starts at the convolutions'
own results.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise, product
from math import prod
from typing import Any

import numpy as np
import tvm_ffi
from tvm import ir, sym, tirx
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.partition import decided, evaluate, factors, parts_of, pieces, turns
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit, building
from zcc.compiler.backends.cpu.kernels.stores import Store, int64, stores_of

Range = tuple[int, int]
Part = tuple[Range, Any]  # a piece of the last axis, and what is stored on it
MOST_CUTS = 8  # of an axis so that vectors begin in known lanes
MOST_NESTS = 128  # of all axes, so that no condition is left


@dataclass(frozen=True)
class PackedOperand:
    """A map as it lies; `lanes` says for each of its channels the lane it is in, counted over all blocks."""

    slab: Slab
    lanes: tuple[int, ...]


def build_elementwise(
    name: str, function: tirx.PrimFunc, operands: Sequence[PackedOperand | None], unit: VectorUnit
) -> tirx.PrimFunc:
    """The function with packed maps in the place of those parameters that have an operand here."""
    with building(name) as kernel:
        arguments = [
            _Argument(param, _declare(param, operand), operand)
            for param, operand in zip(function.params, operands, strict=True)
        ]
        for store in stores_of(function) or []:
            _Nests(store, arguments, unit).emit()
    return kernel.function


def _declare(param: Any, operand: PackedOperand | None) -> Any:
    if operand is not None:
        return operand.slab.argument(param.name)
    shape = [int(extent) for extent in param.ty.shape]
    return T.arg(param.name, T.Buffer(shape, str(param.ty.dtype)))


@dataclass(frozen=True)
class _Argument:
    param: Any  # as the function names it
    buffer: Any  # as the kernel does
    operand: PackedOperand | None


class _Loops:
    """The loops around the code that is being emitted, and what they make of index expressions."""

    def __init__(self, ranges: dict[Any, int] | None = None) -> None:
        self.ranges = ranges or {}
        self.analyzer = sym.Analyzer()
        for variable, extent in self.ranges.items():
            self.analyzer.bind(variable, ir.Range(int64(0), int64(extent)))
        self.stack = ExitStack()

    def __enter__(self) -> _Loops:
        return self

    def __exit__(self, *exception: Any) -> None:
        self.stack.close()

    def enter(self, extents: Sequence[int], shared: int) -> list[Any]:
        """Open a loop for each extent, the first `shared` of them as one over the threads; their variables."""
        task = self.stack.enter_context(T.parallel(int64(0), int64(prod(extents[:shared]))))
        variables = []
        for number, extent in enumerate(extents[:shared]):
            behind = prod(extents[number + 1 : shared])
            position = tirx.floormod(tirx.floordiv(task, behind), extent)
            variables.append(self.declare(T.bind(position), extent))
        for extent in extents[shared:]:
            variables.append(self.declare(self.stack.enter_context(T.serial(int64(0), int64(extent))), extent))
        return variables

    def declare(self, variable: Any, extent: int) -> Any:
        """Note what a variable ranges over."""
        self.analyzer.bind(variable, ir.Range(int64(0), int64(extent)))
        self.ranges[variable] = extent
        return variable

    def within(self, ranges: dict[Any, int]) -> _Loops:
        """These loops and more inside them."""
        return _Loops({**self.ranges, **ranges})

    def simplify(self, expr: Any) -> Any:
        """The expression in its simplest form."""
        return self.analyzer.simplify(expr)

    def values(self, expr: Any) -> Any:
        """Everything that the expression evaluates to, None when that is not known."""
        used = [v for v in self.ranges if any(True for _ in parts_of(expr, v.same_as))]
        mesh = np.ix_(*(np.arange(self.ranges[v]) for v in used)) if used else ()
        return evaluate(expr, dict(zip(used, mesh, strict=True)))


class _Nests:
    """Emits the loops of one store."""

    def __init__(self, store: Store, arguments: Sequence[_Argument], unit: VectorUnit) -> None:
        self.store = store
        self.arguments = arguments
        self.unit = unit
        *self.outer, self.last = store.variables
        self.width = store.extents[-1]

    def emit(self) -> None:
        """Nests for all combinations of pieces of the outer axes."""
        outer = self.outer
        cuts = [pieces(self.store.value, v, 0, extent) for v, extent in zip(outer, self.store.extents, strict=False)]
        while prod(map(len, cuts)) > MOST_NESTS:
            longest = max(range(len(cuts)), key=lambda axis: len(cuts[axis]))
            cuts[longest] = [(0, self.store.extents[longest])]
        for ranges in product(*cuts):
            nest = dict(zip(outer, ranges, strict=True))
            value = self.decided(self.store.value, nest, (0, self.width))
            parts = [(piece, self.decided(value, nest, piece)) for piece in pieces(value, self.last, 0, self.width)]
            for finer in self.cut_by_lanes(parts, nest):
                self.emit_parts([part for piece in parts for part in self.cut_by_blocks(*piece, finer)], finer)

    def decided(self, value: Any, outer: dict[Any, Range], last: Range) -> Any:
        """The value without what does not change over these ranges."""
        ranges = {**outer, self.last: last}
        mesh = np.ix_(*(np.arange(begin, end) for begin, end in ranges.values()))
        analyzer = sym.Analyzer()
        for variable, (begin, end) in ranges.items():
            analyzer.bind(variable, ir.Range(int64(begin), int64(end)))

        def simple(load: Any) -> Any:
            return tirx.BufferLoad(load.source, [analyzer.simplify(index) for index in load.indices])

        return tvm_ffi.structural_map(decided(value, dict(zip(ranges, mesh, strict=True))), (ir.TensorLoad, simple))

    def cut_by_lanes(self, parts: Sequence[Part], outer: dict[Any, Range]) -> list[dict[Any, Range]]:
        """The ranges, cut so that vectors along the last axis begin in one lane throughout."""
        begins = {variable: np.array([begin]) for variable, (begin, _) in outer.items()}
        nests = [outer]
        for variable, (begin, end) in outer.items():
            points = {begin, end}
            for (first, final), value in parts:
                along = self.lanes(value, {**begins, self.last: np.arange(first, final)})
                across = self.lanes(value, {**begins, variable: np.arange(begin, end), self.last: np.array([first])})
                for number in along.keys() & across.keys():
                    found = turns(across[number], begin)
                    points.update(found if np.ptp(along[number]) and len(found) < MOST_CUTS else [])
            nests = [{**nest, variable: piece} for nest in nests for piece in pairwise(sorted(points))]
        return nests

    def cut_by_blocks(self, piece: Range, value: Any, outer: dict[Any, Range]) -> list[Part]:
        """A piece of the last axis, cut so that vectors along it may begin where blocks do."""
        begins = {variable: np.array([begin]) for variable, (begin, _) in outer.items()}
        points = set(piece)
        for along in self.lanes(value, {**begins, self.last: np.arange(*piece)}).values():
            jumps = turns(along - np.arange(*piece), piece[0])
            if np.ptp(along) == 0 or len(jumps) > MOST_CUTS:
                continue
            points.update(jumps)
            for begin, end in pairwise([piece[0], *jumps, piece[1]]):
                borders = turns(along[begin - piece[0] : end - piece[0]] // self.unit.lanes, begin)
                points.update(borders[:1] + borders[-1:])
        return [(finer, value) for finer in pairwise(sorted(points))]

    def lanes(self, value: Any, at: dict[Any, Any]) -> dict[int, Any]:
        """The lanes that loads from packed maps read from, by the number of the load."""
        found: dict[int, Any] = {}
        for number, load in enumerate(parts_of(value, lambda node: isinstance(node, ir.TensorLoad))):
            operand = self.argument_of(load.source).operand
            channels = evaluate(load.indices[1], at) if operand is not None else None
            if operand is not None and channels is not None and channels.ndim:
                found[number] = np.take(operand.lanes, channels, mode="clip")
        return found

    def argument_of(self, param: Any) -> _Argument:
        return next(argument for argument in self.arguments if argument.param.same_as(param))

    def emit_parts(self, parts: Sequence[Part], outer: dict[Any, Range]) -> None:
        """One nest with all pieces of the last axis inside; where these are many rows each, a nest for each."""
        rows = [factors(value, self.last, end - begin)[:-1] for (begin, end), value in parts]
        if not any(rows):
            self.emit_nest(parts, outer, [])
            return
        for part, extents in zip(parts, rows, strict=True):
            self.emit_nest([part], outer, extents)

    def emit_nest(self, parts: Sequence[Part], outer: dict[Any, Range], rows: list[int]) -> None:
        """Rows of the last axis outside, then the outer axes, then the last axis; the first loops over the threads."""
        split = {v: self.outer_factors(parts, v, end - begin) for v, (begin, end) in outer.items()}
        inside = [extent for extents in split.values() for extent in extents]
        shared = len(rows) or max(len(inside) - 1, min(len(inside), 1))
        with _Loops() as loops:
            variables = loops.enter([*rows, *inside], shared)
            row, rest = variables[: len(rows)], iter(variables[len(rows) :])
            places = {v: outer[v][0] + _joined([(next(rest), n) for n in extents]) for v, extents in split.items()}
            for (begin, end), value in parts:
                width = (end - begin) // prod(rows)
                start = begin + _joined([*zip(row, rows, strict=True), (0, width)])
                self.emit_row(self.decided(value, outer, (begin, end)), places, start, width, loops)

    def outer_factors(self, parts: Sequence[Part], variable: Any, extent: int) -> list[int]:
        """How to split an outer axis: as its part with the most divisions wants it."""
        return max((factors(value, variable, extent) for _, value in parts), key=len)

    def emit_row(self, value: Any, places: dict[Any, Any], start: Any, extent: int, loops: _Loops) -> None:
        """`extent` elements from `start` on, in vectors, and what is left over in a shorter one."""
        full, rest = divmod(extent, self.unit.lanes)
        for first, count, lanes in ((0, full, self.unit.lanes), (full * self.unit.lanes, 1, rest)):
            if count * lanes == 0:
                continue
            with T.serial(int64(0), int64(count)) as chunk, T.vectorized(int64(0), int64(lanes)) as lane:
                inside = loops.within({chunk: count, lane: lanes})
                place = {**places, self.last: start + (first + chunk * lanes + lane)}
                index = [inside.simplify(place[variable]) for variable in self.store.variables]
                T.buffer_store(self.argument_of(self.store.target).buffer, self.placed(value, place, inside), index)

    def placed(self, value: Any, place: dict[Any, Any], loops: _Loops) -> Any:
        """The value at a place, read from the kernel's own buffers."""
        lets = parts_of(value, lambda node: isinstance(node, tirx.Let))
        fresh = {let.var: tirx.Var(let.var.name, let.var.ty) for let in lets}

        def variable(node: Any) -> Any:
            return place.get(node, fresh.get(node, node))

        def load(node: Any) -> Any:
            argument = self.argument_of(node.source)
            index = [loops.simplify(position) for position in node.indices]
            if argument.operand is not None:
                index = _packed_index(argument.operand, index, loops)
            return argument.buffer[tuple(index)]

        return tvm_ffi.structural_map(value, [(ir.Var, variable), (ir.TensorLoad, load)])


def _packed_index(operand: PackedOperand, index: Sequence[Any], loops: _Loops) -> list[Any]:
    """Block, row, column and lane of the element (0, channel, row, column) of a map."""
    _, channel, row, column = index
    moves = np.asarray(operand.lanes) - np.arange(len(operand.lanes))
    channels = loops.values(channel)
    moved = np.unique(moves[channels]) if channels is not None else moves
    lane = channel + int(moved[0])
    if len(moved) > 1:
        # Behind each segment that fills its last block only in part, the following ones lie further on.
        lane = channel
        for begin in turns(moves, 0):
            lane = lane + tirx.Select(channel >= begin, int64(int(moves[begin] - moves[begin - 1])), int64(0))
    lanes = operand.slab.lanes
    return [loops.simplify(tirx.floordiv(lane, lanes)), row, column, loops.simplify(tirx.floormod(lane, lanes))]


def _joined(loops: Sequence[tuple[Any, int]]) -> Any:
    """The position in a range that nested loops, given with their extents, run over."""
    position: Any = int64(0)
    for variable, extent in loops:
        position = position * extent + variable
    return position
