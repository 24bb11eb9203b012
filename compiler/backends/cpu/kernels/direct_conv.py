"""Direct convolution over channel-packed maps: the template that carries most of a network.

A tile of (output blocks x output columns) accumulators lives in registers, one vector of output channels each. For
every tap and input channel, a weight vector per block and a broadcast input value per column feed all of them. Bias and
elementwise stages are applied to the tile before it is stored. Tasks are (group of output blocks, output row) pairs.

Input maps with one lane per block (the image) are read the same way, so this is the first layer's template too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from math import prod
from typing import Any

from tvm import s_tir, tirx
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.choices import AmxChoice, Sums, Tile, in_both_orders, worth_trying
from zcc.compiler.backends.cpu.kernels.half_conv import HalfConv
from zcc.compiler.backends.cpu.kernels.half_tile import half_tiles
from zcc.compiler.backends.cpu.kernels.lane_conv import build_by_lanes
from zcc.compiler.backends.cpu.kernels.panel_conv import build_in_panels, wants_panels
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit, building, spatial
from zcc.compiler.backends.cpu.kernels.split_conv import SplitConv, splits
from zcc.compiler.backends.cpu.kernels.split_image_conv import SplitImageConv, splits_image
from zcc.compiler.backends.cpu.kernels.split_winograd import SplitWinogradConv
from zcc.compiler.backends.cpu.kernels.stages import Apply, StageSpec, apply_stages, stage_arguments
from zcc.compiler.backends.cpu.kernels.tiled_conv import TiledConv
from zcc.compiler.backends.cpu.kernels.winograd_choices import (
    CACHE,
    AmxWinogradChoice,
    WinogradChoice,
    cost,
    winograd_choices,
)
from zcc.compiler.backends.cpu.kernels.winograd_conv import WinogradConv
from zcc.compiler.backends.cpu.kernels.winograd_transforms import TRANSFORMS
from zcc.compiler.ir.tensors import FLOAT16, Array

STACK = 1024  # bytes; TVM puts larger local arrays on its heap (`candidate_tiles`)
# Chosen by hand. What counts is the order that they put tiles in: `python -m benchmarks.tuning MODEL.onnx` says how far
# each kernel's first tile is from the best one that `zcc tune` measured.
LEAST_SUMS = 8  # at once, so that none waits for itself: a multiply-add takes four cycles, and two start in each
WAIT = 0.25  # cycles of a multiply-add, where loading its operands is what takes longest
# Times the cycles when sums of an image spill: with AVX2 (Zen 4, one thread) 6x6 to 32 channels took 10.2 ms with ten
# of them and 7.7 with eight, 3x3 2.9 and 2.8.
SPILLS = 1.2
CURVES = ("silu", "sigmoid", "tanh")  # activations made of a power of e
FEW_REGISTERS = 16
DOUBT = 1.4  # times the cycles of the direct kernel that Winograd's of stride 2 may be expected to take
ENDS = 0.05  # cycles of a tile's bias, stages and stores, for each block and each column


@dataclass(frozen=True)
class DirectConv(TiledConv):
    """A dense convolution in fp32.

    Parameters: x, weight, bias, the operands of the stages, out.
    """

    tile: Tile

    word = "conv"

    def pack(self, dense: Array) -> Array:
        """The weights in the type of the map."""
        return dense.astype(self.x.dtype, copy=False)

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """Compute, then schedule; or loops as written, by lanes, in halves, or panel by panel."""
        if unit.by_lane or self.x.dtype == FLOAT16:
            return build_by_lanes(self, unit)
        if wants_panels(self):
            return build_in_panels(self, unit)
        return schedule(compute(self), self.tile, stages_come_apart(self.stages, unit))

    def preferred(self, unit: VectorUnit) -> Sums | WinogradChoice:
        """In tile registers or by Winograd where that is expected to pay, else the tile as it is."""
        if self._has_tile_registers(unit) and isinstance(first := self.choices(unit)[0], AmxChoice | AmxWinogradChoice):
            return first
        return next(iter(self._by_winograd(unit))) if self._winograd_pays(unit) else self.tile

    def choices(self, unit: VectorUnit) -> Sequence[Sums | WinogradChoice]:
        """Those of Winograd's that fit, in turns with tiles in both orders of tasks; and those of tile registers."""
        tiles = in_both_orders(
            ranked_tiles(self.x, self.out, unit), self.out, rows_come_first(self.x, self.out, self.kernel)
        )
        kinds = self._by_winograd(unit), tiles
        turns = zip_longest(*(kinds if self._winograd_pays(unit) else kinds[::-1]))
        forms = tuple(choice for turn in turns for choice in turn if choice is not None)
        return self._in_tiles(self.tile).beside(forms, unit) if self._has_tile_registers(unit) else forms

    def _has_tile_registers(self, unit: VectorUnit) -> bool:
        if self.x.dtype == FLOAT16:
            return HalfConv.numbers.computed(unit)
        return splits(self.x, unit) or splits_image(self.x, unit)

    def _in_tiles(self, tile: Sums) -> HalfConv | SplitConv | SplitImageConv:
        of_floats = SplitImageConv if self.x.lanes == 1 else SplitConv
        kind = HalfConv if self.x.dtype == FLOAT16 else of_floats
        return kind(self.x, self.out, self.kernel, self.stride, self.dilation, self.stages, tile)

    def _winograd_pays(self, unit: VectorUnit) -> bool:
        """Always with a stride of 1, where it takes a third of the time; else by the cycles that are expected.

        Of stride 2, where fewer are, it took 0.66 to 0.9 of the time within yolov5s, yolov8n and yolo11n (AVX2, two
        threads, Emerald Rapids). But `cost` is hard on few channels: from 32 on, for which it has 1.3 times as many, it
        took 0.69 to 0.79, and from 16, with twice as many, 0.77 to 0.94 by itself, without maps beyond the cache (AVX2
        and AVX-512, Zen 4). `python -m benchmarks.winograd MODEL.onnx --strides 2` measures both.
        """
        best = next(iter(self._by_winograd(unit)), None)
        if best is None or self.stride == (1, 1):
            return best is not None
        products = self.out.blocks * self.out.height * self.out.width * prod(self.kernel) * self.x.blocks * self.x.lanes
        stride = self.stride[0]
        return cost(best, TRANSFORMS[stride, best.size], self.x, self.out, unit) < DOUBT * products / unit.threads

    def _by_winograd(self, unit: VectorUnit) -> Sequence[WinogradChoice]:
        stride = self.winograd_stride
        return () if stride is None else winograd_choices(self.x, self.out, unit, stride)

    def chosen(
        self, choice: Tile | AmxChoice | WinogradChoice
    ) -> DirectConv | HalfConv | SplitConv | SplitImageConv | WinogradConv:
        """With another tile, in tile registers, or by Winograd."""
        if isinstance(choice, AmxChoice):
            return self._in_tiles(choice)
        if isinstance(choice, AmxWinogradChoice):
            return SplitWinogradConv(self.x, self.out, self.stages, choice, self.stride[0])
        if isinstance(choice, WinogradChoice):
            return WinogradConv(self.x, self.out, self.stages, choice, self.stride[0])
        return replace(self, tile=choice)


def compute(spec: DirectConv) -> tirx.PrimFunc:
    """What the kernel computes. Columns come in tiles; the last tile overlaps its neighbour when it must."""
    x, out, columns = spec.x, spec.out, spec.tile.columns
    tiles = -(-out.width // columns)
    taps = (x.blocks, *spec.kernel, x.lanes)

    def column(tile: Any, inner: Any) -> Any:
        if out.width % columns == 0:
            return tile * columns + inner
        return tirx.min(tile * columns, out.width - columns) + inner

    with building(spec.name) as kernel:
        data = x.argument("x")
        weight = T.arg("weight", T.Buffer((out.blocks, x.blocks, *spec.kernel, x.lanes, out.lanes), "float32"))
        bias = T.arg("bias", T.Buffer((out.blocks, out.lanes), "float32"))
        operands = stage_arguments(spec.stages)
        result = out.argument("out")
        sums = T.sblock_alloc_buffer((out.blocks, out.height, tiles, columns, out.lanes), "float32")
        shape = (out.blocks, out.height, tiles, columns, out.lanes)
        with T.grid(*shape, *taps) as loops, T.sblock("conv"):
            o, y, t, i, lane = spatial(*zip(shape, loops[:5], strict=True))
            c, ky, kx, ci = (T.axis.reduce(n, loop) for n, loop in zip(taps, loops[5:], strict=True))
            with T.init():
                T.buffer_store(sums, bias[o, lane], [o, y, t, i, lane])
            row = y * spec.stride[0] + ky * spec.dilation[0]
            pixel = column(t, i) * spec.stride[1] + kx * spec.dilation[1]
            product = data[c, row, pixel, ci] * weight[o, c, ky, kx, ci, lane]
            T.buffer_store(sums, sums[o, y, t, i, lane] + product, [o, y, t, i, lane])
        with T.grid(*shape) as loops, T.sblock("store"):
            o, y, t, i, lane = spatial(*zip(shape, loops, strict=True))
            index = [o, y, column(t, i), lane]
            value = apply_stages(sums[o, y, t, i, lane], spec.stages, operands, index)
            T.buffer_store(result, value, index)
    return kernel.function


def stages_come_apart(stages: Sequence[StageSpec], unit: VectorUnit) -> bool:
    """Whether the stages have so many constants that a tile's sums had better leave the registers first.

    With AVX2 (Zen 4, one thread) 1x1 from 32 channels with SiLU at 160x160 took 0.69 ms so, and 0.77 otherwise, 3x3 of
    an image 2.8 and 2.9; with the registers of AVX-512 it took as long or longer.
    """
    long = any(isinstance(stage, Apply) and stage.activation in CURVES for stage in stages)
    return long and unit.registers <= FEW_REGISTERS


def schedule(function: tirx.PrimFunc, tile: Tile, apart: bool) -> tirx.PrimFunc:
    """Registers hold the tile; the loops over taps stay rolled, since unrolling them makes LLVM spill.

    With `apart`, sums wait in memory until all of a task are there, and then go through the stages.
    """
    sch = s_tir.Schedule(function)
    store, conv = sch.get_sblock("store"), sch.get_sblock("conv")
    waiting = sch.cache_write(conv, 0, "local") if apart else None
    o, y, t, i, lane = sch.get_loops(store)
    o_outer, o_inner = sch.split(o, [None, tile.blocks])
    tasks = (y, o_outer) if tile.rows_first else (o_outer, y)
    sch.reorder(*tasks, t, o_inner, i, lane)
    task = sch.fuse(*tasks)
    sch.parallel(task)
    if waiting is None:
        sch.set_scope(conv, 0, "local")
    else:
        sch.vectorize(lane)
        sch.compute_at(waiting, task, preserve_unit_loops=True)
        *_, o_inner, row, t, i, lane = sch.get_loops(waiting)
        sch.reorder(row, t, o_inner, i, lane)
    sch.compute_at(conv, t, preserve_unit_loops=True)
    *_, conv_o, _, _, conv_i, conv_lane, c, ky, kx, ci = sch.get_loops(conv)
    sch.reorder(c, ky, kx, ci, conv_o, conv_i, conv_lane)
    for loop in (o_inner, i, conv_o, conv_i):
        sch.unroll(loop)
    sch.vectorize(lane)
    sch.vectorize(conv_lane)
    sch.decompose_reduction(conv, c)
    return sch.mod["main"]


def candidate_tiles(x: Slab, out: Slab, unit: VectorUnit) -> list[Tile]:
    """Every tile whose accumulators, weights and one broadcast fit the registers.

    TVM keeps local arrays beyond STACK bytes on the heap, where LLVM does not always move them into registers.
    """
    if x.dtype == FLOAT16:
        return half_tiles(out, unit)
    most = min(unit.vectors(out.lanes) - 1, STACK // (4 * out.lanes))
    tiles = []
    for blocks in range(1, min(out.blocks, 8) + 1):
        if out.blocks % blocks:
            continue
        columns = min(out.width, most // blocks, unit.most_columns(blocks, out.lanes))
        tiles += [Tile(blocks, count) for count in range(1, columns + 1)]
    return tiles


def default_tile(x: Slab, out: Slab, kernel: tuple[int, int], unit: VectorUnit) -> Tile:
    """The tile of least expected cost, its tasks in the order that reads less from beyond the cache."""
    return in_both_orders(ranked_tiles(x, out, unit), out, rows_come_first(x, out, kernel))[0]


def rows_come_first(x: Slab, out: Slab, kernel: tuple[int, int]) -> bool:
    """Whether the map would not stay in the cache from one group of output blocks to the next, while all weights do.

    With AVX2 on one core (the least of 80 runs, Emerald Rapids) 1x1 from 384 to 64 channels at 40x40 took 1.17 ms so,
    and 1.28 the other way; 3x3 of stride 2 from 64 to 64 channels to 80x80 took 6.4 and 6.7.
    """
    weights = 4 * prod(kernel) * x.blocks * x.lanes * out.blocks * out.lanes
    return weights <= CACHE // 2 < 4 * x.blocks * x.plane


def ranked_tiles(x: Slab, out: Slab, unit: VectorUnit) -> list[Tile]:
    """The tiles worth trying by expected cost, in cycles per useful multiply-add.

    Per tap a tile issues blocks x columns multiply-adds and loads blocks + columns operands, of which the units do one
    and two a cycle; below eight accumulators the latency of the multiply-add shows. Overlapping columns are computed
    twice. Tasks that do not share out evenly over the threads leave some of them idle at the end. Of images, whose
    taps along a row are unrolled, LLVM holds the values that they share: there sums get half of the registers.
    """
    crowded = unit.registers if unit.by_lane or x.lanes > 1 else unit.vectors(out.lanes) // 2

    def cost(tile: Tile) -> float:
        accumulators = tile.blocks * tile.columns
        cycles = max(accumulators, LEAST_SUMS, (tile.blocks + tile.columns) / 2 + WAIT * accumulators)
        # A tile's start and end: its bias, its stages and stores run without multiply-adds beside them.
        cycles += ENDS * (tile.blocks + tile.columns)
        if crowded < accumulators:
            cycles *= SPILLS
        computed = -(-out.width // tile.columns) * tile.columns
        tasks = out.blocks // tile.blocks * out.height
        rounds = -(-tasks // unit.threads) * unit.threads
        return cycles / accumulators * computed / out.width * rounds / tasks

    return worth_trying({tile: (cost(tile), -tile.blocks * tile.columns) for tile in candidate_tiles(x, out, unit)})
