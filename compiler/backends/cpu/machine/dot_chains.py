"""Products that never leave their registers: what bytes and bfloat16 can be multiplied at, at most."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from tvm import tirx
from tvm.ir import Expr
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels import bf16, byte_dot, pairs
from zcc.compiler.backends.cpu.kernels.amx_registers import (
    REGISTERS,
    ROW,
    WORD,
    AmxProduct,
    configured,
    emit,
    load_register,
    store_register,
)
from zcc.compiler.backends.cpu.kernels.dot_tile import Dot
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit, building
from zcc.compiler.backends.cpu.kernels.vector import broadcast, lanes_of, load, named, ramp

CHAINS = 12  # sums side by side: enough to hide the latency of a multiply-add, few enough for 16 registers
TILES = 4  # of sums, by two of x and two of weights
TILE_ROWS = 16
RING = 64  # vectors of weights: were it one, its product could be taken out of the loop


@dataclass(frozen=True)
class DotKind:
    """A kind of dot product: of how many numbers in a word, added to what, by which instructions."""

    per_word: int
    sums: str
    dot: Callable[[VectorUnit], Dot]
    instructions: Callable[[VectorUnit], AbstractContextManager[None]] = lambda unit: nullcontext()


DOT_KINDS = {
    "int8": DotKind(byte_dot.BYTES, "int32", lambda unit: byte_dot.BYTE_DOTS[unit.dot][0]),
    "bf16": DotKind(
        pairs.PAIR,
        "float32",
        lambda unit: bf16.NEON_PAIR_DOT if unit.by_lane else bf16.PAIR_DOT,
        lambda unit: bf16.bf16_instructions(neon=unit.by_lane),
    ),
}


def dot_products(kind: DotKind, unit: VectorUnit, threads: int, steps: int) -> tirx.PrimFunc:
    """Every thread adds, in each chain, the products of the chain's word with one vector of weights after another."""
    with building("main") as kernel:
        T.func_attr({"tirx.noalias": True})
        words = T.arg("words", T.Buffer((CHAINS,), "int32", align=4))
        weights = T.arg("weights", T.Buffer((RING, unit.lanes), "int32", align=4))
        sums = T.arg("sums", T.Buffer((threads, CHAINS, unit.lanes), kind.sums, align=4))
        every = ramp(0, unit.lanes)
        with kind.instructions(unit), T.parallel(0, threads) as thread:
            accumulators = T.alloc_buffer((CHAINS, unit.lanes), kind.sums)
            for chain in range(CHAINS):
                T.buffer_store(accumulators, broadcast(tirx.const(0, kind.sums), unit.lanes), [chain, every])
            with T.serial(0, steps) as step:
                _add_products(kind.dot(unit), words, load(weights, tirx.floormod(step, RING), every), accumulators)
            for chain in range(CHAINS):
                T.buffer_store(sums, load(accumulators, chain, every), [thread, chain, every])
    return kernel.function


def _add_products(dot: Dot, words: Any, vector: Expr, accumulators: Any) -> None:
    weight = tuple(named(value) for value in dot.weight(named(vector)))
    lanes = lanes_of(vector)
    for chain in range(CHAINS):
        place = [chain, ramp(0, lanes)]
        x = dot.x(named(load(words, chain)), lanes)
        T.buffer_store(accumulators, dot.add(load(accumulators, *place), x, weight), place)


def tile_products(product: AmxProduct, threads: int, steps: int) -> tirx.PrimFunc:
    """Every thread adds the products of two tiles of x and two of weights to TILES others, again and again."""
    with building("main") as kernel:
        T.func_attr({"tirx.noalias": True})
        operands = [T.arg(name, T.Buffer((2, TILE_ROWS, ROW // WORD), "int32", align=4)) for name in ("xs", "weights")]
        made = T.arg("sums", T.Buffer((threads, TILES, TILE_ROWS, TILE_ROWS), product.sums, align=4))
        with T.parallel(0, threads) as thread, configured([(TILE_ROWS, ROW)] * REGISTERS):
            for number in range(TILES):
                emit("tilezero", number)
                load_register(TILES + number, operands[number // 2], [number % 2, 0, 0], ROW)
            with T.serial(0, steps):
                for number in range(TILES):
                    emit(product.instruction, number, TILES + number // 2, TILES + 2 + number % 2)
            for number in range(TILES):
                store_register(number, made, [thread, number, 0, 0], ROW)
    return kernel.function
