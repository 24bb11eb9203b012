"""Which tiles of sums AMX's tile registers hold, and what each is expected to cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zcc.compiler.backends.cpu.kernels.choices import AmxChoice, Tile, in_both_orders, worth_trying
from zcc.compiler.backends.cpu.kernels.conv_loops import ConvGeometry
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit

LANES = 16  # sums in a row of a tile register, and its rows
WORD = 4  # bytes of the input channels of a row of weights
MOST_WORDS = 16  # in a row of x
REGISTERS = 8
# Cycles, measured on Emerald Rapids: a product takes as many as x has rows, however many words these have; two rows
# are loaded in one, and one is stored.
LOADED, STORED = 0.5, 1.0
LATENCY = 52  # from a product to its sum
CONFIGURED = 210  # of a task


@dataclass(frozen=True)
class Run:
    """Input channels that lie side by side, of one tap or of a row of them."""

    taps: int  # of a row that are no neighbours, each with a run of its own
    steps: int  # of a run
    words: int  # of a step


def run_of(geometry: ConvGeometry, item: int) -> Run:
    """What a convolution's steps take: all neighbouring taps of a row together, in as few equal steps as there may be."""
    words = geometry.x.lanes * item // WORD
    neighbours = geometry.kernel[1] if geometry.dilation[1] == 1 else 1
    total = neighbours * words
    steps = next(count for count in range(-(-total // MOST_WORDS), total + 1) if total % count == 0)
    return Run(geometry.kernel[1] // neighbours, steps, total // steps)


def held_registers(across: int, outputs: int) -> tuple[int, int]:
    """Registers for x and for weights, of those that the sums leave: the fewer are held, the others take turns."""
    free = REGISTERS - across * outputs
    return (free - outputs, outputs) if outputs <= across else (across, free - across)


def amx_choices(geometry: ConvGeometry, unit: VectorUnit, item: int) -> Sequence[Tile]:
    """Tiles of tile registers that may be the quickest, in both orders of tasks; none where they do not fit the maps."""
    out = geometry.out
    if not unit.amx or out.lanes % LANES or geometry.x.lanes * item % WORD:
        return ()
    tiles = [
        AmxChoice(blocks, columns)
        for blocks in range(1, min(out.blocks, REGISTERS) + 1)
        for columns in range(1, min(out.width, REGISTERS * LANES) + 1)
        if out.blocks % blocks == 0 and _fits(blocks * out.lanes // LANES, columns)
    ]
    costs = {tile: (_cycles(tile, geometry, unit, item), -tile.blocks * tile.columns) for tile in tiles}
    return in_both_orders(worth_trying(costs), out) if costs else ()


def _fits(outputs: int, columns: int) -> bool:
    across = -(-columns // LANES)
    return columns % across == 0 and min(held_registers(across, outputs)) >= 1


def _cycles(tile: Tile, geometry: ConvGeometry, unit: VectorUnit, item: int) -> float:
    """What a useful vector of sums takes."""
    out, run = geometry.out, run_of(geometry, item)
    across, outputs = -(-tile.columns // LANES), tile.blocks * out.lanes // LANES
    vectors = tile.columns * outputs
    steps = geometry.x.blocks * geometry.kernel[0] * run.taps * run.steps
    step = max(vectors, LOADED * (tile.columns + outputs * run.words), LATENCY * (across * outputs == 1))
    ends = (LOADED + STORED) * vectors + LATENCY
    tiles = -(-out.width // tile.columns)
    tasks = out.blocks // tile.blocks * out.height
    rounds = -(-tasks // unit.threads) * unit.threads
    task = tiles * (steps * step + ends) + CONFIGURED
    return task / (out.width * outputs) * rounds / tasks
