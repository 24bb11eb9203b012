"""Number formats as kernels know them, and maps as they see them: NHWC, a window on some channels of each pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.ir.quantisation import Quantisation

CHUNK = 16  # bytes that one thread copies at a time: channels begin and end on a multiple


@dataclass(frozen=True)
class Format:
    """A number format."""

    name: str  # as numpy calls it; bfloat16 is stored as uint16
    type: str  # in CUDA
    bytes: int

    @property
    def block(self) -> int:
        """Channels in a chunk."""
        return CHUNK // self.bytes


FORMATS = {
    "float32": Format("float32", "float", 4),
    "float16": Format("float16", "f16", 2),
    "bfloat16": Format("bfloat16", "bf16", 2),
    "uint8": Format("uint8", "u8", 1),
}


@dataclass(frozen=True)
class Map:
    """A feature map: `channels` of the `pitch` elements of every pixel."""

    height: int
    width: int
    channels: int
    pitch: int
    dtype: str
    quantisation: Quantisation | None = None

    @property
    def format(self) -> Format:
        """The format of its elements."""
        return FORMATS[self.dtype]

    @property
    def pixels(self) -> int:
        """How many it has."""
        return self.height * self.width

    @property
    def bytes(self) -> int:
        """What its channels take."""
        return self.pixels * self.channels * self.format.bytes


def encode(values: NDArray[Any], dtype: str) -> NDArray[Any]:
    """Float32 values in a format; bfloat16 as its bits, nearest, ties to even."""
    if dtype != "bfloat16":
        return np.ascontiguousarray(values.astype(dtype))
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    rounded = (bits.astype(np.uint64) + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return rounded.astype(np.uint16)


def to_tf32(values: NDArray[Any]) -> NDArray[np.float32]:
    """The nearest floats whose mantissas end 13 bits earlier; those in the middle go away from zero, as on cards."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return ((bits + np.uint32(0x1000)) & np.uint32(0xFFFFE000)).view(np.float32)
