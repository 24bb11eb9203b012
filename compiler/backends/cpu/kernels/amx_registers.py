"""AMX's tile registers: eight, each of up to 16 rows of 64 bytes, of the sizes that a configuration says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from tvm import tirx
from tvm.ir import Expr
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.vector import load

REGISTERS = 8
ROW = 64  # bytes of a row at most
WORD = 4  # bytes of an operand whose products go into one sum
LANES = 16  # sums in a row, and rows at most
PALETTE = 1  # the one there is
CONFIG_BYTES = 64
BYTES_OF_ROWS, ROWS = 16, 48  # where a configuration has them: 16 bits and 8 for each register


@dataclass(frozen=True)
class AmxProduct:
    """A way to multiply."""

    dtype: str
    instruction: str
    item: int  # bytes of a number
    sums: str  # the type of the sums
    beside: float  # cycles that vector units take for what they do instead, per word and vector of sums
    pieces: tuple[tuple[int, int], ...] = ((0, 0),)  # of x and of weights: the products that make one of two numbers

    @property
    def parts(self) -> int:
        """Numbers that are multiplied for one of an operand."""
        return 1 + max(piece for piece, _ in self.pieces)


# Of a number that has one piece, and of one that has three.
THREE = ((0, 0), (0, 1), (0, 2))
# Those of three pieces that are left out are below the last digit of the product.
SIX = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (2, 0))
# What is beside halves are sums of them, 32 at once, and Winograd's way in fp32. Beside float32 are multiply-adds, and
# Winograd's way of stride 2, which takes as long: fitted to the convolutions of YOLOv5s and YOLOv8n in AVX-512.
AMX_PRODUCTS = {
    product.dtype: product
    for product in (
        AmxProduct("fp32", "tdpbf16ps", item=2, sums="float32", beside=1.1, pieces=SIX),
        AmxProduct("int8", "tdpbusd", item=1, sums="int32", beside=0.5),
        AmxProduct("bf16", "tdpbf16ps", item=2, sums="float32", beside=2.0),
        AmxProduct("fp16", "tdpfp16ps", item=2, sums="float32", beside=0.5),
    )
}
SPLIT = AMX_PRODUCTS["fp32"]
LEVELS = replace(SPLIT, pieces=THREE)  # x has levels of an image, each of which is a number of bfloat16


def emit(instruction: str, *operands: Any) -> None:
    """An instruction; whole numbers are those of registers."""
    given = [tirx.const(operand, "int8") if isinstance(operand, int) else operand for operand in operands]
    T.evaluate(tirx.call_llvm_intrin("void", f"llvm.x86.{instruction}", *given))


def load_register(number: int, buffer: Any, index: Sequence[Any], distance: int) -> None:
    """Load rows, the first from an element of a buffer on, each so many bytes behind the one before."""
    emit("tileloadd64", number, _address(buffer, index), tirx.const(distance, "int64"))


def store_register(number: int, buffer: Any, index: Sequence[Any], distance: int) -> None:
    """Store rows alike."""
    emit("tilestored64", number, _address(buffer, index), tirx.const(distance, "int64"))


def _address(buffer: Any, index: Sequence[Any]) -> Expr:
    return tirx.address_of(load(buffer, *index))


@contextmanager
def configured(shapes: Sequence[tuple[int, int]]) -> Iterator[None]:
    """Inside, registers have so many rows, of so many bytes; behind it they are given back: nobody else saves them."""
    config = T.alloc_buffer((CONFIG_BYTES // WORD,), "int32", scope="local")
    for number, value in enumerate(_configuration(shapes)):
        T.buffer_store(config, tirx.const(value, "int32"), [number])
    emit("ldtilecfg", _address(config, [0]))
    yield
    emit("tilerelease")


def _configuration(shapes: Sequence[tuple[int, int]]) -> list[int]:
    """What the instruction reads, as numbers of 32 bits."""
    config = bytearray(CONFIG_BYTES)
    config[0] = PALETTE
    for number, (rows, row_bytes) in enumerate(shapes):
        config[BYTES_OF_ROWS + 2 * number] = row_bytes
        config[ROWS + number] = rows
    return [int.from_bytes(config[at : at + WORD], "little", signed=True) for at in range(0, CONFIG_BYTES, WORD)]
