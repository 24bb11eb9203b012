"""Small kernels to search for, and forms of them that go wrong in every way a form can."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from tvm import tirx

from zcc.compiler.backends.cpu.kernels.bf16_conv import Bf16Conv
from zcc.compiler.backends.cpu.kernels.choices import Tile
from zcc.compiler.backends.cpu.kernels.direct_conv import DirectConv, default_tile
from zcc.compiler.backends.cpu.kernels.int8_conv import Int8Conv
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit
from zcc.compiler.backends.cpu.kernels.stages import Apply, StageSpec
from zcc.compiler.backends.cpu.kernels.winograd_conv import WinogradConv
from zcc.compiler.backends.cpu.targets.table import native_target
from zcc.compiler.backends.cpu.tuning.kernel_task import KernelTask
from zcc.compiler.ir.tensors import BFLOAT16

TARGET = native_target()
UNIT = TARGET.unit
HANGING = "ZCC_TESTS_HANGING"  # a file that a form makes when it hangs
SILU: tuple[StageSpec, ...] = (Apply("silu", ()),)
RELU: tuple[StageSpec, ...] = (Apply("relu", ()),)


@dataclass(frozen=True)
class Sizes:
    """A convolution without padding."""

    blocks: tuple[int, int] = (1, 2)  # of 16 channels, in and out
    size: tuple[int, int] = (5, 9)  # of the output
    kernel: int = 3
    stride: int = 1

    def common(self, dtype: str = "float32") -> dict[str, Any]:
        """The fields that all kinds of convolutions have."""
        inside = [(extent - 1) * self.stride + self.kernel for extent in self.size]
        return {
            "x": Slab.dense(self.blocks[0], inside[0], inside[1], 16, dtype),
            "out": Slab.dense(self.blocks[1], *self.size, 16, dtype),
            "kernel": (self.kernel, self.kernel),
            "stride": (self.stride, self.stride),
            "dilation": (1, 1),
            "stages": SILU,
        }


def direct(sizes: Sizes, unit: VectorUnit = UNIT, dtype: str = "float32") -> DirectConv:
    """A convolution in fp32, or of halves, as a network would have it."""
    common = sizes.common(dtype)
    return DirectConv(**common, tile=default_tile(common["x"], common["out"], common["kernel"], unit))


def int8(sizes: Sizes, unit: VectorUnit) -> Int8Conv:
    """One of bytes."""
    spec = Int8Conv(**sizes.common("uint8"), tile=Tile(1, 1))
    return spec.chosen(spec.choices(unit)[0])


def bf16(sizes: Sizes, unit: VectorUnit) -> Bf16Conv:
    """One of bfloat16 numbers."""
    spec = Bf16Conv(**sizes.common(BFLOAT16), tile=Tile(1, 1))
    return spec.chosen(spec.choices(unit)[0])


@dataclass(frozen=True)
class Broken(DirectConv):
    """A form with a fault, which shows in the process that measures it."""

    fault: str = ""

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """Fail, or give code that does."""
        sound = DirectConv(**{field.name: getattr(self, field.name) for field in fields(DirectConv)})
        if self.fault == "refuses":
            raise ValueError("no such tile")
        if self.fault == "crashes while it is built":
            os.kill(os.getpid(), signal.SIGSEGV)
        if self.fault == "hangs":
            Path(os.environ[HANGING]).touch()
            time.sleep(3600)
        if self.fault == "is slow":
            time.sleep(1)
        if self.fault == "crashes":
            # Rows so far away that they are nobody's memory.
            return replace(sound, dilation=(1 << 22, 1)).build(unit)
        if self.fault == "lies":
            return replace(sound, stages=RELU).build(unit)
        return sound.build(unit)


@dataclass(frozen=True)
class Shaky(DirectConv):
    """A kernel some of whose forms have faults."""

    faults: tuple[tuple[Tile, str], ...] = ()

    def chosen(self, choice: Any) -> DirectConv | WinogradConv:
        """The form, with its fault."""
        sound = {field.name: getattr(self, field.name) for field in fields(DirectConv)} | {"tile": choice}
        fault = dict(self.faults).get(choice)
        return Broken(**sound, fault=fault) if fault else DirectConv(**sound)

    def faulty(self, fault: str, *tiles: Tile) -> Shaky:
        """With the same fault in more forms."""
        return replace(self, faults=(*self.faults, *((tile, fault) for tile in tiles)))


def shaky(sizes: Sizes | None = None) -> Shaky:
    """A kernel without faults so far."""
    spec = direct(sizes or Sizes())
    return Shaky(**{field.name: getattr(spec, field.name) for field in fields(DirectConv)})


TILES = (Tile(1, 3), Tile(2, 3), Tile(1, 4), Tile(2, 2), Tile(1, 2))


def task(spec: Any, choices: tuple[Any, ...] = TILES, count: int = 1) -> KernelTask:
    """A kernel to search for among a few forms."""
    return KernelTask(replace(spec, tile=choices[0]), count, 1_000_000, 10_000, choices)


def task_of_all(spec: Any) -> KernelTask:
    """A kernel to search for among all its forms."""
    return KernelTask(spec, 1, 1_000_000, 10_000, tuple(spec.choices(UNIT)))
