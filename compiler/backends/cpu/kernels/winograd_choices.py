"""How a Winograd convolution can be cut into tasks and register tiles, and which cuts are worth trying."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from zcc.compiler.backends.cpu.kernels.amx_registers import LANES
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit
from zcc.compiler.backends.cpu.kernels.winograd_transforms import TRANSFORMS, Transform

CACHE = 1 << 20  # bytes of a core's second level
# Choices of each stride and size: small tiles are the quicker ones of small maps alone.
WORTH_TRYING = {(1, 2): 2, (1, 4): 6, (2, 3): 2, (2, 5): 6}
SPARE = 7  # registers for what is loaded ahead
LATENCY = 8  # multiply-adds until a sum can be added to again
# What `cost` counts in cycles, fitted to measured kernels with AVX-512 on two cores. `python -m benchmarks.winograd
# MODEL.onnx --all` measures every choice again, and `python -m benchmarks.tuning MODEL.onnx` says how far the first
# choice is from the best on record.
STORE_SUM = 30  # of a sum: it is stored, and gathered again by the transform
TRANSFORM_VALUE = 9  # of each product of a tile and block, both ways together
CACHE_SHARE = 5  # a task's own values may take one part in so many of the cache; the weights want the rest
BYTES_BEYOND = 6  # of what does not fit there, in a cycle
WEIGHT_BYTES = 256  # in a cycle, read in a row
MOST_MAPS = 1024  # whose choices are remembered: a network has many of few sizes, in each of its precisions
# Far more weights than the cache holds come from beyond it for every task, and leave it to the task's values, which
# every group of output blocks reads again. Fitted with AVX2 on two Zen 4 cores within yolov8s: 256 to 256 channels at
# 20x20 took 0.63 ms instead of 0.90 in tasks of the whole map, 128 to 128 at 40x40 0.64 instead of 0.76 in tasks of
# half, and 0.70 of a quarter. Of stride 2, whose weights are each multiplied more often, the terms above tell more.
STREAMED = 2 * CACHE  # bytes of weights from which on it is so
STREAMED_BYTES = 12  # in a cycle


@dataclass(frozen=True)
class WinogradChoice:
    """The template's choices."""

    size: int  # outputs along each side of a tile: with the stride, a key of TRANSFORMS
    tiles: int  # tiles of a task, a multiple of `columns`
    shares: int  # parts of the output blocks, each with tasks of its own
    blocks: int  # register tile: output blocks
    columns: int  # register tile: tiles of the map


@dataclass(frozen=True)
class AmxWinogradChoice(WinogradChoice):
    """The same with sums in tile registers: a row of them is a tile of the map, and each has as many, at most 16."""

    @property
    def registers(self) -> int:
        """Those side by side."""
        return -(-self.columns // LANES)

    @property
    def rows(self) -> int:
        """Those of a register."""
        return self.columns // self.registers


def winograd_choices(x: Slab, out: Slab, unit: VectorUnit, stride: int) -> list[WinogradChoice]:
    """At most eight choices, the most promising first; none for images, and for maps smaller than a tile."""
    return list(_choices(x, out, unit, stride))


@lru_cache(MOST_MAPS)
def _choices(x: Slab, out: Slab, unit: VectorUnit, stride: int) -> Sequence[WinogradChoice]:
    if x.lanes != out.lanes:
        return []
    chosen: list[WinogradChoice] = []
    for (step, size), transform in TRANSFORMS.items():
        if step != stride:
            continue
        best: dict[tuple[int, int], WinogradChoice] = {}
        for choice in sorted(_all_choices(size, out, unit), key=lambda choice: cost(choice, transform, x, out, unit)):
            best.setdefault((choice.tiles, choice.shares), choice)
        chosen += islice(best.values(), WORTH_TRYING[stride, size])
    return sorted(chosen, key=lambda choice: cost(choice, TRANSFORMS[stride, choice.size], x, out, unit))


def _all_choices(size: int, out: Slab, unit: VectorUnit) -> Iterator[WinogradChoice]:
    if min(out.height, out.width) < size:
        return
    for blocks, columns in _register_tiles(out, unit):
        for shares in divisors(out.blocks // blocks, unit.threads):
            for tiles in _tile_counts(size, columns, out, unit):
                yield WinogradChoice(size, tiles, shares, blocks, columns)


def _register_tiles(out: Slab, unit: VectorUnit) -> Iterator[tuple[int, int]]:
    """Sums, the weights of each block and one value must fit the registers, or a register of values for each column."""
    for blocks in divisors(out.blocks, 8):
        if unit.by_lane:
            weights = blocks * max(out.lanes // unit.lanes, 1)
            most = min((unit.registers - weights - SPARE) // (weights + 1), 12)
        else:
            most = min(unit.most_columns(blocks, out.lanes), 12)
        yield from ((blocks, columns) for columns in range(max(1, most // 3), most + 1))


def _tile_counts(size: int, columns: int, out: Slab, unit: VectorUnit) -> Iterator[int]:
    """Tiles of a task when every thread gets one task, or two, and so on."""
    each = -(-map_tiles(size, out) // unit.threads)
    counts = {-(-each // (parts * columns)) * columns for parts in range(1, 65)}
    # The whole map is one task where output blocks are shared out instead.
    yield from counts | {-(-map_tiles(size, out) // columns) * columns}


def map_tiles(size: int, out: Slab) -> int:
    """The tiles of a map."""
    return -(-out.height // size) * -(-out.width // size)


def divisors(number: int, most: int) -> list[int]:
    """What divides a number, up to some other."""
    return [divisor for divisor in range(1, min(number, most) + 1) if number % divisor == 0]


def cost(choice: WinogradChoice, transform: Transform, x: Slab, out: Slab, unit: VectorUnit) -> float:
    """Cycles of the thread that has most to do.

    A step of the register tile issues its multiply-adds and loads, or waits for the weights, which come from the second
    level.
    Every sum is then stored and gathered. What a task keeps beside its weights is slow once it crowds them out of the
    cache.
    """
    products = transform.products**2
    groups = out.blocks // choice.blocks // choice.shares
    sums = choice.blocks * choice.columns
    loads = choice.blocks + choice.columns
    step = max(sums, LATENCY, loads, 2 * choice.blocks + choice.columns / 2 + sums / 4)
    multiply = products * groups * (choice.tiles // choice.columns) * (x.blocks * x.lanes * step + STORE_SUM * sums)
    transforms = TRANSFORM_VALUE * products * choice.tiles * (x.blocks + groups * choice.blocks)
    in_cache = 4 * products * x.lanes * choice.tiles * (x.blocks + choice.blocks)
    weights = 4 * len(transform.taps) ** 2 * groups * choice.blocks * out.lanes * x.blocks * x.lanes
    tasks = choice.shares * -(-map_tiles(choice.size, out) // choice.tiles)
    rounds = -(-tasks // unit.threads)
    streamed = transform.stride == 1 and weights > STREAMED
    return rounds * (multiply + transforms + _memory(in_cache, weights, groups if streamed else 0))


def _memory(in_cache: int, weights: int, groups: int) -> float:
    """Cycles that a task's values and weights add, both in bytes, with the groups that weights are streamed for."""
    if groups:
        return groups * max(0, in_cache - CACHE) / BYTES_BEYOND + weights / STREAMED_BYTES
    return max(0, in_cache - CACHE // CACHE_SHARE) / BYTES_BEYOND + weights / WEIGHT_BYTES
