"""What every kernel template promises.

A template turns one operation of the network into a `KernelCall`: a spec, which says everything that the kernel's code
depends on, and the addresses of its operands. Equal specs are compiled once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from tvm import tirx
from tvm.script.ir_builder import IRBuilder
from tvm.script.ir_builder import tirx as T


@dataclass(frozen=True)
class VectorUnit:
    """What a kernel may count on in the CPU it is built for."""

    lanes: int  # float32 values in a register
    registers: int
    threads: int = 2  # how many the work is cut for; any number runs it
    dot: str = ""  # how bytes are multiplied: a key of kernels/byte_dot.py; "" works everywhere
    bf16: bool = False  # whether there are dot products of bfloat16 pairs
    amx: tuple[str, ...] = ()  # what tile registers multiply: keys of kernels/amx_registers.py's products
    by_lane: bool = False  # whether a multiply-add takes an operand from any lane of a register
    fused: bool = True  # whether a multiply-add is one instruction, and leaves its product in no register
    widening: str = (
        ""  # how sums in float16 become float32: a key of kernels/half_tile.py's units; "" where there are none
    )

    def vectors(self, lanes: int) -> int:
        """How many vectors of so many lanes the registers hold."""
        return self.registers // max(lanes // self.lanes, 1)

    def most_columns(self, blocks: int, lanes: int) -> int:
        """Columns of a tile of sums at most, so many blocks high, that stays in the registers with its operands.

        Those are the weights of every block and one value. Where a product takes a register of its own, LLVM keeps the
        value of every column instead, beside one weight.
        """
        registers = self.vectors(lanes)
        return (registers - 1) // blocks - 1 if self.fused else (registers - 2) // (blocks + 1)


@dataclass(frozen=True)
class Address:
    """A place in one of the program's memories: `arena`, `weights` or `result`."""

    region: str
    offset: int


class KernelSpec(Protocol):
    """Everything a kernel's code depends on; hashable, so that equal kernels are one."""

    def __hash__(self) -> int:
        """Equal for equal ones."""
        ...

    @property
    def name(self) -> str:
        """A readable name that starts with the template's."""
        ...

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """The scheduled kernel; its parameters are buffers in the order of the call's addresses."""
        ...


@dataclass(frozen=True)
class KernelCall:
    """One run of a kernel on given memory."""

    spec: KernelSpec
    arguments: tuple[Address, ...]
    label: str  # the tensor it makes, for profiles
    flops: int = 0  # arithmetic the result needs, whatever the kernel does to get it
    bytes: int = 0  # memory it cannot do without: operands and results once


class KernelBuilder:
    """Collects the function that is being built."""

    function: tirx.PrimFunc


@contextmanager
def building(name: str) -> Iterator[KernelBuilder]:
    """Build a PrimFunc from the statements inside the block."""
    built = KernelBuilder()
    with IRBuilder() as builder, T.prim_func(s_tir=True):
        T.func_name(name)
        yield built
    built.function = builder.get()


def spatial(*axes: tuple[int, Any]) -> list[Any]:
    """Block variables for loops whose order does not matter, from (extent, loop) pairs."""
    return [T.axis.spatial(extent, loop) for extent, loop in axes]
