"""What convolutions have in common that may be computed in AMX's tile registers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zcc.compiler.backends.cpu.kernels.amx_runs import gather_weights, gathered_shape
from zcc.compiler.backends.cpu.kernels.choices import AmxChoice
from zcc.compiler.backends.cpu.kernels.conv_loops import ConvGeometry
from zcc.compiler.backends.cpu.kernels.tiled_conv import TiledConv
from zcc.compiler.ir.tensors import Array


@dataclass(frozen=True)
class AmxConv(TiledConv):
    """A convolution with tiles of tile registers among its forms."""

    per_word: ClassVar[int]  # input channels whose products are added in one step

    @property
    def geometry(self) -> ConvGeometry:
        """What is summed."""
        return ConvGeometry(self.x, self.out, self.kernel, self.stride, self.dilation, self.tile, self.per_word)

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """How the weights lie."""
        shape = self.geometry.weight_shape
        return gathered_shape(shape) if self._gathers else shape

    def pack(self, dense: Array) -> Array:
        """The weights in the order in which the form reads them."""
        return gather_weights(dense) if self._gathers else dense

    @property
    def _gathers(self) -> bool:
        return isinstance(self.tile, AmxChoice) and self.tile.gathered
