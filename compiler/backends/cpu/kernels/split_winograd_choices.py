"""How a Winograd convolution can be cut whose products are taken in AMX's tile registers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import product

from zcc.compiler.backends.cpu.kernels.amx_plan import CONFIGURED, OPERANDS, step_cycles
from zcc.compiler.backends.cpu.kernels.amx_registers import LANES, REGISTERS, ROW, SPLIT
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.winograd_choices import MOST_MAPS, AmxWinogradChoice, divisors, map_tiles
from zcc.compiler.backends.cpu.kernels.winograd_transforms import TRANSFORMS
from zcc.runtime.split_weights import PIECES, TOGETHER

WORTH_TRYING = 3
# Outputs along each side of a tile, of stride 1. Of stride 2 tiles of all taps take as long as Winograd's way: 0.92 to
# 1.10 of its time for YOLOv5s's and YOLOv8n's maps on a Xeon with AMX, with a part of the weights.
SIZE = 4
TRANSFORM = TRANSFORMS[1, SIZE]
MOST_TASKS = 128
# Registers that the tiles of a thread fill, where there are several. On 16 threads of an Emerald Rapids, most of which
# filled one or less, frames of YOLOv8n and YOLOv5s took 1.04 to 1.06 times what they take without such products.
REGISTERS_EACH = 2
MOST_WOVEN = 8  # tiles of a pair that are taken apart beside its products, which are written out
# Cycles and bytes, fitted to 340 forms of the 29 maps of YOLOv8n and YOLOv5s that may be convolved so, each in its turn
# alone and in sixteen processes at once on an Emerald Rapids: a map's first form took 1.03 times what the best did.
# Since products lie in the place of what was spread, what stays near was fitted again to 150 of them on another Xeon
# with AMX: the first form took 1.02 times what the best did, 1.05 before that.
LOADED, WEIGHTS_LOADED = 1.2, 0.9  # a row of a tile register of what was taken apart, and of weights
TAKEN_APART = 21.0  # a vector of a pair of blocks
EXPOSED = 0.35  # of the shorter of products and what is taken apart beside them: it is still to be waited for
STORED = 1.4  # a row of sums
BEGUN = 35  # the sums of a tile
SPREAD, GATHERED = 3.0, 2.1  # a vector at a point, there and back
MOST_HELD = 2 << 20  # bytes of a task's values
CACHE, BEYOND = 128 << 10, 3.2  # bytes of a task's values that stay near, and those of the rest in a cycle
NEAR, FAR = 38, 9.7  # bytes of weights in a cycle, from the second level, and from beyond
SECOND_LEVEL = 5 << 18  # bytes of weights that stay there


@lru_cache(MOST_MAPS)
def split_winograd_choices(x: Slab, out: Slab, threads: int) -> Sequence[tuple[float, AmxWinogradChoice]]:
    """Those of stride 1 that are worth trying, each with the cycles that are expected, the most promising first.

    None for maps that have too few tiles for so many threads.
    """
    if min(out.height, out.width) < SIZE or map_tiles(SIZE, out) < _fewest_tiles(threads):
        return ()
    held = TRANSFORM.products**2 * max(x.blocks, out.blocks) * ROW  # bytes of a tile
    choices = (choice for choice in _all_choices(out) if choice.tiles * held <= MOST_HELD)
    costs = {choice: _cost(choice, x, out, threads) for choice in choices}
    best = sorted(costs, key=lambda choice: costs[choice])[:WORTH_TRYING]
    return tuple((costs[choice], choice) for choice in best)


def _fewest_tiles(threads: int) -> int:
    """As many as a tile register has rows; on several threads, each of which reads all weights, enough for each."""
    return LANES if threads == 1 else LANES * REGISTERS_EACH * threads


def _all_choices(out: Slab) -> Iterator[AmxWinogradChoice]:
    most = REGISTERS - OPERANDS
    for blocks, registers in product(divisors(out.blocks, most), range(1, most + 1)):
        if blocks * registers <= most:
            for columns, parts in _cuts(map_tiles(SIZE, out), registers):
                yield AmxWinogradChoice(SIZE, parts * columns, 1, blocks, columns)


def _cuts(tiles: int, registers: int) -> set[tuple[int, int]]:
    """How many tiles are multiplied at once, and how many times that a task takes, in so many tasks or another."""
    cuts = set()
    for tasks in range(1, MOST_TASKS + 1):
        each = -(-tiles // tasks)
        parts = -(-each // (registers * LANES))
        rows = -(-each // (parts * registers))
        if -(-rows * registers // LANES) == registers:
            cuts.add((rows * registers, parts))
    return cuts


def _cost(choice: AmxWinogradChoice, x: Slab, out: Slab, threads: int) -> float:
    """Cycles of the thread that has most to do."""
    points, pairs = TRANSFORM.products**2, -(-x.blocks // TOGETHER)
    multiplied = out.blocks // choice.blocks * (choice.tiles // choice.columns)
    sums = choice.registers * choice.blocks
    multiply = multiplied * (pairs * _pair_cycles(choice, multiplied) + STORED * sums * choice.rows + BEGUN)
    transforms = choice.tiles * (SPREAD * x.blocks + GATHERED * out.blocks)
    beyond = max(0, points * choice.tiles * max(x.blocks, out.blocks) * ROW - CACHE) / BEYOND
    weights = _weight_bytes(x, out)
    rounds = -(-map_tiles(choice.size, out) // choice.tiles // threads)
    again = rounds if weights > SECOND_LEVEL else 1
    streamed = weights * (again / FAR + (rounds - again) / NEAR)
    return rounds * (CONFIGURED + points * (multiply + transforms) + beyond) + streamed


def _weight_bytes(x: Slab, out: Slab) -> int:
    return len(TRANSFORM.taps) ** 2 * out.blocks * -(-x.blocks // TOGETHER) * PIECES * LANES * ROW


def woven(tiles: int, multiplied: int) -> int:
    """How many tiles of a pair are taken apart beside its products at a time; 0 where the products are too few."""
    each = -(-tiles // multiplied)
    return each if each <= MOST_WOVEN else 0


def _pair_cycles(choice: AmxWinogradChoice, multiplied: int) -> float:
    """Cycles of the products of a pair of blocks, of which there are so many at a point, and what comes beside them."""
    shape = choice.registers, choice.blocks, choice.rows, LANES
    step = step_cycles(SPLIT, shape, (LOADED, WEIGHTS_LOADED))
    apart = -(-choice.tiles // multiplied) * TAKEN_APART
    hidden = (1 - EXPOSED) * min(step, apart) if woven(choice.tiles, multiplied) else 0
    return step + apart - hidden
