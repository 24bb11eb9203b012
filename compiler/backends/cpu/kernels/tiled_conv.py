"""What the templates of convolutions have in common: the maps, the taps, and a register tile as their form."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from zcc.compiler.backends.cpu.kernels.choices import Sums
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit
from zcc.compiler.backends.cpu.kernels.stages import StageSpec, describe_stages
from zcc.compiler.ir.tensors import Array
from zcc.runtime.expansion import Order
from zcc.runtime.winograd_weights import STRIDES, TAPS


@dataclass(frozen=True)
class TiledConv:
    """A convolution; `x` includes the border that the taps reach."""

    x: Slab
    out: Slab
    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    stages: tuple[StageSpec, ...]
    tile: Sums

    word: ClassVar[str]  # what the kernel's name begins with

    @property
    def name(self) -> str:
        """For example `conv_3x3s2_64_128_80x80_silu`."""
        size = f"{self.kernel[0]}x{self.kernel[1]}s{self.stride[0]}"
        channels = f"{self.x.blocks * self.x.lanes}_{self.out.blocks * self.out.lanes}"
        return f"{self.word}_{size}_{channels}_{self.out.height}x{self.out.width}{describe_stages(self.stages)}"

    @property
    def winograd_stride(self) -> int | None:
        """The stride that it may be computed with by Winograd's way, along both axes; None where it may not."""
        stride, across = self.stride
        fits = self.kernel == (TAPS, TAPS) and self.dilation == (1, 1) and stride == across and stride in STRIDES
        return stride if fits else None

    @property
    def expansion(self) -> Order | None:
        """The weights are stored as they are."""
        return None

    def stored(self, dense: Array) -> Array:
        """What `expansion` makes the weights of."""
        return dense

    def preferred(self, unit: VectorUnit) -> Any:
        """The tile as it is."""
        return self.tile

    def chosen(self, choice: Any) -> Any:
        """With another tile."""
        return replace(self, tile=choice)

    def pack(self, dense: Array) -> Array:
        """The weights as they are."""
        return dense
