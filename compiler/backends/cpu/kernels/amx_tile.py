"""The tile of a convolution in AMX's tile registers: sixteen columns times sixteen output channels in an instruction.

A tile register has up to 16 rows of 64 bytes. One of x holds a column of the map in each row: the channels that a run
of neighbouring taps meets, as they lie in memory, so that 3x3 needs no copies and any stride is the distance of rows.
One of weights holds a word of input channels in each row, for sixteen output channels, as all dot products have them.
Sums begin as what `start` holds, and go through memory to the stages behind them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from tvm import tirx
from tvm.ir import Expr
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.amx_choices import LANES, WORD, Run, held_registers, run_of
from zcc.compiler.backends.cpu.kernels.conv_loops import ConvGeometry, Finish, each_tile
from zcc.compiler.backends.cpu.kernels.vector import load, ramp

ROW = 64  # bytes of a row of a tile register
REGISTERS = 8
PALETTE = 1  # the one there is
CONFIG_BYTES = 64
BYTES_OF_ROWS, ROWS = 16, 48  # where a configuration has them: 16 bits and 8 for each register
MOST_VECTORS = 8  # of sums that pass through the stages together


@dataclass(frozen=True)
class AmxProduct:
    """A way to multiply: the instruction, and the bytes of a number."""

    instruction: str
    item: int


BYTES_PRODUCT = AmxProduct("tdpbusd", item=1)
BFLOAT16_PRODUCT = AmxProduct("tdpbf16ps", item=2)


def _emit(name: str, *operands: Any) -> None:
    T.evaluate(tirx.call_llvm_intrin("void", f"llvm.x86.{name}", *operands))


def _register(number: int) -> Expr:
    return tirx.const(number, "int8")


def _address(buffer: Any, *index: Any) -> Expr:
    return tirx.address_of(load(buffer, *index))


@dataclass(frozen=True)
class AmxTile:
    """Emits the loops; the operands are declared buffers, `start` holds what the sum of each channel starts at."""

    geometry: ConvGeometry
    product: AmxProduct
    x: Any
    weight: Any
    start: Any

    @property
    def parts(self) -> range:
        """The first lanes of the parts of a block that a tile register holds."""
        return range(0, self.geometry.out.lanes, LANES)

    @property
    def across(self) -> int:
        """Tile registers of columns, side by side."""
        return -(-self.geometry.tile.columns // LANES)

    @property
    def rows(self) -> int:
        """Columns in a register."""
        return self.geometry.tile.columns // self.across

    @property
    def outputs(self) -> list[tuple[int, int]]:
        """Blocks of the tile, and first lanes of their parts: one register of weights each."""
        return [(block, part) for block in range(self.geometry.tile.blocks) for part in self.parts]

    @property
    def run(self) -> Run:
        """What is multiplied in one step."""
        return run_of(self.geometry, self.product.item)

    def emit(self, finish: Finish) -> None:
        """All tiles; `finish` gets the sums of a block of a part of the tile, by its number, and where it begins."""
        columns = self.geometry.tile.columns
        together = max(count for count in range(1, MOST_VECTORS + 1) if columns % count == 0)
        for place in each_tile(self.geometry, self._configured):
            shape = (self.geometry.tile.blocks, columns, self.geometry.out.lanes)
            sums = T.alloc_buffer(shape, str(self.start.dtype), scope="local")
            self._start(place[0])
            self._sum(place)
            self._store(sums)
            with T.serial(0, columns // together) as step:
                first = step * together
                finish(partial(self._vectors, sums, first, together), [*place[:2], place[2] + first])

    @contextmanager
    def _configured(self) -> Iterator[None]:
        """The tile registers have their sizes inside, and are given back behind it: nobody else saves them."""
        config = T.alloc_buffer((CONFIG_BYTES // WORD,), "int32", scope="local")
        for number, value in enumerate(self._configuration()):
            T.buffer_store(config, tirx.const(value, "int32"), [number])
        _emit("ldtilecfg", _address(config, 0))
        yield
        _emit("tilerelease")

    def _configuration(self) -> list[int]:
        """Rows and their bytes, of the registers of sums, of x and of weights."""
        sums, xs, _ = self._registers()
        config = bytearray(CONFIG_BYTES)
        config[0] = PALETTE
        for number in range(REGISTERS):
            of_weights = number not in {*sums.values(), *xs}
            row_bytes = self.run.words * WORD if number in xs else ROW
            config[BYTES_OF_ROWS + 2 * number] = row_bytes
            config[ROWS + number] = self.run.words if of_weights else self.rows
        return [int.from_bytes(config[at : at + WORD], "little", signed=True) for at in range(0, CONFIG_BYTES, WORD)]

    def _registers(self) -> tuple[dict[tuple[int, int], int], list[int], list[int]]:
        """The registers of sums, by register of columns and of outputs; those of x; those of weights."""
        count = self.across * len(self.outputs)
        pairs = [(column, output) for column in range(self.across) for output in range(len(self.outputs))]
        for_xs, for_weights = held_registers(self.across, len(self.outputs))
        xs = [count + number for number in range(for_xs)]
        return dict(zip(pairs, range(count), strict=True)), xs, [count + for_xs + number for number in range(for_weights)]

    def _start(self, first: Any) -> None:
        sums, _, _ = self._registers()
        for (_, output), register in sums.items():
            block, part = self.outputs[output]
            start = _address(self.start, first + block, part)
            _emit("tileloadd64", _register(register), start, tirx.const(0, "int64"))

    def _sum(self, place: Sequence[Any]) -> None:
        run = self.run
        with T.grid(self.geometry.x.blocks, self.geometry.kernel[0], run.taps, run.steps) as (block, ky, kx, step):
            self._step((block, ky, kx, step), place)

    def _step(self, tap: Sequence[Any], place: Sequence[Any]) -> None:
        """The fewer registers are loaded before the others, which take turns."""
        sums, xs, weights = self._registers()
        across, outputs = range(self.across), range(len(self.outputs))
        if len(outputs) <= len(across):
            for output in outputs:
                self._load_weights(weights[output], output, tap, place)
            for column in across:
                self._load_x(xs[column % len(xs)], column, tap, place)
                for output in outputs:
                    self._multiply(sums[column, output], xs[column % len(xs)], weights[output])
            return
        for column in across:
            self._load_x(xs[column], column, tap, place)
        for output in outputs:
            self._load_weights(weights[output % len(weights)], output, tap, place)
            for column in across:
                self._multiply(sums[column, output], xs[column], weights[output % len(weights)])

    def _load_x(self, register: int, column: int, tap: Sequence[Any], place: Sequence[Any]) -> None:
        geometry, (block, ky, kx, step) = self.geometry, tap
        row = place[1] * geometry.stride[0] + ky * geometry.dilation[0]
        pixel = (place[2] + column * self.rows) * geometry.stride[1] + kx * geometry.dilation[1]
        # A run goes on beyond its pixel's lanes, into those of the next tap.
        first = _address(self.x, block, row, pixel, step * (self.run.words * geometry.per_word))
        distance = geometry.stride[1] * geometry.x.lanes * self.product.item
        _emit("tileloadd64", _register(register), first, tirx.const(distance, "int64"))

    def _load_weights(self, register: int, output: int, tap: Sequence[Any], place: Sequence[Any]) -> None:
        geometry, (x_block, ky, kx, step) = self.geometry, tap
        block, part = self.outputs[output]
        first = _address(self.weight, place[0] + block, x_block, ky, kx, step * self.run.words, part * geometry.per_word)
        _emit("tileloadd64", _register(register), first, tirx.const(geometry.out.lanes * WORD, "int64"))

    def _multiply(self, total: int, x: int, weights: int) -> None:
        _emit(self.product.instruction, _register(total), _register(x), _register(weights))

    def _store(self, buffer: Any) -> None:
        sums, _, _ = self._registers()
        for (column, output), register in sums.items():
            block, part = self.outputs[output]
            first = _address(buffer, block, column * self.rows, part)
            _emit("tilestored64", _register(register), first, tirx.const(self.geometry.out.lanes * WORD, "int64"))

    def _vectors(self, sums: Any, first: Any, count: int, block: int) -> list[Expr]:
        """So many columns of the block's sums in the order in which they will lie in memory."""
        return [load(sums, block, first + column, ramp(part, LANES)) for column in range(count) for part in self.parts]
