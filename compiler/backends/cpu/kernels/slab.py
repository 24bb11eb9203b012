"""How a feature map lies in memory, as a kernel sees it."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np
from tvm.script.ir_builder import tirx as T


@dataclass(frozen=True)
class Slab:
    """Blocks of `lanes` channels over height x width; `pitch` and `plane` are the strides of rows and blocks."""

    blocks: int
    height: int
    width: int
    lanes: int
    pitch: int
    plane: int
    dtype: str = "float32"

    @classmethod
    def dense(cls, blocks: int, height: int, width: int, lanes: int, dtype: str = "float32") -> Slab:
        """A slab with nothing between its rows."""
        return cls(blocks, height, width, lanes, width * lanes, height * width * lanes, dtype)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Blocks, height, width, lanes."""
        return (self.blocks, self.height, self.width, self.lanes)

    def grown(self, top: int, left: int, bottom: int, right: int) -> Slab:
        """The slab with some of its border inside."""
        return replace(self, height=self.height + top + bottom, width=self.width + left + right)

    def argument(self, name: str) -> Any:
        """Declare the slab as the next parameter of the kernel being built."""
        strides = [self.plane, self.pitch, self.lanes, 1]
        align = self.lanes * np.dtype(self.dtype).itemsize
        return T.arg(name, T.Buffer(self.shape, self.dtype, strides=strides, align=align))


NAMES_OF_TYPES = {"uint16": "bfloat16"}  # for people, where the stored type only holds another one's bits


def written(spec: Any) -> tuple[str, int]:
    """The type of what a kernel writes, and how many channels lie together; "" and 0 where it writes no slab."""
    held = [getattr(spec, each.name) for each in fields(spec)] if is_dataclass(spec) else []
    slabs = [each for each in held if isinstance(each, Slab)]
    slab = getattr(spec, "out", None)
    slab = slab if isinstance(slab, Slab) else slabs[-1] if slabs else None
    return ("", 0) if slab is None else (NAMES_OF_TYPES.get(slab.dtype, slab.dtype), slab.lanes)
