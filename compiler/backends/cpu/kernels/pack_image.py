"""A prepared float image, as the network alone is given it, in the layout that the first convolution reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tvm import tirx
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.spec import KernelSpec, VectorUnit, building
from zcc.compiler.backends.cpu.kernels.stored import as_stored
from zcc.compiler.ir.tensors import BFLOAT16

GREY_LEVELS = 255.0


@dataclass(frozen=True)
class PlanesKernel:
    """A plain [channels, height, width] tensor becomes planes with a border."""

    out: Slab  # one lane per block

    @property
    def name(self) -> str:
        """For example `planes_3_640x640`."""
        return f"planes_{self.out.blocks}_{self.out.height}x{self.out.width}"

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """Row by row."""
        out = self.out
        with building(self.name) as kernel:
            plain = T.arg("x", T.Buffer((out.blocks, out.height, out.width), out.dtype, align=4))
            planes = out.argument("out")
            with T.parallel(0, out.blocks * out.height) as task, T.serial(0, out.width) as x:
                plane, y = tirx.floordiv(task, out.height), tirx.floormod(task, out.height)
                T.buffer_store(planes, plain[plane, y, x], [plane, y, x, 0])
        return kernel.function


def _byte(level: Any) -> Any:
    """The nearest grey level."""
    whole = tirx.nearbyint(level)
    clamped = tirx.max(tirx.min(whole, tirx.const(GREY_LEVELS, "float32")), tirx.const(0.0, "float32"))
    return tirx.Cast("uint8", clamped)


@dataclass(frozen=True)
class PixelsKernel:
    """A plain [3, height, width] tensor of 0..1 becomes pixels of four numbers: grey levels, and a 0."""

    out: Slab  # one block of four lanes

    @property
    def name(self) -> str:
        """For example `pixels_640x640`."""
        return f"{PIXELS[self.out.dtype]}_{self.out.height}x{self.out.width}"

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """Row by row."""
        out, stored = self.out, STORED_LEVELS[self.out.dtype]
        with building(self.name) as kernel:
            plain = T.arg("x", T.Buffer((out.lanes - 1, out.height, out.width), "float32", align=4))
            pixels = out.argument("out")
            with T.parallel(0, out.height) as y, T.serial(0, out.width) as x:
                for channel in range(out.lanes - 1):
                    level = plain[channel, y, x] * tirx.const(GREY_LEVELS, "float32")
                    T.buffer_store(pixels, stored(level), [0, y, x, channel])
                T.buffer_store(pixels, tirx.const(0, out.dtype), [0, y, x, out.lanes - 1])
        return kernel.function


@dataclass(frozen=True)
class NoiseKernel:
    """An image of grey levels that have nothing to do with each other, always the same."""

    out: Slab  # planes, or pixels of four numbers

    @property
    def name(self) -> str:
        """For example `noise_640x640`."""
        return f"noise_{self.out.height}x{self.out.width}"

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """Row by row."""
        out, stored = self.out, STORED_LEVELS[self.out.dtype]
        channels = max(1, out.lanes - 1)  # of a pixel; its last number is 0
        with building(self.name) as kernel:
            image = out.argument("out")
            with T.parallel(0, out.blocks * out.height) as row, T.serial(0, out.width) as x:
                place = [tirx.floordiv(row, out.height), tirx.floormod(row, out.height), x]
                for channel in range(channels):
                    number = tirx.Cast("uint32", (row * out.width + x) * channels + channel)
                    level = tirx.Cast("float32", number * tirx.const(SCATTER, "uint32") >> tirx.const(24, "uint32"))
                    T.buffer_store(image, stored(level), [*place, channel])
                if out.lanes > 1:
                    T.buffer_store(image, tirx.const(0, out.dtype), [*place, channels])
        return kernel.function


SCATTER = 2654435761  # by Knuth: the upper bits of its multiples jump about
# How an image has a level, by the type of its numbers.
STORED_LEVELS: dict[str, Callable[[Any], Any]] = {
    "float32": lambda level: level * tirx.const(1 / GREY_LEVELS, "float32"),
    "uint8": _byte,
    BFLOAT16: lambda level: as_stored(level, BFLOAT16),
}
PIXELS = {"uint8": "pixels", BFLOAT16: "short_pixels"}  # by what they are stored in, in the kernel's name
IMAGE_KERNELS: dict[str, Callable[[Slab], KernelSpec]] = {
    "float32": PlanesKernel,
    "uint8": PixelsKernel,
    BFLOAT16: PixelsKernel,
}
