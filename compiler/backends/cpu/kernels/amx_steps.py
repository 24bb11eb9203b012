"""In which order a step's products are taken, and how instructions come between the vectors of something else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import groupby, product
from operator import itemgetter
from typing import Any

from tvm import tirx
from tvm.ir import Expr
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.amx_registers import LANES
from zcc.compiler.backends.cpu.kernels.conv_loops import Between
from zcc.compiler.backends.cpu.kernels.vector import named

MOST_WOVEN = 4  # chunks that are written out beside steps
VECTOR, PIN = f"float32x{LANES}", "zcc_pin"
# LLVM would move vectors to where they are used, behind all that should come between them.
PINNED = f"""
define linkonce_odr <{LANES} x float> @{PIN}(<{LANES} x float> %value) alwaysinline {{
  %pinned = call <{LANES} x float> asm sideeffect "", "=v,0"(<{LANES} x float> %value)
  ret <{LANES} x float> %pinned
}}
"""

Emission = Callable[[], None]
Other = Callable[[Between], None]  # makes something else of a vector
Beside = Callable[[Any], list[Other]]  # what else is made beside a step
Operand = tuple[int, int]  # a register of columns or of outputs, and the piece of its numbers


def ordered_products(columns: int, outputs: int, pieces: Sequence[tuple[int, int]]) -> list[tuple[Operand, Operand]]:
    """Pieces of so many registers of columns and of outputs, to and fro, so that few of them are loaded twice."""
    pairs = [
        ((column, of_x), (output, of_weights))
        for column, output in product(range(columns), range(outputs))
        for of_x, of_weights in pieces
    ]
    if outputs <= columns:
        return [(column, output) for output, column in _to_and_fro([pair[::-1] for pair in pairs])]
    return _to_and_fro(pairs)


def products_and_loads(
    columns: int, outputs: int, pieces: Sequence[tuple[int, int]]
) -> Iterator[tuple[Operand, Operand, bool, bool]]:
    """The same, and whether either operand is to be loaded: not where it is in its register already."""
    held: tuple[Operand | None, Operand | None] = None, None
    for column, output in ordered_products(columns, outputs, pieces):
        yield column, output, column != held[0], output != held[1]
        held = column, output


@cache
def loads_of(columns: int, outputs: int, pieces: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """How often a step loads a register of columns, and one of outputs."""
    steps = list(products_and_loads(columns, outputs, pieces))
    return sum(another_x for _, _, another_x, _ in steps), sum(other_weights for _, _, _, other_weights in steps)


def _to_and_fro(pairs: Sequence[tuple[Operand, Operand]]) -> list[tuple[Operand, Operand]]:
    """All pairs, those of one first operand together; the second goes on from one to the next where both have it."""
    groups = [[second for _, second in group] for _, group in groupby(sorted(pairs), key=itemgetter(0))]
    firsts = sorted({first for first, _ in pairs})
    ordered: list[tuple[Operand, Operand]] = []
    for number, first in enumerate(firsts):
        held = ordered[-1][1] if ordered else None
        following = groups[number + 1] if number + 1 < len(groups) else groups[number]
        last = next((second for second in reversed(groups[number]) if second in following and second != held), held)
        seconds = sorted(groups[number], key=lambda second: (second == last, second != held))
        ordered += [(first, second) for second in seconds]
    return ordered


def rounds_of(steps: int, chunks: int) -> tuple[int, int, int]:
    """How many rounds there may be of how many of some steps and some chunks, so that few of either are left over.

    None where a step has too few instructions for the vectors beside it: those of AVX-512 start one in a cycle instead
    of two while there are any of tile registers among them.
    """

    def left(rounds: tuple[int, int, int]) -> float:
        count, of_steps, of_chunks = rounds
        return round((1 - count * of_steps / steps) + (1 - count * of_chunks / chunks), 6)

    if chunks > MOST_WOVEN * steps:
        return 0, 1, 1
    found = []
    for of_chunks in range(1, min(chunks, MOST_WOVEN) + 1):
        of_steps = max(1, steps * of_chunks // chunks)
        found.append((min(steps // of_steps, chunks // of_chunks), of_steps, of_chunks))
    return min(found, key=left)


@contextmanager
def pinning() -> Iterator[None]:
    """What is emitted inside may pin vectors."""
    with T.attr(tirx.const(0, "int32"), "pragma_import_llvm", PINNED):
        yield


def emit_some(left: list[Emission], count: int, value: Expr) -> Expr:
    """The next few instructions of what is left to emit, behind a vector."""
    held = named(tirx.call_pure_extern(VECTOR, PIN, value))
    for instruction in left[:count]:
        instruction()
    del left[:count]
    return held


def nothing(_: Any) -> list[Other]:
    """No step has anything beside it."""
    return []
